"""``python -m bench``: measure, and write the report."""

from __future__ import annotations

import argparse
import sys

from bench.command import add_report_arguments, say
from bench.errors import BenchError
from bench.machine import describe
from bench.measure import Bench, Plan
from bench.report import write_report
from bench.rows import Results
from bench.scenarios import SCENARIOS
from bench.selection import add_peer_arguments, choose, find_peers
from bench.workspace import workspace

QUICK = Plan(rounds=2, seconds=2.0, exact=False)


def main() -> int:
    """Run what the command line asks for; 0, 1 if something could not be measured, 2 if nothing."""
    arguments = _parser().parse_args()
    try:
        results = _run(arguments)
    except BenchError as error:
        say(f"bench: {error}")
        return 2
    except KeyboardInterrupt:
        say("bench: interrupted, nothing written")
        return 130
    for path in write_report(results, arguments.out):
        say(f"wrote {path}")
    return 1 if results.failures else 0


def _run(arguments: argparse.Namespace) -> Results:
    scenarios = choose("scenario", SCENARIOS, arguments.scenarios)
    peers = find_peers(arguments, say)
    machine = describe() | {peer.name: peer.version() for peer in peers}
    results = Results(machine)
    bench = Bench(peers, _plan(arguments), results, say)
    with workspace(arguments.keep) as directory:
        for scenario in scenarios:
            bench.run(scenario, directory / scenario.name)
    return results


def _plan(arguments: argparse.Namespace) -> Plan:
    default = QUICK if arguments.quick else Plan()
    return Plan(
        rounds=arguments.rounds or default.rounds,
        seconds=arguments.seconds or default.seconds,
        foreign_limit=arguments.foreign_limit,
        exact=default.exact and not arguments.no_exact,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    parser.add_argument("--scenarios", metavar="A,B", help=f"only these of {names}")
    add_peer_arguments(parser)
    parser.add_argument("--rounds", type=int, help="quiet rounds wanted (8)")
    parser.add_argument("--seconds", type=float, help="length of a measurement (3)")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 s, no counting")
    parser.add_argument("--no-exact", action="store_true", help="count no instructions or calls")
    parser.add_argument(
        "--foreign-limit",
        type=float,
        default=Plan.foreign_limit,
        metavar="SHARE",
        help="CPU share of other processes that discards a round (%(default)s)",
    )
    add_report_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
