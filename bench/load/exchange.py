"""A request as it goes over the wire, and the answer it must get."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One request and the body that must come back with status 200."""

    path: str
    """Request target, in origin form."""
    expected: bytes
    """The answer's body, to the byte."""
    method: str = "GET"
    """Request method."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields beside Host and Content-Length."""
    body: bytes = b""
    """Request body; Content-Length is sent when it is not empty."""

    def encode(self, host: str, *, close: bool = False) -> bytes:
        """Return the request's bytes; ``close`` asks the gateway to end the connection."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        if close:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Endpoint:
    """Where a gateway listens."""

    port: int
    """Port on 127.0.0.1."""
    tls: bool = False
    """Whether it speaks TLS there."""

    @property
    def host(self) -> str:
        """The name to ask for: the one in the certificate, for TLS."""
        return "localhost" if self.tls else "127.0.0.1"

    @property
    def url(self) -> str:
        """The address as wrk takes it."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"
