"""Twenty reloads while keep-alive clients go on: a reload is nobody's business."""

from __future__ import annotations

import asyncio

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad
from bench.errors import BenchError

RELOADS = 20
PAUSE_SECONDS = 0.25


async def _run(scene: Scene) -> Outcome:
    reload = scene.peer.reload_signal
    if reload is None:
        message = f"{scene.peer.title} has no reload"
        raise BenchError(message)
    _, port = scene.upstream()
    gateway = scene.gateway(port)
    async with SteadyLoad(gateway.endpoint) as load:
        for _ in range(RELOADS):
            await asyncio.sleep(PAUSE_SECONDS)
            gateway.child.send(reload)
        await asyncio.sleep(1.0)
    return {
        "failed": load.describe_failures(),
        "slowest": f"{load.slowest_ms():.0f} ms",
        "answered": f"{load.answered:,}",
    }


DRILL = Drill(
    name="reloads",
    summary=f"{RELOADS} reloads under keep-alive load",
    bar={"failed": "0"},
    run=lambda scene: asyncio.run(_run(scene)),
)
