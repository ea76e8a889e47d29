"""Eleven kinds of clients that waste a connection: which the gateway ends within a minute.

All play at once against one gateway. Whether one was ended is read on the gateway's side of the
connection, in /proc/net/tcp: a client that never reads would not see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import in_seconds, seconds_until_served

if TYPE_CHECKING:
    from collections.abc import Iterator

# A little over the minute, for timeouts of exactly that.
LIMIT_SECONDS = 62.0
STEP_SECONDS = 0.5
SMALL_BUFFER = 4096
ESTABLISHED = "01"
HEAD = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
UPLOAD = b"POST /length" + HEAD


@dataclass(frozen=True)
class Kind:
    """A way to be slow."""

    name: str
    """What it does."""
    first: bytes = b""
    """Sent at once."""
    drip: bytes = b""
    """Sent again every second."""
    reads: int = 65536
    """Bytes it reads a second."""


KINDS = (
    Kind("says nothing"),
    Kind("half a request line", b"GET /1k HT"),
    Kind("half a head", b"GET /1k" + HEAD),
    Kind("drips a header value", b"GET /1k" + HEAD + b"X-Slow: ", b"a"),
    Kind("drips header fields", b"GET /1k" + HEAD, b"X-Slow: a\r\n"),
    Kind("announced body never comes", UPLOAD + b"Content-Length: 100000\r\n\r\n"),
    Kind("drips a body", UPLOAD + b"Content-Length: 100000\r\n\r\n", b"a"),
    Kind("chunked body never ends", UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
    Kind("drips chunks", UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    Kind("never reads", b"GET /16m" + HEAD + b"\r\n", reads=0),
    Kind("drips reads", b"GET /16m" + HEAD + b"\r\n", reads=100),
)


class SlowClient:
    """One connection of a kind."""

    def __init__(self, kind: Kind, port: int) -> None:
        """Connect to the gateway on ``port``."""
        self.kind = kind
        self.ended: float | None = None
        self._socket = socket.socket()
        # A small window, so that an answer does not fit into the kernel.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self._send(kind.first)

    def step(self) -> None:
        """Do what it does in a second."""
        self._send(self.kind.drip)
        if self.kind.reads:
            with contextlib.suppress(OSError):
                self._socket.recv(self.kind.reads)

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.send(data)


def established(table: str, port: int) -> set[int]:
    """Return the clients' ports of connections that ``port`` holds, from /proc/net/tcp's text."""

    def pairs() -> Iterator[tuple[int, int]]:
        for line in table.splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            if state == ESTABLISHED:
                yield int(local.split(":")[1], 16), int(remote.split(":")[1], 16)

    return {remote for local, remote in pairs() if local == port}


def _run(scene: Scene) -> Outcome:
    _, upstream = scene.upstream()
    gateway = scene.gateway(upstream)
    clients = [SlowClient(kind, gateway.endpoint.port) for kind in KINDS]
    began = time.monotonic()
    steps = 0
    while (elapsed := time.monotonic() - began) < LIMIT_SECONDS:
        time.sleep(STEP_SECONDS)
        steps += 1
        held = established(Path("/proc/net/tcp").read_text(), gateway.endpoint.port)
        for client in clients:
            if client.ended is None and client.port not in held:
                client.ended = elapsed
            if client.ended is None and steps % 2 == 0:
                client.step()
        if all(client.ended is not None for client in clients):
            break
    served = asyncio.run(seconds_until_served(gateway.endpoint))
    for client in clients:
        client.close()
    left = [client.kind.name for client in clients if client.ended is None]
    return {
        "ended": f"{len(clients) - len(left)} of {len(clients)}",
        "left": ", ".join(left) or "none",
        "an honest client is served after": in_seconds(served),
    }


DRILL = Drill(
    name="slow-clients",
    summary=f"{len(KINDS)} kinds of slow clients, a minute",
    bar={"ended": "9 of 11 or more"},
    run=_run,
)
