"""A graceful stop: answers under way are finished, idle connections closed, then it exits."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.drills.drill import Drill, Outcome, Scene
from bench.drills.steady_load import in_seconds
from bench.errors import BenchError
from bench.load.client import Connection, ProtocolError
from bench.load.exchange import Endpoint, Exchange

if TYPE_CHECKING:
    from bench.processes import Child

PARTS = 10
PART_SECONDS = 0.15
PART = b"x" * 100
REQUEST = Exchange("/slow", PART * PARTS)
CLIENTS = 8
EXIT_LIMIT = 20.0


async def _run(scene: Scene, *, stuck: bool = False) -> Outcome:
    if stuck and not scene.peer.runs_python:
        message = f"{scene.peer.title} runs no Python"
        raise BenchError(message)
    slow = await asyncio.start_server(_answer_slowly, "127.0.0.1", 0)
    gateway = scene.gateway(int(slow.sockets[0].getsockname()[1]), stuck=stuck)
    pending = [asyncio.create_task(_finishes(gateway.endpoint)) for _ in range(CLIENTS)]
    await asyncio.sleep(PART_SECONDS * 3)
    asked = time.monotonic()
    gateway.child.send(scene.peer.drain_signal)
    await asyncio.sleep(PART_SECONDS * 2)
    refused = await _refused(gateway.endpoint)
    finished = sum(await asyncio.gather(*pending))
    answered = time.monotonic() - asked
    status = await _exit_status(gateway.child)
    total = time.monotonic() - asked
    slow.close()
    return {
        "answers finished": f"{finished} of {CLIENTS}",
        "new connections": "refused" if refused else "accepted",
        "exit after the last answer": in_seconds(None if status is None else total - answered),
        "exit status": str(status),
    }


async def _answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(REQUEST.expected))
            for _ in range(PARTS):
                await asyncio.sleep(PART_SECONDS)
                writer.write(PART)
                await writer.drain()
    # The drill may end before a gateway that gave its answers up has closed this.
    except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
        writer.close()


async def _finishes(endpoint: Endpoint) -> bool:
    try:
        connection = await Connection.open(endpoint)
        answer = await connection.exchange(REQUEST.encode(endpoint.host))
        await connection.close()
    except (OSError, ProtocolError):
        return False
    return answer.body == REQUEST.expected


async def _refused(endpoint: Endpoint) -> bool:
    try:
        connection = await Connection.open(endpoint, 1.0)
    except (OSError, TimeoutError):
        return True
    await connection.close()
    return False


async def _exit_status(child: Child) -> int | None:
    return await asyncio.to_thread(child.wait, EXIT_LIMIT)


BAR = {"answers finished": f"{CLIENTS} of {CLIENTS}", "new connections": "refused", "exit status": "0"}
DRILL = Drill(
    name="drain",
    summary=f"graceful stop with {CLIENTS} slow answers under way",
    bar=BAR,
    run=lambda scene: asyncio.run(_run(scene)),
)
STUCK_DRILL = Drill(
    name="drain-stuck",
    summary="the same while a call into C holds Python's interpreter and never returns",
    bar=BAR | {"exit after the last answer": "≤ 5.00 s"},
    run=lambda scene: asyncio.run(_run(scene, stuck=True)),
)
