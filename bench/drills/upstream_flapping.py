"""One of two upstreams comes and goes every tenth of a second: no request is lost, and none is tried over and over.

A gateway that asks a node again the moment it is back runs into its next end; one that asks too often
makes the node's trouble worse. Tries a request tell: 1 would be a gateway that never met a dead node.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.drills.drill import Drill, Gateway, Outcome, Scene
from bench.drills.steady_load import SteadyLoad
from bench.load.client import Connection
from bench.load.exchange import Exchange

if TYPE_CHECKING:
    from bench.processes import Child

SECONDS = 60.0
PAUSE_SECONDS = 0.1
TRIES = b"gateway_upstream_requests_total "


async def _run(scene: Scene) -> Outcome:
    flapping, first = scene.upstream()
    _, second = scene.upstream()
    gateway = scene.gateway(first, second, checks=True)
    async with SteadyLoad(gateway.endpoint) as load:
        await asyncio.sleep(0.5)
        began = time.monotonic()
        times = await _flap(scene, flapping, first)
        await asyncio.sleep(0.5)
    return {
        "failed": load.describe_failures(),
        "slowest": f"{load.slowest_ms(began):.0f} ms",
        "tries a request": await _tries(scene, gateway, len(load.endings)),
        "answered": f"{load.answered:,}",
        "times down": str(times),
    }


async def _flap(scene: Scene, child: Child, port: int) -> int:
    """Kill and start it again until the time is over; how often."""
    times, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        child.kill()
        await asyncio.sleep(PAUSE_SECONDS)
        child, _ = await asyncio.to_thread(scene.upstream, port)
        await asyncio.sleep(PAUSE_SECONDS)
        times += 1
    return times


async def _tries(scene: Scene, gateway: Gateway, requests: int) -> str:
    if scene.peer.metrics_path is None:
        return "-"
    connection = await Connection.open(gateway.metrics)
    answer = await connection.exchange(Exchange(scene.peer.metrics_path, b"").encode(gateway.metrics.host))
    await connection.close()
    (line,) = (line for line in answer.body.splitlines() if line.startswith(TRIES))
    return f"{int(line.removeprefix(TRIES)) / max(requests, 1):.3f}"


DRILL = Drill(
    name="upstream-flapping",
    summary=f"one of two upstreams is killed and started again every {2 * PAUSE_SECONDS:.1f} s for {SECONDS:.0f} s",
    bar={"failed": "0", "tries a request": "≤ 1.010"},
    run=lambda scene: asyncio.run(_run(scene)),
)
