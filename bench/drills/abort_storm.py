"""Two thousand clients ask for 16 MiB and vanish in the middle: nothing of them may stay."""

from __future__ import annotations

import asyncio
import contextlib

from bench.accounting import tree_usage
from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad, in_seconds, seconds_until_served
from bench.errors import BenchError
from bench.load.client import Connection
from bench.load.exchange import Endpoint, Exchange
from bench.upstream import BODY_16M

CLIENTS = 2000
AT_ONCE = 50
READ_BYTES = 32 * 1024
REQUEST = Exchange("/16m", BODY_16M)
OK_LINE = b"HTTP/1.1 200 "
SETTLE_SECONDS = 2.0
LIMIT_SECONDS = 60.0


async def _run(scene: Scene) -> Outcome:
    _, port = scene.upstream()
    gateway = scene.gateway(port)
    await _warm_up(gateway.endpoint)
    before = tree_usage(gateway.child.pid)
    gate = asyncio.Semaphore(AT_ONCE)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await asyncio.gather(*(_vanish(gateway.endpoint, gate) for _ in range(CLIENTS)))
    except TimeoutError as error:
        message = f"not over after {LIMIT_SECONDS:.0f} s"
        raise BenchError(message) from error
    healed = await seconds_until_served(gateway.endpoint)
    await asyncio.sleep(SETTLE_SECONDS)
    after = tree_usage(gateway.child.pid)
    return {
        "growth": f"{max(0, after.rss_bytes - before.rss_bytes) / 1e6:.1f} MB",
        "descriptors left": str(max(0, after.open_files - before.open_files)),
        "served after": in_seconds(healed),
    }


async def _warm_up(endpoint: Endpoint) -> None:
    async with SteadyLoad(endpoint, connections=AT_ONCE):
        await asyncio.sleep(1.0)
    # What an idle gateway keeps for its clients is gone once they are.
    await asyncio.sleep(0.5)


async def _vanish(endpoint: Endpoint, gate: asyncio.Semaphore) -> None:
    async with gate:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(10.0):
                connection = await Connection.open(endpoint)
                connection.writer.write(REQUEST.encode(endpoint.host))
                began = await connection.reader.readexactly(READ_BYTES)
            connection.abort()
            if not began.startswith(OK_LINE):
                message = f"no answer to abort, but {began[:40]!r}"
                raise BenchError(message)


DRILL = Drill(
    name="abort-storm",
    summary=f"{CLIENTS:,} clients abort in the middle of a 16 MiB answer",
    bar={"growth": "≤ 3.0 MB", "descriptors left": "0"},
    run=lambda scene: asyncio.run(_run(scene)),
)
