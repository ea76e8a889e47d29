"""Instructions and system calls of a request, gated: ``python -m bench.counts``.

    python -m bench.counts                                 # beside the committed counts
    python -m bench.counts --check                         # fails where a count has grown
    python -m bench.counts --write                         # commits to what is counted now

The committed counts are ``bench/counts.json``. Times differ by 15 to 30 % from one minute to the
next; these repeat to a percent, so a change that makes requests dearer is seen at once.

What surprises: valgrind's CPU has no AVX-512 and no VAES, so aws-lc takes an older way through
AES-GCM, and the instructions of ``tls-h1-1k`` are more than a machine that has them executes.
Compare them with each other only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.command import add_keep_argument, say
from bench.errors import BenchError
from bench.exact import Callgrind, Strace, Tool, per_request
from bench.machine import describe
from bench.peers.gatewright import Gatewright
from bench.processes import free_ports
from bench.report.markdown import table
from bench.scenarios import SCENARIOS
from bench.selection import choose
from bench.stage import Stage, cpus_for
from bench.upstream import start_upstream
from bench.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.scenario import Scenario

COMMITTED = Path(__file__).with_name("counts.json")
GATED = ("h1-1k", "h1-1k-default", "routes-1000", "tls-h1-1k", "post-16k", "conn-churn")
# How often each is counted; the least stands. A busy machine only adds calls: reads that find nothing yet, waits for
# fewer events. Instructions repeat.
TOOLS: Mapping[str, tuple[Tool, int]] = {"instructions": (Callgrind(), 1), "syscalls": (Strace(), 3)}
REQUESTS = (2_000, 12_000)
TOLERANCE = 0.02

Counts = Mapping[str, Mapping[str, float]]
"""Scenario → what is counted → how many a request."""


@dataclass(frozen=True)
class Compared:
    """A count beside the committed one."""

    scenario: str
    """Where it was counted."""
    what: str
    """What was counted."""
    now: float
    """How many a request."""
    committed: float | None
    """How many were promised; None for a scenario that is new."""

    @property
    def growth(self) -> float | None:
        """By what share it has grown."""
        return self.now / self.committed - 1 if self.committed else None

    @property
    def grown(self) -> bool:
        """Whether it is above the tolerance."""
        return self.growth is not None and self.growth > TOLERANCE


def main() -> int:
    """Count; 0, 1 if a count has grown and ``--check`` was asked for, 2 if nothing can be counted."""
    arguments = _parser().parse_args()
    try:
        known = [each for each in SCENARIOS if each.name in GATED]
        scenarios = choose("gated scenario", known, arguments.scenarios)
        peer = Gatewright(Gatewright.locate(arguments.gatewright and arguments.gatewright.absolute()))
        _require_tools()
        with workspace(arguments.keep) as directory:
            counts = {each.name: _count(peer, each, directory / each.name) for each in scenarios}
    except BenchError as error:
        say(f"counts: {error}")
        return 2
    compared = compare(counts, committed_counts())
    print(render(compared))
    if arguments.write:
        _write({**committed_counts(), **counts})
    return 1 if arguments.check and any(each.grown for each in compared) else 0


def compare(counts: Counts, committed: Counts) -> list[Compared]:
    """Return each count beside the committed one of its scenario."""
    return [
        Compared(scenario, what, now, committed.get(scenario, {}).get(what))
        for scenario, found in counts.items()
        for what, now in found.items()
    ]


def render(compared: Sequence[Compared]) -> str:
    """Return the table, and a line for each count that has grown."""
    rows = [
        [each.scenario, each.what, _number(each.now), _number(each.committed), _share(each.growth)] for each in compared
    ]
    grown = [
        f"{each.scenario}: {each.what} a request have grown by {_share(each.growth)}, more than {TOLERANCE:.0%}"
        for each in compared
        if each.grown
    ]
    return "\n".join([table(["scenario", "a request", "now", "committed", "growth"], rows), *grown])


def committed_counts() -> Counts:
    """Return what ``bench/counts.json`` promises; nothing without it."""
    if not COMMITTED.exists():
        return {}
    counts: Counts = json.loads(COMMITTED.read_text())["counts"]
    return counts


def _count(peer: Gatewright, scenario: Scenario, directory: Path) -> Mapping[str, float]:
    directory.mkdir()
    gateway, rest = cpus_for(scenario.workers)
    (port,) = free_ports(1)
    with start_upstream(directory, port, rest):
        stage = Stage(scenario, directory, port, gateway, rest)
        found = {}
        for what, (tool, passes) in TOOLS.items():
            found[what] = per_request(REQUESTS, partial(stage.count, peer, tool, passes=passes))
    say(f"{scenario.name}: " + ", ".join(f"{_number(value)} {what}" for what, value in found.items()))
    return {what: round(value, 2) for what, value in found.items()}


def _require_tools() -> None:
    absent = [tool.name for tool, _ in TOOLS.values() if not tool.available()]
    if absent:
        message = f"{' and '.join(absent)} missing: apt install valgrind strace"
        raise BenchError(message)


def _write(counts: Counts) -> None:
    document = {"machine": describe(), "requests": REQUESTS, "counts": counts}
    COMMITTED.write_text(json.dumps(document, indent=1) + "\n")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1%}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.counts", description=__doc__)
    parser.add_argument("--scenarios", metavar="A,B", help=f"only these of {', '.join(GATED)}")
    parser.add_argument("--gatewright", type=Path, metavar="PATH", help="the Gatewright to count in")
    parser.add_argument("--check", action="store_true", help=f"fail if a count grew by more than {TOLERANCE:.0%}")
    parser.add_argument("--write", action="store_true", help="make these the committed counts")
    add_keep_argument(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
