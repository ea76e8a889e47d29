"""No upstream is left: clients hear of it at once, and of its return as soon."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import SteadyLoad, in_seconds, seconds_until_served


async def _run(scene: Scene) -> Outcome:
    one, first = scene.upstream()
    other, second = scene.upstream()
    gateway = scene.gateway(first, second)
    async with SteadyLoad(gateway.endpoint) as load:
        await asyncio.sleep(0.5)
        one.kill()
        other.kill()
        down = time.monotonic()
        await asyncio.sleep(2.0)
    answers = Counter(each.failure for each in load.endings if each.began >= down and each.failure)
    scene.upstream(first)
    healed = await seconds_until_served(gateway.endpoint)
    return {
        "answer after": in_seconds(load.slowest_ms(down) / 1e3),
        "answers": ", ".join(answers) or "none",
        "healed after": in_seconds(healed),
    }


DRILL = Drill(
    name="both-down",
    summary="both upstreams are killed under load, one comes back",
    bar={"answer after": "≤ 0.05 s", "healed after": "≤ 0.10 s"},
    run=lambda scene: asyncio.run(_run(scene)),
)
