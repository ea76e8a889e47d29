"""An upstream that speaks HTTP/2 in frames, as the test says: `frames` has the other end.

node = accept(upstream)
request = node.request()
node.answer(request.stream, body=b"hi")
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    WINDOW_UPDATE,
    Frame,
    Http2,
    frame,
    settings,
)

if TYPE_CHECKING:
    from dialogue import Peer, Upstream

MAX_CONCURRENT_STREAMS = 0x3

Fields = list[tuple[str, str]]


@dataclass
class Request:
    """What came on a stream."""

    stream: int
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    def __getitem__(self, name: str) -> str:
        (value,) = [value for key, value in self.fields if key == name]
        return value

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)


class Node(Http2):
    """A server's end of an HTTP/2 connection."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self.requests: dict[int, Request] = {}
        self.taken: set[int] = set()

    def open(self, *pairs: tuple[int, int]) -> Self:
        """Read the preface, and send settings."""
        assert self.peer.exactly(len(PREFACE)) == PREFACE
        return self.send(settings(*pairs))

    def head(self) -> Request:
        """Read up to the head of a request that was not taken before."""
        while not (waiting := self.requests.keys() - self.taken):
            self.next()
        self.taken.add(min(waiting))
        return self.requests[min(waiting)]

    def request(self) -> Request:
        """Read a whole request."""
        read = self.head()
        while not read.ended:
            self.next()
        return read

    def until_reset(self, read: Request) -> int:
        """Read until the gateway has cancelled a request; with which code."""
        while read.reset is None:
            self.next()
        return read.reset

    def begin(self, stream: int, status: int = 200, *, end: bool = False, **more: str) -> Self:
        """Send the head of an answer; `x_y="z"` adds a field `x-y`."""
        return self._head(stream, status, more, end=end)

    def data(self, stream: int, body: bytes, *, end: bool = False) -> Self:
        """Send content."""
        return self.send(frame(DATA, END_STREAM if end else 0, stream, body))

    def trail(self, stream: int, *fields: tuple[str, str]) -> Self:
        """Send trailers, with which the answer ends."""
        return self.send(self.headers(stream, fields))

    def respond(self, stream: int, status: int = 200, body: bytes = b"", **more: str) -> Self:
        """Send a whole answer."""
        return self._head(stream, status, more, end=False).data(stream, body, end=True)

    def reset(self, stream: int, code: int) -> Self:
        """End a stream."""
        return self.send(frame(RST_STREAM, 0, stream, code.to_bytes(4, "big")))

    def go_away(self, last: int, code: int = 0) -> Self:
        """Take no streams above `last`."""
        return self.send(frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big")))

    def credit(self, stream: int, size: int) -> Self:
        """Let the gateway send more."""
        return self.send(frame(WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big")))

    def _head(self, stream: int, status: int, more: dict[str, str], *, end: bool) -> Self:
        fields = [(":status", str(status)), *((name.replace("_", "-"), value) for name, value in more.items())]
        return self.send(self.headers(stream, fields, end=end))

    def _note(self, read: Frame) -> None:
        if read.kind == GOAWAY:
            self.goaway.append(read)
        if read.kind not in (HEADERS, DATA, RST_STREAM):
            return
        request = self.requests.setdefault(read.stream, Request(read.stream))
        if read.kind == HEADERS:
            assert read.flags & END_HEADERS, "the gateway's heads in these tests fit a frame"
            fields = [(str(name), str(value)) for name, value in self.decoder.decode(read.payload)]
            if request.fields:
                request.trailers = fields
            else:
                request.fields = fields
        elif read.kind == DATA:
            request.body += read.payload
        else:
            request.reset = read.code
        request.ended |= read.kind != RST_STREAM and bool(read.flags & END_STREAM)


def accept(upstream: Upstream, *pairs: tuple[int, int]) -> Node:
    """Take the next connection and begin HTTP/2 on it."""
    return Node(upstream.accept()).open(*pairs)
