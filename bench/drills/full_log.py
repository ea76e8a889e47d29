"""The access log's disk is full: requests are served all the same."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from bench.drills.drill import Drill, Gateway, Outcome, Scene
from bench.drills.steady_load import SteadyLoad
from bench.load.client import Connection
from bench.load.exchange import Exchange

FULL = Path("/dev/full")


async def _run(scene: Scene) -> Outcome:
    _, port = scene.upstream()
    gateway = scene.gateway(port, access_log=FULL)
    async with SteadyLoad(gateway.endpoint) as load:
        await asyncio.sleep(3.0)
        lost = await _lost_lines(scene, gateway)
    return {
        "failed": load.describe_failures(),
        "lost lines counted": lost,
        "slowest": f"{load.slowest_ms():.0f} ms",
        "answered": f"{load.answered:,}",
    }


async def _lost_lines(scene: Scene, gateway: Gateway) -> str:
    """Whether the gateway's figures tell of lines that the log could not take."""
    if scene.peer.metrics_path is None:
        return "-"
    connection = await Connection.open(gateway.metrics)
    answer = await connection.exchange(Exchange(scene.peer.metrics_path, b"").encode(gateway.metrics.host))
    await connection.close()
    found = re.search(rb'^gateway_log_lost_lines_total\{log="access"\} (\d+)', answer.body, re.MULTILINE)
    return "yes" if found and int(found[1]) > 0 else "no"


DRILL = Drill(
    name="full-log",
    summary="the access log is on a full disk, under load",
    bar={"failed": "0", "lost lines counted": "yes"},
    run=lambda scene: asyncio.run(_run(scene)),
)
