"""Running scenarios: interleaved rounds between two checks, then the counting passes.

All peers of a scenario run side by side, idle while another is measured, in front of one
upstream. A round measures each once, A B C A B C, so that a slow minute hits all of them. With
enough disturbed rounds the run goes on until it has the wanted number of quiet ones, up to twice
as many.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.exact import TOOLS, per_request
from bench.processes import free_ports
from bench.rows import Exact, Failure
from bench.stage import Stage, cpus_for
from bench.summary import discard_round
from bench.upstream import start_upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bench.peers.peer import Peer
    from bench.processes import Child
    from bench.rows import Results, Row
    from bench.scenario import Scenario
    from bench.stage import Runner


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
                    with self._noting_failures(stage, runner.peer):
                        stage.check(runner)
            if self.plan.exact:
                self._count(stage)

    def _start(self, stage: Stage, stack: ExitStack) -> list[Runner]:
        runners = []
        for peer in self.peers:
            with self._noting_failures(stage, peer):
                runner, begun = stage.start(peer, stack, self.plan.warm_up)
                runners.append(runner)
                self.results.starts.append(begun)
        return runners

    def _rounds(self, stage: Stage, runners: Sequence[Runner], upstream: Child) -> None:
        quiet = done = 0
        running = list(runners)
        ours = [upstream.pid, *(runner.child.pid for runner in runners)]
        while running and quiet < self.plan.rounds and done < 2 * self.plan.rounds:
            done += 1
            rows: list[Row] = []
            measured = []
            for runner in running:
                with self._noting_failures(stage, runner.peer):
                    rows.append(stage.measure(runner, ours, self.plan.seconds, done))
                    measured.append(runner)
            running = measured
            rows = discard_round(rows, self.plan.foreign_limit)
            self.results.rows += rows
            quiet += not any(row.discarded for row in rows)
            costs = "  ".join(f"{row.peer} {row.cpu_us:.1f}" for row in rows)
            reasons = [row.discarded for row in rows if row.discarded]
            self.say(f"  round {done}: {costs}  {''.join(reasons[:1])}".rstrip())

    def _count(self, stage: Stage) -> None:
        counts = stage.scenario.exact_counts
        for tool in (each for each in TOOLS if each.available()):
            for peer in self.peers:
                with self._noting_failures(stage, peer):
                    cost = per_request(counts, partial(stage.count, peer, tool))
                    found = Exact(stage.scenario.name, peer.name, tool.name, counts, cost)
                    self.results.exact.append(found)
                    self.say(f"  {tool.name}: {peer.name} {cost:,.1f} a request")

    @contextmanager
    def _noting_failures(self, stage: Stage, peer: Peer) -> Iterator[None]:
        try:
            yield
        except BenchError as error:
            self.results.failures.append(Failure(stage.scenario.name, peer.name, str(error)))
            self.say(f"  {peer.name}: {error}")
