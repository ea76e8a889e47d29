"""A scenario's surroundings: the gateways in front of their upstream, and how one is measured.

CPU time is read before and after each load, so wrk's own start and end are in it, for every peer
alike. Who else used the measured CPUs is what they were busy for, less what the run used itself.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.accounting import busy_seconds, harness_cpu, tree_cpu, tree_usage
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.load.closed_loop import PATIENCE_SECONDS, closed_loop
from bench.load.exchange import Endpoint
from bench.load.h2load import H2load
from bench.load.wrk import Wrk
from bench.peers.peer import Peer, Setup
from bench.processes import Child, free_ports
from bench.rows import Row, Start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from bench.exact import Tool
    from bench.scenario import Scenario

CHECKED_REQUESTS = 200
CHECKING_CLIENTS = 8
TRACED_STOP_SECONDS = 60.0


@dataclass
class Runner:
    """A peer that is up."""

    peer: Peer
    """Which."""
    child: Child
    """Its processes."""
    endpoint: Endpoint
    """Where it listens."""
    requests: Path
    """What is sent to it."""
    wire_bytes: list[int]
    """Lengths of checked answers, as the load generator counts them."""


def cpus_for(workers: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """CPUs of the gateway and of load and upstream; shared when there are too few."""
    available = sorted(os.sched_getaffinity(0))
    gateway = tuple(available[:workers])
    rest = tuple(available[workers : workers * 2])
    return gateway, rest or gateway


@dataclass(frozen=True)
class Stage:
    """A scenario's surroundings."""

    scenario: Scenario
    """What is measured."""
    directory: Path
    """Where configurations and logs go."""
    upstream_port: int
    """Where the upstream listens."""
    gateway_cpus: tuple[int, ...]
    """CPUs of the gateway."""
    load_cpus: tuple[int, ...]
    """CPUs of load and upstream."""

    def start(self, peer: Peer, stack: ExitStack, warm_up: float) -> tuple[Runner, Start]:
        """Start a peer, check its answers, warm it up; it ends with ``stack``."""
        setup = self._setup(peer)
        directory = self.directory / peer.name
        child = stack.enter_context(peer.start(setup, directory, self.gateway_cpus))
        seconds = child.wait_ready(setup.port, peer.ready_seconds)
        idle = tree_usage(child.pid).rss_bytes
        endpoint = Endpoint(setup.port, self.scenario.tls)
        load = self._load()
        requests = load.write_requests(peer.name, self.scenario.exchanges, endpoint, close=self.scenario.close)
        runner = Runner(peer, child, endpoint, requests, [])
        self.check(runner)
        load.run(endpoint, requests, self.scenario.connections, warm_up)
        return runner, Start(self.scenario.name, peer.name, seconds, idle)

    def check(self, runner: Runner) -> None:
        """Compare a sample of answers to the byte; :exc:`BenchError` at the first wrong one."""
        for exchanges, count in (
            (self.scenario.probes, len(self.scenario.probes)),
            (self.scenario.exchanges, max(CHECKED_REQUESTS, len(self.scenario.exchanges))),
        ):
            tally = asyncio.run(
                closed_loop(
                    runner.endpoint,
                    exchanges,
                    connections=CHECKING_CLIENTS,
                    count=count,
                    close=self.scenario.close,
                )
            )
            runner.wire_bytes[:] = tally.wire_bytes
        if self.scenario.streams:
            runner.wire_bytes[:] = [len(each.expected) for each in self.scenario.exchanges]

    def measure(
        self,
        runner: Runner,
        ours: Sequence[int],
        seconds: float,
        number: int,
    ) -> Row:
        """Load one peer and measure it; ``ours`` are the roots of all processes of the run."""
        cpus = frozenset(self.gateway_cpus + self.load_cpus)

        def snapshot() -> tuple[float, float, float, float]:
            spent = tree_cpu(runner.child.pid)
            own = sum(map(tree_cpu, ours)) + harness_cpu()
            return spent, own, busy_seconds(cpus), time.monotonic()

        before = snapshot()
        load = self._load().run(runner.endpoint, runner.requests, self.scenario.connections, seconds)
        spent, own, busy, elapsed = (b - a for a, b in zip(before, snapshot(), strict=True))
        memory = tree_usage(runner.child.pid)
        return Row(
            scenario=self.scenario.name,
            peer=runner.peer.name,
            round=number,
            requests=load.requests,
            seconds=load.seconds,
            cpu_us=spent / max(load.requests, 1) * 1e6,
            p50_us=load.p50_us,
            p90_us=load.p90_us,
            p99_us=load.p99_us,
            p999_us=load.p999_us,
            max_us=load.max_us,
            rss_bytes=memory.rss_bytes,
            pss_bytes=memory.pss_bytes,
            foreign=round(max(0.0, busy - own) / (elapsed * len(cpus)), 4),
            discarded=load.complaint(runner.wire_bytes, self.scenario.connections * max(self.scenario.streams, 1)),
        )

    def count(self, peer: Peer, tool: Tool, requests: int, *, passes: int = 1) -> int:
        """Run a peer under a tool for an exact number of requests; the least that the tool counted."""
        name = f"{peer.name}-{tool.name}-{requests}"
        directories = [self.directory / f"{name}-{number}" for number in range(passes)]
        return min(self._count_once(peer, tool, requests, directory) for directory in directories)

    def _count_once(self, peer: Peer, tool: Tool, requests: int, directory: Path) -> int:
        setup = replace(self._setup(peer), traced=True)
        directory.mkdir()
        scenario = self.scenario
        with peer.start(setup, directory, self.gateway_cpus, tool.tracer(directory)) as child:
            child.wait_ready(setup.port, peer.ready_seconds * tool.slows)
            self._send(Endpoint(setup.port, scenario.tls), directory, requests)
            child.stop(patience=TRACED_STOP_SECONDS)
        return tool.read(directory, first_threads=not peer.runs_python)

    def _send(self, endpoint: Endpoint, directory: Path, count: int) -> None:
        """Send exactly ``count`` requests; :exc:`BenchError` unless all are answered right."""
        scenario = self.scenario
        if not scenario.streams:
            loop = closed_loop(
                endpoint,
                scenario.exchanges,
                connections=scenario.connections,
                count=count,
                close=scenario.close,
            )
            asyncio.run(loop)
            return
        load = H2load(self.load_cpus, directory, scenario.streams)
        addresses = load.write_requests("counted", scenario.exchanges, endpoint, close=False)
        result = load.send(endpoint, addresses, scenario.connections, count, PATIENCE_SECONDS)
        complaint = result.complaint([len(each.expected) for each in scenario.exchanges], 0)
        if complaint or result.requests != count:
            message = complaint or f"{result.requests} of {count} answers"
            raise BenchError(message)

    def _setup(self, peer: Peer) -> Setup:
        scenario = self.scenario
        log = self.directory / f"{peer.name}-access.log"
        (port,) = free_ports(1)
        return Setup(
            port=port,
            upstreams=(self.upstream_port,),
            workers=scenario.workers,
            routes=scenario.routes,
            certificate=Certificate.generate(self.directory) if scenario.tls else None,
            access_log=log if scenario.access_log else None,
            defaults=scenario.defaults,
            http2=bool(scenario.streams),
            additions=scenario.additions.get(peer.name, {}),
        )

    def _load(self) -> Wrk | H2load:
        if self.scenario.streams:
            return H2load(self.load_cpus, self.directory, self.scenario.streams)
        return Wrk(self.load_cpus, self.directory)
