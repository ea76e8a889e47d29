"""HTTP as a dialogue in bytes: a test plays the client and the upstream in turn, the gateway stands between them.

    client.send("GET / HTTP/1.1\\r\\nHost: shop\\r\\n\\r\\n")
    server = upstream.accept()
    assert server.head().line == "GET / HTTP/1.1"
    server.send("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
    assert client.answer().body == b"hi"

Nothing here knows how to be lenient: what a peer reads is compared as it came. Every wait ends after `PATIENCE`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

PATIENCE = 15.0
"""Seconds after which a wait has failed. Nothing is expected to take that long."""


@dataclass
class Head:
    """A start line and its fields, names as they came."""

    line: str
    fields: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order, whatever the case of its letters."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))


@dataclass
class Message(Head):
    """A head with its body, unchunked, and what followed the last chunk."""

    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The status of a response."""
        return int(self.line.split(" ")[1])


class Peer:
    """One end of a connection to the gateway."""

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self.socket.settimeout(PATIENCE)
        self.unread = b""

    def send(self, *parts: str | bytes) -> Self:
        """Send in one segment, if it fits one."""
        self.socket.sendall(b"".join(part.encode("latin-1") if isinstance(part, str) else part for part in parts))
        return self

    def until(self, end: bytes) -> bytes:
        """Read up to and with `end`."""
        while end not in self.unread:
            self._more(f"{end!r}")
        found, self.unread = self.unread.split(end, 1)
        return found + end

    def exactly(self, count: int) -> bytes:
        """Read so many bytes."""
        while len(self.unread) < count:
            self._more(f"{count} bytes")
        found, self.unread = self.unread[:count], self.unread[count:]
        return found

    def rest(self) -> bytes:
        """Read until the other side has closed in order; a reset raises."""
        while part := self.socket.recv(1 << 16):
            self.unread += part
        found, self.unread = self.unread, b""
        return found

    def ended(self) -> bool:
        """Whether nothing but the end of the connection came, in order or by a reset. Waits for it."""
        with contextlib.suppress(ConnectionResetError):
            return self.rest() == b""
        return self.unread == b""

    def head(self) -> Head:
        """Read a head."""
        line, *lines = self.until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        return Head(line, [_field(text) for text in lines])

    def chunk(self) -> bytes:
        """Read one chunk; an empty one is the last, without the trailers and the empty line."""
        data = self.exactly(int(self.until(b"\r\n"), 16))
        if data:
            assert self.exactly(2) == b"\r\n"
        return data

    def request(self) -> Message:
        """Read a request with its body."""
        head = self.head()
        return self._body(head, none=True)

    def answer(self, *, to: str = "GET") -> Message:
        """Read a response with its body, where it is not to a request by the method `to` that has none."""
        head = self.head()
        status = int(head.line.split(" ")[1])
        return (
            self._body(head, none=False) if to != "HEAD" and not _bodiless(status) else Message(head.line, head.fields)
        )

    def _body(self, head: Head, *, none: bool) -> Message:
        message = Message(head.line, head.fields)
        if "Transfer-Encoding" in head:
            assert head["Transfer-Encoding"] == "chunked"
            assert "Content-Length" not in head
            while part := self.chunk():
                message.body += part
            while (line := self.until(b"\r\n")) != b"\r\n":
                message.trailers.append(_field(line[:-2].decode("latin-1")))
        elif "Content-Length" in head:
            message.body = self.exactly(int(head["Content-Length"]))
        elif not none:
            message.body = self.rest()
        return message

    def half_close(self) -> None:
        """Say that nothing more comes, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """End the connection in order."""
        self.socket.close()

    def _more(self, wanted: str) -> None:
        part = self.socket.recv(1 << 16)
        assert part, f"the connection ended before {wanted}, after {self.unread!r}"
        self.unread += part


class Upstream:
    """A server on a port of the loopback, whose connections are accepted when the test says so."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.socket = socket.create_server(("127.0.0.1", port))
        self.socket.settimeout(PATIENCE)
        self.port: int = self.socket.getsockname()[1]
        self.node = f"127.0.0.1:{self.port}"
        self.context = context
        self.peers: list[Peer] = []

    def accept(self) -> Peer:
        """Take the next connection."""
        accepted, _ = self.socket.accept()
        accepted.settimeout(PATIENCE)
        if self.context is not None:
            accepted = self.context.wrap_socket(accepted, server_side=True)
        self.peers.append(Peer(accepted))
        return self.peers[-1]

    def current(self) -> Peer:
        """The connection that the gateway keeps, or the first."""
        return self.peers[-1] if self.peers else self.accept()

    def untouched(self) -> bool:
        """Whether no connection waits to be accepted. To be asked when the gateway has answered."""
        self.socket.settimeout(0)
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def close(self) -> None:
        """Listen no more and end every connection."""
        for peer in self.peers:
            peer.close()
        self.socket.close()


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(": ")
    assert colon, f"{line!r} is no field line as the gateway writes them"
    return name, value


def _bodiless(status: int) -> bool:
    return status < 200 or status in (204, 304)
