"""A small HTTP/1.1 client that trusts nothing: it hands back every byte of an answer.

    connection = await Connection.open(endpoint)
    answer = await connection.exchange(request)

It understands the three framings of an answer (length, chunked, until close), no redirects and
no 1xx. Anything else raises :exc:`ProtocolError`: a gateway under test gets no benefit of doubt.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from bench.load.exchange import Endpoint

HEAD_LIMIT = 256 * 1024
NO_LINGER = struct.pack("ii", 1, 0)
BODILESS = frozenset({204, 304})


class ProtocolError(Exception):
    """The answer cannot be read as HTTP/1.1, or ended early."""


@dataclass(frozen=True)
class Answer:
    """One answer, whole."""

    status: int
    """Status code."""
    headers: dict[str, str]
    """Header fields, names in lower case; the last of a repeated name."""
    body: bytes
    """Body, chunks joined."""
    wire_bytes: int
    """Bytes it took on the connection, head and framing included."""

    @property
    def closes(self) -> bool:
        """Whether the gateway said it ends the connection."""
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """A connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap an open stream; use :meth:`open`."""
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, endpoint: Endpoint, seconds: float = 10.0) -> Self:
        """Connect, with TLS where the endpoint speaks it; OSError or TimeoutError if it cannot."""
        context = tls_context() if endpoint.tls else None
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1",
                endpoint.port,
                limit=HEAD_LIMIT,
                ssl=context,
                server_hostname=endpoint.host if endpoint.tls else None,
            )
        return cls(reader, writer)

    async def exchange(self, request: bytes) -> Answer:
        """Send a request's bytes and read the answer."""
        self.writer.write(request)
        return await self.read_answer(head_only=request.startswith(b"HEAD "))

    async def read_answer(self, *, head_only: bool = False) -> Answer:
        """Read one answer; :exc:`ProtocolError` if it is malformed or cut off."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, headers = parse_head(head)
            if head_only or status in BODILESS:
                return Answer(status, headers, b"", len(head))
            body, wire = await self._read_body(headers)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            message = f"answer cut off: {error}"
            raise ProtocolError(message) from error
        return Answer(status, headers, body, len(head) + wire)

    async def _read_body(self, headers: dict[str, str]) -> tuple[bytes, int]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._read_chunks()
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        else:
            body = await self.reader.read()
        return body, len(body)

    async def _read_chunks(self) -> tuple[bytes, int]:
        parts, wire = [], 0
        while True:
            line = await self.reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            data = await self.reader.readexactly(size + 2) if size else b""
            wire += len(line) + len(data)
            if not size:
                break
            parts.append(data[:-2])
        while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
            wire += len(line)
        return b"".join(parts), wire + 2

    def abort(self) -> None:
        """End the connection with a reset, as a client that crashed."""
        raw = self.writer.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.writer.transport.abort()

    async def close(self) -> None:
        """End the connection in order."""
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(2.0):
                await self.writer.wait_closed()


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and header fields of a response head; :exc:`ProtocolError` if malformed."""
    status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit():
        message = f"not a status line: {status_line!r}"
        raise ProtocolError(message)
    pairs = (line.partition(":") for line in lines)
    return int(rest[:3]), {name.lower(): value.strip() for name, _, value in pairs}


def tls_context() -> ssl.SSLContext:
    """Return a TLS 1.3 client that accepts the harness's own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
