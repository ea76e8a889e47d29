"""Ten thousand clients that asked once and stay: what each costs in memory, plain and with TLS.

With a lower limit of file descriptors there are fewer clients: each takes one here, and the peers
reckon with two.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import TYPE_CHECKING

from bench.accounting import tree_usage
from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import OK, REQUEST
from bench.errors import BenchError
from bench.load.client import Connection

if TYPE_CHECKING:
    from bench.load.exchange import Endpoint

WANTED = 10_000
SPARE_FILES = 400
AT_ONCE = 50
SETTLE_SECONDS = 1.0


def clients_allowed(open_files: int) -> int:
    """Return how many clients fit a limit of file descriptors on both sides."""
    return min(WANTED, open_files // 2 - SPARE_FILES)


async def _run(scene: Scene) -> Outcome:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        count = clients_allowed(_raise_limit(before[1]))
        _, port = scene.upstream()
        plain = await _bytes_each(scene, port, count, tls=False)
        tls = await _bytes_each(scene, port, count, tls=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0], resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return {
        "connections": f"{count:,}",
        "memory each, plain": f"{plain / 1024:.1f} KiB",
        "memory each, TLS": f"{tls / 1024:.1f} KiB",
    }


def _raise_limit(hard: int) -> int:
    """Allow as many descriptors as wanted, or as the hard limit says where only root may raise that; how many."""
    wanted = max(hard, 2 * (WANTED + SPARE_FILES))
    for limit in (wanted, hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
    return hard


async def _bytes_each(scene: Scene, upstream: int, count: int, *, tls: bool) -> float:
    gateway = scene.gateway(upstream, tls=tls)
    held: list[Connection] = []
    gate = asyncio.Semaphore(AT_ONCE)
    # The first few bring in code and pools that all share.
    await asyncio.gather(*(_stay(gateway.endpoint, gate, held) for _ in range(AT_ONCE)))
    before = tree_usage(gateway.child.pid).rss_bytes
    await asyncio.gather(*(_stay(gateway.endpoint, gate, held) for _ in range(count - AT_ONCE)))
    await asyncio.sleep(SETTLE_SECONDS)
    after = tree_usage(gateway.child.pid).rss_bytes
    gone = sum(1 for connection in held if connection.reader.at_eof())
    for connection in held:
        connection.abort()
    gateway.child.stop()
    if gone:
        message = f"{gone} of {count} idle connections were closed"
        raise BenchError(message)
    return (after - before) / (count - AT_ONCE)


async def _stay(endpoint: Endpoint, gate: asyncio.Semaphore, held: list[Connection]) -> None:
    async with gate:
        connection = await Connection.open(endpoint)
        held.append(connection)
        answer = await connection.exchange(REQUEST.encode(endpoint.host))
        if answer.status != OK:
            message = f"status {answer.status} with {len(held)} connections open"
            raise BenchError(message)


DRILL = Drill(
    name="idle-connections",
    summary=f"memory of {WANTED:,} keep-alive connections that asked once",
    bar={"memory each, plain": "≤ 4.0 KiB", "memory each, TLS": "≤ 16.0 KiB"},
    run=lambda scene: asyncio.run(_run(scene)),
)
