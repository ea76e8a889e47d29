"""From the start of a gateway's process to its first answer: ``python -m bench.startup``.

    python -m bench.startup --peers nginx,gatewright

Every gateway starts fifteen times, in turn with the others, with its settings at their defaults
and one worker, in front of an upstream that is up. The report has medians; ``startup.json`` has
every start.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.accounting import tree_usage
from bench.command import add_report_arguments, say, write_files
from bench.drills.steady_load import seconds_until_served
from bench.errors import BenchError
from bench.load.exchange import Endpoint
from bench.machine import describe
from bench.peers.peer import Setup
from bench.processes import free_ports
from bench.report.markdown import table
from bench.selection import add_peer_arguments, find_peers
from bench.stage import cpus_for
from bench.upstream import start_upstream
from bench.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.peers.peer import Peer

STARTS = 15


@dataclass(frozen=True)
class FirstAnswer:
    """One start."""

    peer: str
    """The peer's name."""
    seconds: float
    """From the start of its process until it has answered a request."""
    rss_bytes: int
    """Resident memory then."""


def main() -> int:
    """Start what the command line names; 0, or 2 when something does not start."""
    arguments = _parser().parse_args()
    try:
        peers = find_peers(arguments, say)
        machine = describe() | {peer.name: peer.version() for peer in peers}
        with workspace(arguments.keep) as directory:
            found = _measure(peers, directory)
    except BenchError as error:
        say(f"startup: {error}")
        return 2
    report = render(found, machine)
    print(report)
    write_files(arguments.out, "startup", report, {"machine": machine, "starts": [asdict(each) for each in found]})
    return 0


def render(found: Sequence[FirstAnswer], machine: Mapping[str, str]) -> str:
    """Return the report: a row for each peer."""
    rows = []
    for peer in dict.fromkeys(each.peer for each in found):
        own = [each for each in found if each.peer == peer]
        times = [each.seconds * 1e3 for each in own]
        memory = median(each.rss_bytes for each in own) / 1e6
        rows.append([peer, f"{median(times):.0f}", f"{max(times):.0f}", f"{memory:.1f}", str(len(own))])
    head = ["", "first answer ms", "slowest ms", "RSS MB", "starts"]
    return f"# Start\n\n{table(head, rows)}\n## Where\n\n{table(['', ''], machine.items())}"


def _measure(peers: Sequence[Peer], directory: Path) -> list[FirstAnswer]:
    gateway, rest = cpus_for(1)
    (port,) = free_ports(1)
    with start_upstream(directory, port, rest):
        return [
            _start(peer, port, directory / f"{peer.name}-{number}", gateway)
            for number in range(STARTS)
            for peer in peers
        ]


def _start(peer: Peer, upstream: int, directory: Path, cpus: Sequence[int]) -> FirstAnswer:
    (port,) = free_ports(1)
    setup = Setup(port=port, upstreams=(upstream,), defaults=True)
    with peer.start(setup, directory, cpus) as child:
        if asyncio.run(seconds_until_served(Endpoint(port), peer.ready_seconds)) is None:
            message = f"{peer.title} does not answer; its log ends:\n{child.tail()}"
            raise BenchError(message)
        return FirstAnswer(peer.name, time.monotonic() - child.started, tree_usage(child.pid).rss_bytes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    add_peer_arguments(parser)
    add_report_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
