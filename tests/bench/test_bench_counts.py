"""Which counts are refused, and what is said about them."""

from __future__ import annotations

import pytest
from bench.counts import GATED, compare, render
from bench.scenarios import SCENARIOS

COMMITTED = {"h1-1k": {"instructions": 10_000.0, "syscalls": 4.0}}


@pytest.mark.parametrize(("now", "grown"), [(9_000.0, False), (10_199.0, False), (10_201.0, True)])
def test_a_count_may_grow_by_two_percent(now: float, grown: bool) -> None:
    (compared,) = compare({"h1-1k": {"instructions": now}}, COMMITTED)
    assert compared.grown is grown


def test_a_scenario_that_nothing_is_committed_for_has_not_grown() -> None:
    (compared,) = compare({"post-16k": {"syscalls": 9.0}}, COMMITTED)
    assert (compared.growth, compared.grown) == (None, False)


def test_what_has_grown_is_named_with_its_share() -> None:
    report = render(compare({"h1-1k": {"instructions": 9_900.0, "syscalls": 5.0}}, COMMITTED))
    assert "| h1-1k | instructions | 9,900 | 10,000 | -1.0% |" in report
    assert report.endswith("h1-1k: syscalls a request have grown by +25.0%, more than 2%")


def test_every_gated_scenario_exists() -> None:
    assert set(GATED) <= {scenario.name for scenario in SCENARIOS}
