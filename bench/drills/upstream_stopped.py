"""One of two upstreams stops answering but keeps its port open, the failure no connect sees.

Only a check that asks for an answer finds it, after up to a second and a half here; what was sent
to it before that must be taken elsewhere within the client's patience.
"""

from __future__ import annotations

import asyncio
import time

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad, in_seconds, seconds_until_served

CLIENT_PATIENCE = 3.0


async def _run(scene: Scene) -> Outcome:
    frozen, first = scene.upstream()
    _, second = scene.upstream()
    gateway = scene.gateway(first, second, checks=True)
    async with SteadyLoad(gateway.endpoint, patience=CLIENT_PATIENCE) as load:
        await asyncio.sleep(1.0)
        stopped = time.monotonic()
        frozen.freeze()
        await asyncio.sleep(8.0)
    frozen.thaw()
    healed = await seconds_until_served(gateway.endpoint)
    async with SteadyLoad(gateway.endpoint) as after:
        await asyncio.sleep(2.5)
    return {
        "failed in 8 s": load.describe_failures(),
        "slowest": f"{load.slowest_ms(stopped):.0f} ms",
        "answered": f"{load.answered:,}",
        "served after it runs again": in_seconds(healed),
        "failed after": after.describe_failures(),
    }


DRILL = Drill(
    name="upstream-stopped",
    summary="one of two upstreams is stopped for 8 s (open port, no answer); probes every second, clients wait 3 s",
    bar={"failed in 8 s": "0", "slowest": "≤ 1,700 ms", "served after it runs again": "≤ 0.10 s", "failed after": "0"},
    run=lambda scene: asyncio.run(_run(scene)),
)
