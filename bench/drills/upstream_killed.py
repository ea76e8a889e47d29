"""One of two upstreams is killed under load: the other takes over, and nobody notices."""

from __future__ import annotations

import asyncio
import time

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad


async def _run(scene: Scene) -> Outcome:
    doomed, first = scene.upstream()
    _, second = scene.upstream()
    gateway = scene.gateway(first, second)
    async with SteadyLoad(gateway.endpoint) as load:
        await asyncio.sleep(1.0)
        killed = time.monotonic()
        doomed.kill()
        await asyncio.sleep(3.0)
    return {
        "failed": load.describe_failures(),
        "slowest after": f"{load.slowest_ms(killed):.0f} ms",
        "answered": f"{load.answered:,}",
    }


DRILL = Drill(
    name="upstream-killed",
    summary="one of two upstreams is killed under load",
    bar={"failed": "0", "slowest after": "≤ 30 ms"},
    run=lambda scene: asyncio.run(_run(scene)),
)
