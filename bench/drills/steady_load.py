"""Keep-alive clients that go on whatever happens, and remember how each request ended.

    async with SteadyLoad(endpoint) as load:
        await asyncio.sleep(1)
        upstream.kill()
        await asyncio.sleep(3)
    print(load.failed, load.slowest_ms())

A connection that the gateway closed while it was idle is opened again and is no failure. A
request that was sent and got no whole answer, or one that is not 200, is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bench.load.client import Connection, ProtocolError
from bench.load.exchange import Endpoint, Exchange
from bench.upstream import BODY_1K

if TYPE_CHECKING:
    from types import TracebackType

REQUEST = Exchange("/1k", BODY_1K)
OK = 200
PAUSE_AFTER_FAILURE = 0.005


@dataclass(frozen=True)
class Ending:
    """How one request ended."""

    began: float
    """When it was sent, on the monotonic clock."""
    seconds: float
    """How long it took."""
    failure: str
    """Why it failed; empty if it did not."""


class SteadyLoad:
    """Clients in closed loops, for as long as the block lasts."""

    def __init__(self, endpoint: Endpoint, connections: int = 16, patience: float = 10.0) -> None:
        """Load ``endpoint``; a request without an answer after ``patience`` seconds has failed."""
        self.endings: list[Ending] = []
        self._endpoint = endpoint
        self._request = REQUEST.encode(endpoint.host)
        self._connections = connections
        self._patience = patience
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    async def __aenter__(self) -> Self:
        """Start the clients."""
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self._connections)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let each client finish its request, then end it."""
        self._over = True
        await asyncio.gather(*self._tasks)

    @property
    def answered(self) -> int:
        """Requests answered as they should be."""
        return sum(1 for each in self.endings if not each.failure)

    @property
    def failed(self) -> int:
        """Requests that were not."""
        return len(self.endings) - self.answered

    def slowest_ms(self, since: float = 0.0) -> float:
        """Return the longest time to an ending among requests sent ``since``, in milliseconds."""
        return max((each.seconds for each in self.endings if each.began >= since), default=0.0) * 1e3

    def describe_failures(self) -> str:
        """Return the number of failures and the commonest reasons."""
        reasons = Counter(each.failure for each in self.endings if each.failure)
        common = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(2))
        return f"{self.failed}" + (f" ({common})" if common else "")

    async def _client(self) -> None:
        connection: Connection | None = None
        while not self._over:
            began = time.monotonic()
            failure = ""
            try:
                async with asyncio.timeout(self._patience):
                    if connection is None or connection.reader.at_eof():
                        connection = await Connection.open(self._endpoint)
                    answer = await connection.exchange(self._request)
                if answer.status != OK or answer.body != REQUEST.expected:
                    failure = f"status {answer.status}"
                if answer.closes:
                    await connection.close()
                    connection = None
            except (OSError, ProtocolError, TimeoutError) as error:
                failure = type(error).__name__
                if connection is not None:
                    connection.abort()
                connection = None
            self.endings.append(Ending(began, time.monotonic() - began, failure))
            if failure:
                await asyncio.sleep(PAUSE_AFTER_FAILURE)
        if connection is not None:
            await connection.close()


async def seconds_until_served(endpoint: Endpoint, limit: float = 20.0) -> float | None:
    """Return how long it takes until a fresh connection gets its answer; None after ``limit``."""
    began = time.monotonic()
    request = REQUEST.encode(endpoint.host)
    while time.monotonic() - began < limit:
        with contextlib.suppress(OSError, ProtocolError, TimeoutError):
            async with asyncio.timeout(limit):
                connection = await Connection.open(endpoint)
                answer = await connection.exchange(request)
                await connection.close()
            if answer.status == OK:
                return time.monotonic() - began
        await asyncio.sleep(PAUSE_AFTER_FAILURE)
    return None


def in_seconds(value: float | None) -> str:
    """Return a time for the report; None is never."""
    return "never" if value is None else f"{value:.2f} s"
