"""gRPC's standard interoperability cases through the gateway, in clear text and over TLS on both sides.

The cases are those of <https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md> that need no
credentials of a cloud.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

import grpc
import pytest
from gateways import route
from rpc import INITIAL, TRAILING, Message, Service, Stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authority import Authority
    from gateways import Served

REQUESTS, RESPONSES = [27_182, 8, 1_828, 45_904], [31_415, 9, 2_653, 58_979]


@pytest.fixture(params=["h2c", "tls"])
def both(
    request: pytest.FixtureRequest, serve: Callable[..., Served], authority: Authority
) -> Iterator[tuple[Service, Stub]]:
    """A service, and a client of it through the gateway."""
    if request.param == "h2c":
        with Service() as service:
            served = serve(route(service.node, upstream__scheme="grpc"))
            with Stub(target(served)) as stub:
                yield service, stub
        return
    shown = authority.issue("shop.test")
    tls = {"listen": [{"ip": "127.0.0.1", "port": 0}], "ssl_trusted_certificate": str(authority.root.certificate)}
    with Service(shown) as service:
        served = serve(
            route(service.node, upstream__scheme="grpcs"),
            apisix__node_listen=[],
            apisix__ssl={"enable": True, **tls},
            ssls=[shown.as_ssl("shop.test")],
        )
        with Stub(target(served), authority.root.certificate.read_bytes()) as stub:
            yield service, stub


@pytest.fixture
def stub(both: tuple[Service, Stub]) -> Stub:
    """The client."""
    return both[1]


def target(served: Served) -> str:
    """What a client of it connects to."""
    host, port = served.addresses[0]
    return f"{host}:{port}"


class Requests:
    """A stream of requests that the test goes on with."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def send(self, message: Message) -> None:
        self.queue.put(message)

    def end(self) -> None:
        self.queue.put(None)

    def __iter__(self) -> Iterator[Message]:
        while (message := self.queue.get()) is not None:
            yield message


def test_empty_unary(stub: Stub) -> None:
    assert stub.empty() == b""


def test_large_unary(stub: Stub) -> None:
    assert stub.unary({"size": 314_159}, bytes(271_828)).payload == bytes(314_159)


def test_client_streaming(stub: Stub) -> None:
    answer = Message.decode(stub.input([bytes(size) for size in REQUESTS]).result())
    assert answer.wish["size"] == sum(REQUESTS)


def test_server_streaming(stub: Stub) -> None:
    answers = [Message.decode(answer).payload for answer in stub.output({"sizes": RESPONSES})]
    assert answers == [bytes(size) for size in RESPONSES]


def test_ping_pong(stub: Stub) -> None:
    requests = Requests()
    answers = stub.duplex(requests)
    for sent, wanted in zip(REQUESTS, RESPONSES, strict=True):
        requests.send(Message({"size": wanted}, bytes(sent)))
        assert Message.decode(next(answers)).payload == bytes(wanted)
    requests.end()
    assert list(answers) == []


def test_empty_stream(stub: Stub) -> None:
    assert list(stub.duplex([])) == []


def test_timeout_on_sleeping_server(both: tuple[Service, Stub]) -> None:
    service, stub = both
    requests = Requests()
    requests.send(Message({"size": 1}))
    with pytest.raises(grpc.RpcError) as caught:
        for _ in stub.duplex(requests, timeout=0.2):
            pass
    requests.end()
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.cancelled.wait(15)


def test_cancel_after_begin(stub: Stub) -> None:
    requests = Requests()
    call = stub.duplex(requests)
    call.cancel()
    requests.end()
    assert call.code() is grpc.StatusCode.CANCELLED


def test_cancel_after_first_response(both: tuple[Service, Stub]) -> None:
    service, stub = both
    requests = Requests()
    call = stub.duplex(requests)
    requests.send(Message({"size": 31_415}, bytes(27_182)))
    assert Message.decode(next(call)).payload == bytes(31_415)
    call.cancel()
    requests.end()
    assert call.code() is grpc.StatusCode.CANCELLED
    assert service.cancelled.wait(15)


@pytest.mark.parametrize("kind", ["unary", "duplex"])
def test_custom_metadata(stub: Stub, kind: str) -> None:
    metadata = [(INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab")]
    if kind == "unary":
        request = Message({"size": 1}).encode()
        method = stub.channel.unary_unary("/grpc.testing.TestService/UnaryCall")
        _, call = method.with_call(request, metadata=metadata, timeout=15)
    else:
        call = stub.duplex([Message({"size": 1})], metadata=metadata)
        assert len(list(call)) == 1
    assert (INITIAL, "test_initial_metadata_value") in call.initial_metadata()
    assert (TRAILING, b"\xab\xab\xab") in call.trailing_metadata()


@pytest.mark.parametrize("kind", ["unary", "duplex"])
def test_status_code_and_message(stub: Stub, kind: str) -> None:
    wish = {"code": "UNKNOWN", "text": "test status message"}
    with pytest.raises(grpc.RpcError) as caught:
        stub.unary(wish) if kind == "unary" else list(stub.duplex([Message(wish)]))
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert caught.value.details() == "test status message"


def test_special_status_message(stub: Stub) -> None:
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    with pytest.raises(grpc.RpcError) as caught:
        stub.unary({"code": "UNKNOWN", "text": text})
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert caught.value.details() == text


@pytest.mark.parametrize("path", ["UnimplementedCall", "/grpc.testing.UnimplementedService/UnimplementedCall"])
def test_unimplemented(stub: Stub, path: str) -> None:
    """The last two of the fourteen: an unimplemented method, and an unimplemented service."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.unary({}, method=path)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
