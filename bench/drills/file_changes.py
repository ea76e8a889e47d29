"""A file of 1,000 routes changes, in quiet and then under load: each change is served soon, no request fails.

Every change adds a route to a port where nobody listens, so that its path is answered with 502 from
the moment it is served. A bad change in the middle must leave the last good one in force. A change is
timed from the moment its file is in place until a client, which asks every two milliseconds, sees it.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING

from bench.drills.drill import Drill, Gateway, Outcome, Scene
from bench.drills.steady_load import OK, SteadyLoad
from bench.errors import BenchError
from bench.load.client import Connection
from bench.load.exchange import Exchange
from bench.processes import free_ports

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = 20
PAUSE_SECONDS = 0.2
LIMIT_SECONDS = 5.0
FILLER = "".join(f"  - {{id: filler-{i}, uri: /filler-{i}, upstream_id: service}}\n" for i in range(1000))
BROKEN = "routes: [{id: broken, uri: 7}]\n"


async def _run(scene: Scene) -> Outcome:
    if scene.peer.watched_file is None:
        message = f"{scene.peer.title} watches no file"
        raise BenchError(message)
    _, port = scene.upstream()
    gateway = scene.gateway(port)
    file = gateway.directory / scene.peer.watched_file
    original = file.read_text().replace("routes:\n", "routes:\n" + FILLER, 1)
    quiet = await _change(gateway, file, original, "quiet")
    async with SteadyLoad(gateway.endpoint) as load:
        loaded = await _change(gateway, file, original, "loaded")
    return {
        "failed": load.describe_failures(),
        "slowest": f"{load.slowest_ms():.0f} ms",
        "change in quiet, median": f"{median(quiet) * 1e3:.0f} ms",
        "slowest change in quiet": f"{max(quiet) * 1e3:.0f} ms",
        "change under load, median": f"{median(loaded) * 1e3:.0f} ms",
        "slowest change": f"{max(loaded) * 1e3:.0f} ms",
        "answered": f"{load.answered:,}",
    }


async def _change(gateway: Gateway, file: Path, original: str, name: str) -> list[float]:
    """Change the file again and again; how long each change took, in seconds."""
    (nobody,) = free_ports(1)
    taken = []
    for number in range(CHANGES):
        if number == CHANGES // 2:
            _replace(file, BROKEN)
            await asyncio.sleep(PAUSE_SECONDS)
        upstream = f"{{type: roundrobin, nodes: {{'127.0.0.1:{nobody}': 1}}}}"
        path = f"/{name}-{number}"
        route = f"routes:\n  - {{id: changed, uri: {path}, upstream: {upstream}}}\n"
        _replace(file, original.replace("routes:\n", route, 1))
        taken.append(await _seconds_until_changed(gateway, path))
        await asyncio.sleep(PAUSE_SECONDS)
    return taken


def _replace(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


async def _seconds_until_changed(gateway: Gateway, path: str) -> float:
    began = time.monotonic()
    request = Exchange(path, b"").encode(gateway.endpoint.host)
    connection = await Connection.open(gateway.endpoint)
    while time.monotonic() - began < LIMIT_SECONDS:
        answer = await connection.exchange(request)
        if answer.status != OK:
            await connection.close()
            return time.monotonic() - began
        await asyncio.sleep(0.002)
    message = f"a change is not served after {LIMIT_SECONDS:.0f} s"
    raise BenchError(message)


DRILL = Drill(
    name="file-changes",
    summary=f"{CHANGES} changes of a file of 1,000 routes in quiet, {CHANGES} under load, a broken one among them",
    bar={"failed": "0", "slowest change": "≤ 100 ms"},
    run=lambda scene: asyncio.run(_run(scene)),
)
