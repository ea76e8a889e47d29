"""``python -m bench.drills``: break things, and write what happened."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.command import add_report_arguments, say, write_files
from bench.drills import DRILLS
from bench.drills.drill import Drill, Outcome, Scene
from bench.errors import BenchError
from bench.load.client import ProtocolError
from bench.machine import describe
from bench.report.markdown import table
from bench.selection import add_peer_arguments, choose, find_peers
from bench.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.peers.peer import Peer

Outcomes = dict[str, dict[str, Outcome]]
"""Drill → peer → what was measured."""


def main() -> int:
    """Run what the command line asks for; 0, or 2 when there is nothing to run."""
    arguments = _parser().parse_args()
    try:
        drills = choose("drill", DRILLS, arguments.drills)
        peers = find_peers(arguments, say)
        machine = describe() | {peer.name: peer.version() for peer in peers}
    except BenchError as error:
        say(f"drills: {error}")
        return 2
    outcomes: Outcomes = {}
    with workspace(arguments.keep) as directory:
        for drill in drills:
            say(f"{drill.name}: {drill.summary}")
            outcomes[drill.name] = {peer.name: _play(drill, peer, directory / drill.name / peer.name) for peer in peers}
    write_files(arguments.out, "drills", render(outcomes, machine), {"machine": machine, "outcomes": outcomes})
    return 0


def render(outcomes: Outcomes, machine: Mapping[str, str]) -> str:
    """Return the report: a row for each measure, a column for each peer."""
    known = {drill.name: drill for drill in DRILLS}
    peers = list(next(iter(outcomes.values())))
    parts = ["# Drills\n\nWhat happens when things break. How: `bench/drills/`.\n"]
    for name, by_peer in outcomes.items():
        drill = known[name]
        measures = dict.fromkeys(measure for outcome in by_peer.values() for measure in outcome)
        rows = (
            [measure, *(by_peer[peer].get(measure, "-") for peer in peers), drill.bar.get(measure, "-")]
            for measure in measures
        )
        parts.append(f"## {name}\n\nThe case: {drill.summary}.\n\n{table(['', *peers, 'bar'], rows)}")
    parts.append("## Where\n\n" + table(["", ""], machine.items()))
    return "\n".join(parts)


def _play(drill: Drill, peer: Peer, directory: Path) -> Outcome:
    directory.mkdir(parents=True)
    try:
        with ExitStack() as stack:
            outcome = drill.run(Scene(peer, directory, stack))
    except (BenchError, ProtocolError, OSError) as error:
        outcome = {"not played": (str(error) or type(error).__name__).splitlines()[0]}
    figures = "; ".join(f"{measure}: {figure}" for measure, figure in outcome.items())
    say(f"  {peer.name}: {figures}")
    return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.drills", description=__doc__)
    names = ", ".join(drill.name for drill in DRILLS)
    parser.add_argument("--drills", metavar="A,B", help=f"only these of {names}")
    add_peer_arguments(parser)
    add_report_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
