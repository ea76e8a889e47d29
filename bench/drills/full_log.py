"""The access log's disk is full: requests are served all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad

FULL = Path("/dev/full")


async def _run(scene: Scene) -> Outcome:
    _, port = scene.upstream()
    gateway = scene.gateway(port, access_log=FULL)
    async with SteadyLoad(gateway.endpoint) as load:
        await asyncio.sleep(3.0)
    return {
        "failed": load.describe_failures(),
        "slowest": f"{load.slowest_ms():.0f} ms",
        "answered": f"{load.answered:,}",
    }


DRILL = Drill(
    name="full-log",
    summary="the access log is on a full disk, under load",
    bar={"failed": "0"},
    run=lambda scene: asyncio.run(_run(scene)),
)
