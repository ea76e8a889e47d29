"""One of two upstreams stops answering but keeps its port open, the failure no connect sees.

Requests already sent to it cannot be saved before their time is up (the client's, 3 s, is shorter
than any gateway's default); what counts is how few get there, and how soon it serves again.
"""

from __future__ import annotations

import asyncio

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad, in_seconds, seconds_until_served

CLIENT_PATIENCE = 3.0


async def _run(scene: Scene) -> Outcome:
    frozen, first = scene.upstream()
    _, second = scene.upstream()
    gateway = scene.gateway(first, second)
    async with SteadyLoad(gateway.endpoint, patience=CLIENT_PATIENCE) as load:
        await asyncio.sleep(1.0)
        frozen.freeze()
        await asyncio.sleep(8.0)
    frozen.thaw()
    healed = await seconds_until_served(gateway.endpoint)
    async with SteadyLoad(gateway.endpoint) as after:
        await asyncio.sleep(1.0)
    return {
        "failed in 8 s": load.describe_failures(),
        "answered": f"{load.answered:,}",
        "served after it runs again": in_seconds(healed),
        "failed after": after.describe_failures(),
    }


DRILL = Drill(
    name="upstream-stopped",
    summary="one of two upstreams is stopped for 8 s (open port, no answer); clients wait 3 s",
    bar={"served after it runs again": "≤ 0.10 s", "failed after": "0"},
    run=lambda scene: asyncio.run(_run(scene)),
)
