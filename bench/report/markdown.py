"""The report as Markdown: an overview of CPU cost, then a table for each scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers import BASELINE, PEERS
from bench.scenarios import SCENARIOS
from bench.summary import Cell, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.rows import Results
    from bench.scenario import Scenario

TITLES = {peer.name: peer.title for peer in PEERS}
ABSENT = "-"
OURS = "gatewright"

INTRODUCTION = f"""\
# Benchmark results

CPU microseconds a request (user + system of the gateway's processes / answers); in brackets the
ratio to {TITLES[BASELINE]}, or to the peer that the bar names, in the same rounds. Medians over the
rounds that count. What is measured, and how: `bench/README.md`. Configurations: `bench/peers/`. Raw
rows: `results.json`.
"""


def render_markdown(results: Results) -> str:
    """Return the whole report."""
    measured = [each for each in SCENARIOS if any(r.scenario == each.name for r in results.rows)]
    peers = [name for name in TITLES if any(row.peer == name for row in results.rows)]
    parts = [INTRODUCTION, "![CPU a request](results.svg)\n", _overview(results, measured, peers)]
    parts += [_details(results, scenario, peers) for scenario in measured]
    parts += [_failures(results), _machine(results)]
    return "\n".join(part for part in parts if part)


def _overview(results: Results, scenarios: Sequence[Scenario], peers: Sequence[str]) -> str:
    rows = []
    for scenario in scenarios:
        cells = {peer: summarise(results.rows, scenario.name, peer, scenario.baseline) for peer in peers}
        promised = f"≤ {scenario.bar:.2f}" if scenario.bar else ABSENT
        if scenario.baseline != BASELINE:
            promised += f" of {TITLES[scenario.baseline]}"
        rows.append([scenario.name, *(_cost(cell) for cell in cells.values()), promised])
    return table(["scenario", *(TITLES[peer] for peer in peers), f"{TITLES[OURS]}'s bar"], rows)


def _details(results: Results, scenario: Scenario, peers: Sequence[str]) -> str:
    exact = {(e.scenario, e.peer, e.tool): e.per_request for e in results.exact}
    starts = {(s.scenario, s.peer): s.seconds for s in results.starts}
    rows = []
    for peer in peers:
        cell = summarise(results.rows, scenario.name, peer, scenario.baseline)
        tools = [exact.get((scenario.name, peer, tool)) for tool in ("callgrind", "perf", "strace")]
        start = starts.get((scenario.name, peer))
        rows.append(
            [TITLES[peer], *_figures(cell)]
            + [_number(value, ",.0f") for value in tools[:2]]
            + [_number(tools[2], ".2f"), _number(start, ".2f")]
            + [f"{cell.rounds} of {cell.rounds + cell.discarded}" if cell else "0"]
        )
    head = ["peer", "CPU µs", "ratio", "answers/s", "p50 µs", "p99 µs", "RSS MB"]
    head += ["instructions", "by perf", "syscalls", "start s", "rounds"]
    return f"## {scenario.name}\n\n{scenario.summary}.\n\n{table(head, rows)}"


def _figures(cell: Cell | None) -> list[str]:
    if cell is None:
        return [ABSENT] * 6
    return [
        f"{cell.cpu_us:.1f}",
        _number(cell.ratio, ".2f"),
        f"{cell.throughput:,.0f}",
        f"{cell.p50_us:,.0f}",
        f"{cell.p99_us:,.0f}",
        f"{cell.rss_bytes / 1e6:.1f}",
    ]


def _failures(results: Results) -> str:
    if not results.failures:
        return ""
    lines = (
        f"- {each.scenario}, {TITLES.get(each.peer, each.peer)}: {_in_one_line(each.reason)}"
        for each in results.failures
    )
    return "## What failed\n\n" + "\n".join(lines) + "\n"


def _in_one_line(reason: str) -> str:
    """Return what went wrong, and the end of the log that says why."""
    what, *log = reason.splitlines()
    return f"{what} {log[-1]}" if log else what


def _machine(results: Results) -> str:
    return "## Where\n\n" + table(["", ""], ([key, text] for key, text in results.machine.items()))


def _cost(cell: Cell | None) -> str:
    if cell is None:
        return ABSENT
    return f"{cell.cpu_us:.1f}" + (f" ({cell.ratio:.2f})" if cell.ratio is not None else "")


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else format(value, form)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, the first column to the left and the others to the right."""
    lines = [list(head), ["---", *["--:"] * (len(head) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
