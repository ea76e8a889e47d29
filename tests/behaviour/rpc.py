"""A gRPC service and its clients for tests, as grpc's interoperability tests have them.

The methods are those of `grpc.testing.TestService`; messages are JSON before a payload, since no one but the two ends
looks into them.

    with Service() as service, service.stub(served) as stub:
        assert stub.unary({"size": 5}).payload == bytes(5)
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import grpc
from dialogue import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from authority import Certificate

SERVICE = "/grpc.testing.TestService/"
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


@dataclass(frozen=True)
class Message:
    """What is sent: what the other end is to do, and bytes."""

    wish: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""

    def encode(self) -> bytes:
        return json.dumps(self.wish).encode() + b"\n" + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Self:
        wish, _, payload = data.partition(b"\n")
        return cls(json.loads(wish), payload)


class Service:
    """A server of the test service."""

    def __init__(self, shown: Certificate | None = None) -> None:
        self.cancelled = threading.Event()
        self.held = threading.Event()
        self.server = grpc.server(ThreadPoolExecutor(8))
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        methods = {
            "EmptyCall": unary(self._empty),
            "UnaryCall": unary(self._unary),
            "StreamingOutputCall": grpc.unary_stream_rpc_method_handler(self._output),
            "StreamingInputCall": grpc.stream_unary_rpc_method_handler(self._input),
            "FullDuplexCall": stream(self._duplex),
            "Hold": unary(self._hold),
        }
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("grpc.testing.TestService", methods),)
        )
        if shown is None:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        else:
            pair = (shown.key.read_bytes(), shown.certificate.read_bytes())
            self.port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        self.node = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.held.set()
        self.server.stop(0).wait()

    def _empty(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._echo(context)
        return request

    def _unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._echo(context)
        return self._answer(Message.decode(request), context)

    def _output(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        message = Message.decode(request)
        for size in message.wish["sizes"]:
            yield Message(payload=bytes(size)).encode()
        if message.wish.get("hold"):
            self._hold(request, context)

    def _input(self, requests: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        return Message({"size": sum(len(Message.decode(request).payload) for request in requests)}).encode()

    def _duplex(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self._echo(context)
        self._watch(context)
        for request in requests:
            yield self._answer(Message.decode(request), context)

    def _hold(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._watch(context)
        self.held.wait(PATIENCE)
        return request

    def _watch(self, context: grpc.ServicerContext) -> None:
        if not context.add_callback(self.cancelled.set):
            self.cancelled.set()  # it is over already

    def _answer(self, message: Message, context: grpc.ServicerContext) -> bytes:
        if "code" in message.wish:
            context.abort(grpc.StatusCode[message.wish["code"]], message.wish["text"])
        return Message(payload=bytes(message.wish.get("size", 0))).encode()

    def _echo(self, context: grpc.ServicerContext) -> None:
        sent = dict(context.invocation_metadata())
        if INITIAL in sent:
            context.send_initial_metadata([(INITIAL, sent[INITIAL])])
        if TRAILING in sent:
            context.set_trailing_metadata([(TRAILING, sent[TRAILING])])


class Stub:
    """A client of the test service."""

    def __init__(self, target: str, root: bytes | None = None, name: str = "shop.test") -> None:
        options = [("grpc.ssl_target_name_override", name), ("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0)]
        if root is None:
            self.channel = grpc.insecure_channel(target, options)
        else:
            self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(root), options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def empty(self, **call: Any) -> bytes:
        """`EmptyCall`: a message of no bytes."""
        answer: bytes = self.channel.unary_unary(SERVICE + "EmptyCall")(b"", **self._patient(call))
        return answer

    def unary(self, wish: dict[str, Any], payload: bytes = b"", method: str = "UnaryCall", **call: Any) -> Message:
        """`UnaryCall`, or another method of one message each way."""
        request = Message(wish, payload).encode()
        path = method if method.startswith("/") else SERVICE + method
        return Message.decode(self.channel.unary_unary(path)(request, **self._patient(call)))

    def output(self, wish: dict[str, Any], **call: Any) -> Any:
        """`StreamingOutputCall`."""
        return self.channel.unary_stream(SERVICE + "StreamingOutputCall")(Message(wish).encode(), **self._patient(call))

    def input(self, payloads: Iterable[bytes]) -> Any:
        """`StreamingInputCall`, begun."""
        requests = (Message(payload=payload).encode() for payload in payloads)
        return self.channel.stream_unary(SERVICE + "StreamingInputCall").future(requests, timeout=PATIENCE)

    def duplex(self, requests: Iterable[Message], **call: Any) -> Any:
        """`FullDuplexCall`."""
        encoded = (request.encode() for request in requests)
        return self.channel.stream_stream(SERVICE + "FullDuplexCall")(encoded, **self._patient(call))

    @staticmethod
    def _patient(call: dict[str, Any]) -> dict[str, Any]:
        return {"timeout": PATIENCE, **call}
