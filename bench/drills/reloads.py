"""Twenty reloads while keep-alive clients go on: a reload is nobody's business."""

from __future__ import annotations

import asyncio

from bench.drills.drill import Drill, Outcome, Stage
from bench.drills.steady_load import SteadyLoad
from bench.errors import BenchError

RELOADS = 20
PAUSE_SECONDS = 0.25


async def _run(stage: Stage) -> Outcome:
    reload = stage.peer.reload_signal
    if reload is None:
        message = f"{stage.peer.title} has no reload"
        raise BenchError(message)
    _, port = stage.upstream()
    gateway = stage.gateway(port)
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
    run=lambda stage: asyncio.run(_run(stage)),
)
