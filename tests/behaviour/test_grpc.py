"""gRPC beyond what HTTP/2 brings with it: deadlines, cancellation, and errors of the gateway's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from frames import CANCEL, DATA, END_STREAM, Http2, frame
from frames import head as fields_of
from gateways import route
from http2_node import accept
from rpc import Message, Service, Stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dialogue import Upstream
    from gateways import Served

GRPC: dict[str, str] = {"content_type": "application/grpc", "te": "trailers"}
MESSAGE = b"\0\0\0\0\2hi"


@pytest.fixture
def service() -> Iterator[Service]:
    """A gRPC server."""
    with Service() as one:
        yield one


def called(client: Http2, stream: int = 1, **more: str) -> Http2:
    """Ask as a client of gRPC does."""
    return client.ask(stream, "/a.B/C", "POST", MESSAGE, **GRPC, **more)


def stub_of(served: Served) -> Stub:
    host, port = served.addresses[0]
    return Stub(f"{host}:{port}")


def test_a_call_passes_as_it_is(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"), http__access_log_format="$status $upstream_scheme")
    client = called(Http2(served.connect()).open(), grpc_timeout="10S", x_bin="AA")
    node = accept(upstream)
    request = node.request()
    assert (request[":method"], request[":path"], request["te"]) == ("POST", "/a.B/C", "trailers")
    assert (request["content-type"], request["grpc-timeout"], request["x-bin"]) == ("application/grpc", "10S", "AA")
    assert "content-length" not in request
    assert request.body == MESSAGE
    node.begin(request.stream, content_type="application/grpc").data(request.stream, MESSAGE)
    node.trail(request.stream, ("grpc-status", "0"), ("grpc-message", "fine"))
    answer = client.answer(1)
    assert (answer.status, answer.body) == (200, MESSAGE)
    assert answer.trailers == [("grpc-status", "0"), ("grpc-message", "fine")]
    assert served.log.next() == "200 grpc"


def test_an_answer_of_trailers_only_stays_one(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = called(Http2(served.connect()).open())
    node = accept(upstream)
    node.begin(node.request().stream, end=True, content_type="application/grpc", grpc_status="5")
    answer = client.answer(1)
    assert answer["grpc-status"] == "5"
    assert answer.ended
    assert "content-length" not in answer
    assert answer.trailers == []


def test_each_message_is_passed_on_when_it_comes(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = Http2(served.connect()).open()
    client.send(client.headers(1, fields_of("/a.B/C", "POST", **GRPC), end=False))
    node = accept(upstream)
    request = node.head()
    node.begin(request.stream, content_type="application/grpc")
    while not client.answers.get(1) or not client.answers[1].fields:
        client.next()
    for count in range(1, 4):
        client.send(frame(DATA, 0, 1, MESSAGE))
        while request.body != MESSAGE * count:
            node.next()
        node.data(request.stream, MESSAGE)
        while client.answers[1].body != MESSAGE * count:
            client.next()
    client.send(frame(DATA, END_STREAM, 1))
    while not request.ended:
        node.next()
    node.trail(request.stream, ("grpc-status", "0"))
    assert client.answer(1).trailers == [("grpc-status", "0")]


STATUSES: list[tuple[dict[str, Any], grpc.StatusCode, str]] = [
    ({"uri": "/other"}, grpc.StatusCode.UNIMPLEMENTED, "404 Route Not Found"),
    ({"upstream": {"scheme": "grpc", "nodes": {}}}, grpc.StatusCode.UNAVAILABLE, "no node to try"),
]


@pytest.mark.parametrize(("changes", "code", "text"), STATUSES)
def test_an_error_of_the_gateway_is_told_as_a_status(
    serve: Callable[..., Served], changes: dict[str, Any], code: grpc.StatusCode, text: str
) -> None:
    served = serve({**route("127.0.0.1:1"), **changes})
    with stub_of(served) as stub, pytest.raises(grpc.RpcError) as caught:
        stub.unary({})
    assert (caught.value.code(), caught.value.details()) == (code, text)
    fields = dict(caught.value.initial_metadata() or ()) | dict(caught.value.trailing_metadata() or ())
    assert len(fields["x-request-id"]) == 32


def test_a_dead_node_is_unavailable(serve: Callable[..., Served], dead: str) -> None:
    served = serve(route(dead, upstream__scheme="grpc"))
    with stub_of(served) as stub, pytest.raises(grpc.RpcError) as caught:
        stub.unary({})
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNAVAILABLE, "connect failed")
    assert served.log.next() == "UF 200 502 POST /grpc.testing.TestService/UnaryCall HTTP/2.0"


def test_a_call_goes_to_the_node_that_lives(serve: Callable[..., Served], dead: str, service: Service) -> None:
    served = serve(route(dead, service.node, upstream__scheme="grpc"))
    with stub_of(served) as stub:
        for _ in range(4):
            assert stub.unary({"size": 3}).payload == bytes(3)


def test_a_deadline_ends_the_exchange(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = called(Http2(served.connect()).open(), grpc_timeout="200m")
    node = accept(upstream)
    request = node.request()
    answer = client.answer(1)
    assert (answer.status, answer["grpc-status"]) == (200, "4")
    assert node.until_reset(request) == CANCEL
    assert served.log.next().startswith("TT 200 ")


def test_a_server_may_be_the_first_to_see_the_deadline(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = called(Http2(served.connect()).open())
    node = accept(upstream)
    node.begin(node.request().stream, end=True, grpc_status="0")
    assert client.answer(1)["grpc-status"] == "0"
    called(client, 3, grpc_timeout="1n")
    node.reset(node.head().stream, CANCEL)
    assert client.answer(3)["grpc-status"] == "4"


def test_a_deadline_ends_an_answer_that_has_begun(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = called(Http2(served.connect()).open(), grpc_timeout="300m")
    node = accept(upstream)
    request = node.request()
    node.begin(request.stream, content_type="application/grpc").data(request.stream, MESSAGE)
    answer = client.answer(1)
    assert answer.body == MESSAGE
    assert dict(answer.trailers)["grpc-status"] == "4"
    assert node.until_reset(request) == CANCEL


def test_a_call_that_the_client_gives_up_is_cancelled(serve: Callable[..., Served], service: Service) -> None:
    served = serve(route(service.node, upstream__scheme="grpc"))
    with stub_of(served) as stub:
        call = stub.output({"sizes": [5], "hold": True})
        assert Message.decode(next(call)).payload == bytes(5)
        call.cancel()
        assert service.cancelled.wait(15)
    assert served.log.next().startswith("DC 200 ")


def test_grpc_over_http_1_is_refused(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = served.ask(
        "POST /a.B/C HTTP/1.1\r\nHost: shop\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n"
    )
    answer = client.answer()
    assert answer.status == 505
    assert b"gRPC needs HTTP/2" in answer.body
    assert upstream.untouched()


def test_other_requests_reach_a_grpc_upstream_from_http_1(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__scheme="grpc"))
    client = served.ask("GET /health HTTP/1.1\r\nHost: shop\r\n\r\n")
    node = accept(upstream)
    node.respond(node.request().stream, body=b"fine")
    assert client.answer().body == b"fine"


def test_a_server_that_stops_loses_no_call(serve: Callable[..., Served]) -> None:
    """A server that goes away in order, with GOAWAY, while another takes over its port."""
    with Service() as first, Service() as second:
        served = serve(route(first.node, second.node, upstream__scheme="grpc"))
        with stub_of(served) as stub:
            for count in range(100):
                if count == 50:
                    first.server.stop(1)
                assert stub.unary({"size": 1}).payload == bytes(1)


def test_many_calls_at_once_share_few_connections(serve: Callable[..., Served], service: Service) -> None:
    served = serve(route(service.node, upstream__scheme="grpc"))
    with stub_of(served) as stub:
        method = stub.channel.unary_unary("/grpc.testing.TestService/UnaryCall")
        calls = [method.future(Message({"size": 10}).encode(), timeout=15) for _ in range(500)]
        assert all(len(Message.decode(call.result()).payload) == 10 for call in calls)
