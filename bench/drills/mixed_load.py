"""Ten minutes of everything at once: whether memory grows, and how fast.

Memory is read twice a second. The slope is Theil and Sen's, the median of the slopes between all
pairs, of the lowest reading in each five seconds after the first two minutes: a step that stays (a
buffer grown to its size) hardly moves it, growth that goes on does.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from itertools import combinations, groupby
from typing import TYPE_CHECKING

from bench.accounting import tree_usage
from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import OK, SteadyLoad
from bench.load.client import Connection, ProtocolError
from bench.load.exchange import Exchange
from bench.upstream import BODY_1K, BODY_16M, BODY_64K

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bench.load.exchange import Endpoint

SECONDS = 600.0
WARM_UP_SECONDS = 120.0
READING_SECONDS = 0.5
GROUP_SECONDS = 5.0
PAUSE_SECONDS = 0.01
KEEP_ALIVE_CLIENTS = 8
UPLOAD = BODY_64K[: 16 * 1024]
EXCHANGES = (
    Exchange("/64k", BODY_64K),
    Exchange("/echo", UPLOAD, method="POST", body=UPLOAD),
    Exchange("/1k?" + "q" * 2000, BODY_1K, headers=(("Cookie", "c" * 3000),)),
)
ABORTED = Exchange("/16m", BODY_16M)
GARBAGE = b"GET /1k HTTP/1.1\r\nHost: 127.0.0.1\r\nBad Name: x\r\n\r\n"
TURNED_AWAY = range(400, 500)

Reading = tuple[float, float]
"""Seconds since the start, and bytes."""


async def _run(scene: Scene) -> Outcome:
    _, port = scene.upstream()
    gateway = scene.gateway(port)
    readings: list[Reading] = []
    over = asyncio.Event()
    async with SteadyLoad(gateway.endpoint, connections=KEEP_ALIVE_CLIENTS) as load:
        visitors = [
            asyncio.create_task(_again(visit, gateway.endpoint, over)) for visit in (_exchange, _abort, _babble)
        ]
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < SECONDS:
            readings.append((elapsed, float(tree_usage(gateway.child.pid).rss_bytes)))
            await asyncio.sleep(READING_SECONDS)
        over.set()
        failures = [*filter(None, await asyncio.gather(*visitors))]
    slope = slope_per_hour(each for each in readings if each[0] >= WARM_UP_SECONDS)
    return {
        "growth": f"{slope / 1e6:.1f} MB/h",
        "memory at the end": f"{readings[-1][1] / 1e6:.1f} MB",
        "failed": load.describe_failures() if not failures else ", ".join(failures),
        "answered": f"{load.answered:,}",
    }


def slope_per_hour(readings: Iterable[Reading]) -> float:
    """Return how fast the lowest readings rise, in bytes an hour; 0 for fewer than two groups."""
    groups = groupby(readings, key=lambda reading: reading[0] // GROUP_SECONDS)
    lowest = [min(group, key=lambda reading: reading[1]) for _, group in groups]
    slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in combinations(lowest, 2)]
    return statistics.median(slopes) * 3600 if slopes else 0.0


async def _again(visit: Callable[[Endpoint], Awaitable[str]], endpoint: Endpoint, over: asyncio.Event) -> str:
    """Visit until it is over; the first failure, or nothing."""
    failure = ""
    while not over.is_set():
        try:
            async with asyncio.timeout(10.0):
                found = await visit(endpoint)
        except (OSError, ProtocolError, TimeoutError) as error:
            found = f"{visit.__name__.strip('_')}: {type(error).__name__}"
        failure = failure or found
        await asyncio.sleep(PAUSE_SECONDS)
    return failure


async def _exchange(endpoint: Endpoint) -> str:
    """Ask for one of each kind, on a connection of their own."""
    connection = await Connection.open(endpoint)
    for exchange in EXCHANGES:
        answer = await connection.exchange(exchange.encode(endpoint.host))
        if answer.status != OK or answer.body != exchange.expected:
            return f"{exchange.path[:8]}: status {answer.status}"
    await connection.close()
    return ""


async def _abort(endpoint: Endpoint) -> str:
    """Ask, and leave in the middle of the answer."""
    connection = await Connection.open(endpoint)
    connection.writer.write(ABORTED.encode(endpoint.host))
    with contextlib.suppress(asyncio.IncompleteReadError):
        await connection.reader.readexactly(32 * 1024)
    connection.abort()
    return ""


async def _babble(endpoint: Endpoint) -> str:
    """Ask in a way that no gateway may pass on."""
    connection = await Connection.open(endpoint)
    answer = await connection.exchange(GARBAGE)
    await connection.close()
    # nginx leaves such a field out and answers.
    return "" if answer.status in TURNED_AWAY or answer.status == OK else f"garbage: status {answer.status}"


DRILL = Drill(
    name="mixed-load",
    summary="ten minutes of small and large requests, clients that abort, and garbage: the slope of the memory",
    bar={"growth": "≤ 1.0 MB/h", "failed": "0"},
    run=lambda scene: asyncio.run(_run(scene)),
)
