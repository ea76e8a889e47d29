"""An exact number of requests, every answer compared to the byte.

    tally = await closed_loop(endpoint, exchanges, connections=64, count=2000)

Each connection sends its next request when the last was answered. Used for the checks before and
after each scenario and for the passes that count instructions and system calls, where the number
of requests must be known exactly and speed does not matter.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.load.client import Answer, Connection, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load.exchange import Endpoint, Exchange

OK = 200
# Envoy under valgrind answers some fifty requests a second.
PATIENCE_SECONDS = 300.0


@dataclass
class Tally:
    """What came back."""

    answered: int = 0
    """Answers, all of them right."""
    wire_bytes: list[int] = field(default_factory=list)
    """Length of each answer on the wire."""


async def closed_loop(
    endpoint: Endpoint,
    exchanges: Sequence[Exchange],
    *,
    connections: int,
    count: int,
    close: bool = False,
) -> Tally:
    """Send ``count`` requests in turn; :exc:`BenchError` at the first wrong answer."""
    encoded = [(each, each.encode(endpoint.host, close=close)) for each in exchanges]
    work = itertools.islice(itertools.cycle(encoded), count)
    tally = Tally()

    async def one_client() -> None:
        connection: Connection | None = None
        for exchange, request in work:
            if connection is None:
                connection = await Connection.open(endpoint, PATIENCE_SECONDS)
            answer = await connection.exchange(request)
            compare(exchange, answer)
            tally.answered += 1
            tally.wire_bytes.append(answer.wire_bytes)
            if close or answer.closes:
                await connection.close()
                connection = None
        if connection is not None:
            await connection.close()

    try:
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            for _ in range(min(connections, count)):
                group.create_task(one_client())
    except* (OSError, ProtocolError, TimeoutError) as errors:
        message = f"after {tally.answered} of {count} answers: {errors.exceptions[0]!r}"
        raise BenchError(message) from errors
    except* BenchError as errors:
        raise BenchError(str(errors.exceptions[0])) from errors
    return tally


def compare(exchange: Exchange, answer: Answer) -> None:
    """Raise :exc:`BenchError` unless the answer is the expected one, byte for byte."""
    if answer.status != OK:
        message = f"{exchange.method} {exchange.path}: status {answer.status}, 200 expected"
        raise BenchError(message)
    if answer.body != exchange.expected:
        message = (
            f"{exchange.method} {exchange.path}: body of {len(answer.body)} bytes is not"
            f" the {len(exchange.expected)} bytes expected"
        )
        raise BenchError(message)
