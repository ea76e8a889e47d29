"""Running scenarios: set up, check, interleaved rounds, check again, count.

All peers of a scenario run side by side, idle while another is measured, in front of one
upstream. A round measures each once, A B C A B C, so that a slow minute hits all of them. With
enough disturbed rounds the run goes on until it has the wanted number of quiet ones, up to twice
as many.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bench.accounting import busy_seconds, harness_cpu, tree_cpu, tree_usage
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.exact import TOOLS, Tool, per_request
from bench.load.closed_loop import closed_loop
from bench.load.exchange import Endpoint
from bench.load.wrk import Wrk, encode_all
from bench.peers.peer import Peer, Setup
from bench.processes import Child, free_ports
from bench.rows import Exact, Failure, Results, Row, Start
from bench.summary import discard_round
from bench.upstream import start_upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bench.scenario import Scenario

CHECKED_REQUESTS = 200


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    rounds: int = 8
    """Quiet rounds wanted."""
    seconds: float = 3.0
    """Length of a measurement."""
    warm_up: float = 1.0
    """Length of the load before the first round."""
    foreign_limit: float = 0.03
    """Share of the measured CPUs that others may use before a round is discarded."""
    exact: bool = True
    """Whether to count instructions and system calls."""


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
    """What wrk sends to it."""
    wire_bytes: list[int]
    """Lengths of checked answers."""


def cpus_for(workers: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """CPUs of the gateway and of load and upstream; shared when there are too few."""
    available = sorted(os.sched_getaffinity(0))
    gateway = tuple(available[:workers])
    rest = tuple(available[workers : workers * 2])
    return gateway, rest or gateway


class Bench:
    """Runs scenarios and collects what they give."""

    def __init__(self, peers: Sequence[Peer], plan: Plan, results: Results, say: Callable[[str], None]) -> None:
        """Measure ``peers`` by ``plan`` into ``results``; ``say`` reports progress."""
        self.peers = peers
        self.plan = plan
        self.results = results
        self.say = say

    def run(self, scenario: Scenario, directory: Path) -> None:
        """Run one scenario whole; what cannot be measured becomes a failure in the results."""
        self.say(f"{scenario.name}: {scenario.summary}")
        directory.mkdir()
        gateway, rest = cpus_for(scenario.workers)
        (port,) = free_ports(1)
        with ExitStack() as stack:
            upstream = stack.enter_context(start_upstream(directory, port, rest))
            stage = Stage(scenario, directory, port, gateway, rest)
            with ExitStack() as peers:
                runners = self._start(stage, peers)
                self._rounds(stage, runners, upstream)
                for runner in runners:
                    self._attempt(stage, runner.peer, partial(stage.check, runner))
            if self.plan.exact:
                self._count(stage)

    def _start(self, stage: Stage, stack: ExitStack) -> list[Runner]:
        runners = []
        for peer in self.peers:

            def start(peer: Peer = peer) -> None:
                runner, begun = stage.start(peer, stack, self.plan.warm_up)
                runners.append(runner)
                self.results.starts.append(begun)

            self._attempt(stage, peer, start)
        return runners

    def _rounds(self, stage: Stage, runners: Sequence[Runner], upstream: Child) -> None:
        quiet = done = 0
        running = list(runners)
        while running and quiet < self.plan.rounds and done < 2 * self.plan.rounds:
            done += 1
            rows: list[Row] = []
            for runner in tuple(running):

                def measure(runner: Runner = runner) -> None:
                    rows.append(stage.measure(runner, runners, upstream, self.plan, done))

                if not self._attempt(stage, runner.peer, measure):
                    running.remove(runner)
            if not rows:
                break
            rows = discard_round(rows, self.plan.foreign_limit)
            self.results.rows += rows
            quiet += not rows[0].discarded
            costs = "  ".join(f"{row.peer} {row.cpu_us:.1f}" for row in rows)
            self.say(f"  round {done}: {costs}  {rows[0].discarded}".rstrip())

    def _count(self, stage: Stage) -> None:
        for tool in TOOLS:
            for peer in (each for each in self.peers if tool.fits(each)):

                def count(tool: Tool = tool, peer: Peer = peer) -> None:
                    counts = stage.scenario.exact_counts
                    cost = per_request(counts, lambda n: stage.count(peer, tool, n))
                    found = Exact(stage.scenario.name, peer.name, tool.name, counts, cost)
                    self.results.exact.append(found)
                    self.say(f"  {tool.name}: {peer.name} {cost:,.1f} a request")

                self._attempt(stage, peer, count)

    def _attempt(self, stage: Stage, peer: Peer, work: Callable[[], None]) -> bool:
        """Do some work; False if it failed, which goes into the results."""
        try:
            work()
        except BenchError as error:
            self.results.failures.append(Failure(stage.scenario.name, peer.name, str(error)))
            self.say(f"  {peer.name}: {error}")
            return False
        return True


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
        encoded = encode_all(self.scenario.exchanges, endpoint, close=self.scenario.close)
        requests = self._wrk().write_requests(peer.name, encoded)
        runner = Runner(peer, child, endpoint, requests, [])
        self.check(runner)
        self._wrk().run(endpoint, requests, self.scenario.connections, warm_up)
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
                    connections=8,
                    count=count,
                    close=self.scenario.close,
                )
            )
            runner.wire_bytes[:] = tally.wire_bytes

    def measure(
        self,
        runner: Runner,
        all_runners: Sequence[Runner],
        upstream: Child,
        plan: Plan,
        number: int,
    ) -> Row:
        """One measurement of one peer."""
        cpus = frozenset(self.gateway_cpus + self.load_cpus)
        ours = [each.child.pid for each in all_runners] + [upstream.pid]

        def snapshot() -> tuple[float, float, float, float]:
            spent = tree_cpu(runner.child.pid)
            own = sum(map(tree_cpu, ours)) + harness_cpu()
            return spent, own, busy_seconds(cpus), time.monotonic()

        before = snapshot()
        load = self._wrk().run(runner.endpoint, runner.requests, self.scenario.connections, plan.seconds)
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
            discarded=load.complaint(runner.wire_bytes, self.scenario.connections),
        )

    def count(self, peer: Peer, tool: Tool, requests: int) -> int:
        """Run a peer under a tool for an exact number of requests; what the tool counted."""
        setup = replace(self._setup(peer), traced=True)
        directory = self.directory / f"{peer.name}-{tool.name}-{requests}"
        directory.mkdir()
        scenario = self.scenario
        with peer.start(setup, directory, self.gateway_cpus, tool.tracer(directory)) as child:
            child.wait_ready(setup.port, peer.ready_seconds * tool.slows)
            asyncio.run(
                closed_loop(
                    Endpoint(setup.port, scenario.tls),
                    scenario.exchanges,
                    connections=scenario.connections,
                    count=requests,
                    close=scenario.close,
                )
            )
            child.stop(patience=60.0)
        return tool.read(directory)

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
            additions=scenario.additions.get(peer.name, {}),
        )

    def _wrk(self) -> Wrk:
        return Wrk(self.load_cpus, self.directory)
