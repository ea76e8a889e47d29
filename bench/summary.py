"""From raw rows to the numbers of the report.

Timings on a shared machine differ by 15 to 30 % between identical rounds, but a slow moment hits
all peers of a round alike. So a ratio is taken inside a round, and the report shows the median of
the ratios, which is not the ratio of the medians. A round in which other processes took CPU from
any of its peers counts for none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.rows import Row


@dataclass(frozen=True)
class Cell:
    """A peer in a scenario: medians over the rounds that count."""

    cpu_us: float
    """CPU microseconds a request."""
    ratio: float | None
    """The same, by the baseline's in the same round; None without a baseline."""
    throughput: float
    """Answers a second."""
    p50_us: float
    """Median latency."""
    p99_us: float
    """99th percentile of latency."""
    rss_bytes: float
    """Resident memory under load."""
    rounds: int
    """Rounds that count."""
    discarded: int
    """Rounds that do not."""


def discard_round(rows: Sequence[Row], foreign_limit: float) -> list[Row]:
    """Return the rows of one round, all marked if a single one was disturbed."""
    reasons = [row.discarded for row in rows if row.discarded]
    noisy = [row for row in rows if row.foreign > foreign_limit]
    if noisy:
        worst = max(noisy, key=lambda row: row.foreign)
        reasons.append(f"others used {worst.foreign:.0%} of the CPUs beside {worst.peer}")
    if not reasons:
        return list(rows)
    return [replace(row, discarded=row.discarded or reasons[0]) for row in rows]


def ratios(rows: Iterable[Row], peer: str, baseline: str) -> list[float]:
    """Return a peer's CPU cost by the baseline's, for each round in which both count."""
    cost: dict[int, dict[str, float]] = {}
    for row in rows:
        if not row.discarded:
            cost.setdefault(row.round, {})[row.peer] = row.cpu_us
    return [each[peer] / each[baseline] for each in cost.values() if {peer, baseline} <= each.keys()]


def summarise(rows: Sequence[Row], scenario: str, peer: str, baseline: str) -> Cell | None:
    """Return a peer's cell; None when no round of it counts."""
    own = [row for row in rows if (row.scenario, row.peer) == (scenario, peer)]
    kept = [row for row in own if not row.discarded]
    if not kept:
        return None

    def middle(value: Callable[[Row], float]) -> float:
        return median(value(row) for row in kept)

    inside = ratios((row for row in rows if row.scenario == scenario), peer, baseline)
    return Cell(
        cpu_us=middle(lambda row: row.cpu_us),
        ratio=median(inside) if inside else None,
        throughput=middle(lambda row: row.throughput),
        p50_us=middle(lambda row: row.p50_us),
        p99_us=middle(lambda row: row.p99_us),
        rss_bytes=middle(lambda row: row.rss_bytes),
        rounds=len(kept),
        discarded=len(own) - len(kept),
    )
