"""HTTP/2 as a dialogue in frames, as `dialogue` has HTTP/1 in bytes: a test may send what no client would.

    client = Http2(served.connect()).open()
    client.ask(1, path="/hello")
    answer = client.answer(1)
    assert (answer.status, answer.body) == (200, b"hi")

Header blocks are made with `hpack`, and may also be given as bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

import hpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dialogue import Peer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR = 0x0, 0x1, 0x2
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0x7, 0x8, 0xB

INITIAL_WINDOW_SIZE = 0x4


class Frame(NamedTuple):
    """One frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of a RST_STREAM or a GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return int.from_bytes(self.payload[at : at + 4], "big")


@dataclass
class Answer:
    """What came on a stream."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    interim: list[list[tuple[str, str]]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        """The status, 0 if there was no final head."""
        return int(dict(self.fields).get(":status", 0))

    def __getitem__(self, name: str) -> str:
        (value,) = [value for key, value in self.fields if key == name]
        return value

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    """The bytes of a SETTINGS frame."""
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def head(path: str = "/", method: str = "GET", **more: str) -> list[tuple[str, str]]:
    """The fields of an ordinary request; `x_y="z"` adds a field `x-y`."""
    pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop"), (":path", path)]
    return pseudo + [(name.replace("_", "-"), value) for name, value in more.items()]


class Http2:
    """A client's end of an HTTP/2 connection."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.answers: dict[int, Answer] = {}
        self.goaway: list[Frame] = []
        self._trailing: set[int] = set()

    def open(self, *pairs: tuple[int, int]) -> Self:
        """Send preface and settings."""
        self.peer.send(PREFACE, settings(*pairs))
        return self

    def send(self, *frames: bytes) -> Self:
        """Send frames in one segment, if they fit one."""
        self.peer.send(*frames)
        return self

    def block(self, fields: Iterable[tuple[str, str]]) -> bytes:
        """A header block, as the peer's table has it when it is sent next."""
        return self.encoder.encode(list(fields), huffman=False)

    def headers(self, stream: int, fields: Iterable[tuple[str, str]], *, end: bool = True) -> bytes:
        """The bytes of a HEADERS frame."""
        flags = END_HEADERS | (END_STREAM if end else 0)
        return frame(HEADERS, flags, stream, self.block(fields))

    def ask(self, stream: int, path: str = "/", method: str = "GET", body: bytes | None = None, **more: str) -> Self:
        """Send an ordinary request."""
        frames = [self.headers(stream, head(path, method, **more), end=body is None)]
        if body is not None:
            frames.append(frame(DATA, END_STREAM, stream, body))
        return self.send(*frames)

    def next(self) -> Frame:
        """Read a frame; settings and pings are acknowledged."""
        length = int.from_bytes(self.peer.exactly(3), "big")
        kind, flags, stream = struct.unpack(">BBI", self.peer.exactly(6))
        read = Frame(kind, flags, stream & 0x7FFFFFFF, self.peer.exactly(length))
        if kind in (SETTINGS, PING) and not flags & ACK:
            self.peer.send(frame(kind, ACK, payload=read.payload if kind == PING else b""))
        self._note(read)
        return read

    def until(self, kind: int, stream: int | None = None) -> Frame:
        """Read up to a frame of this kind."""
        while True:
            read = self.next()
            if read.kind == kind and stream in (None, read.stream) and not (kind == SETTINGS and read.flags & ACK):
                return read

    def answer(self, stream: int) -> Answer:
        """Read until the stream has ended or was reset, or the connection goes away with it unanswered."""
        while True:
            answer = self.answers.setdefault(stream, Answer())
            if answer.ended or answer.reset is not None:
                return answer
            self.next()

    def opened(self) -> Self:
        """Wait until both sides know each other's settings."""
        while not (read := self.until(SETTINGS)):
            pass
        assert read.kind == SETTINGS
        return self

    def farewell(self) -> int:
        """Read until the connection ends; the last GOAWAY's code."""
        try:
            while True:
                self.next()
        except (AssertionError, ConnectionResetError):
            assert self.goaway, "the connection ended without GOAWAY"
            return self.goaway[-1].code

    def _note(self, read: Frame) -> None:
        if read.kind == GOAWAY:
            self.goaway.append(read)
        answer = self.answers.setdefault(read.stream, Answer())
        if read.kind == HEADERS:
            assert read.flags & END_HEADERS, "the gateway's heads in these tests fit a frame"
            fields = [(str(name), str(value)) for name, value in self.decoder.decode(read.payload)]
            if answer.fields:
                answer.trailers = fields
            elif dict(fields)[":status"].startswith("1"):
                answer.interim.append(fields)
            else:
                answer.fields = fields
        elif read.kind == DATA:
            answer.body += read.payload
        elif read.kind == RST_STREAM:
            answer.reset = read.code
        if read.kind in (HEADERS, DATA) and read.flags & END_STREAM:
            answer.ended = True
