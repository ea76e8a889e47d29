"""256 file descriptors, 600 connections: some must wait or be refused, and all of it must pass."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import OK, REQUEST, in_seconds, seconds_until_served
from bench.load.client import Connection, ProtocolError

if TYPE_CHECKING:
    from bench.load.exchange import Endpoint

FILES = 256
CONNECTIONS = 600
PATIENCE = 4.0


async def _run(scene: Scene) -> Outcome:
    _, port = scene.upstream()
    gateway = scene.gateway(port, open_files=FILES)
    opened: list[Connection] = []
    kinds = await asyncio.gather(*(_hold(gateway.endpoint, opened) for _ in range(CONNECTIONS)))
    alive = gateway.child.alive
    for connection in opened:
        connection.abort()
    healed = await seconds_until_served(gateway.endpoint)
    return {
        "alive": "yes" if alive and gateway.child.alive else "no",
        "answered, refused, left waiting": ", ".join(
            str(kinds.count(kind)) for kind in ("answered", "refused", "waiting")
        ),
        "healed after": in_seconds(healed),
    }


async def _hold(endpoint: Endpoint, opened: list[Connection]) -> str:
    """Connect, ask once, and keep the connection."""
    with contextlib.suppress(OSError, ProtocolError):
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await Connection.open(endpoint)
                opened.append(connection)
                answer = await connection.exchange(REQUEST.encode(endpoint.host))
        except TimeoutError:
            return "waiting"
        return "answered" if answer.status == OK else "refused"
    return "refused"


DRILL = Drill(
    name="fd-limit",
    summary=f"{FILES} file descriptors, {CONNECTIONS} connections that ask once and stay",
    bar={"alive": "yes", "answered, refused, left waiting": "none waiting", "healed after": "≤ 0.50 s"},
    run=lambda scene: asyncio.run(_run(scene)),
)
