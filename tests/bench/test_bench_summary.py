"""Ratios, medians, and which rounds count."""

from __future__ import annotations

import pytest
from bench.summary import discard_round, ratios, summarise
from measured import row


def test_a_ratio_is_taken_inside_a_round() -> None:
    rows = [row("nginx", 1, 10), row("ours", 1, 8), row("nginx", 2, 20), row("ours", 2, 18)]
    assert ratios(rows, "ours", "nginx") == [0.8, 0.9]


def test_a_round_without_the_baseline_gives_no_ratio() -> None:
    assert ratios([row("ours", 1, 8), row("nginx", 2, 20)], "ours", "nginx") == []


def test_the_reported_ratio_is_the_median_of_ratios_not_the_ratio_of_medians() -> None:
    costs = [(10, 9), (20, 10), (30, 29)]
    rows = [row("nginx", i, base) for i, (base, _) in enumerate(costs)]
    rows += [row("ours", i, own) for i, (_, own) in enumerate(costs)]
    cell = summarise(rows, "h1-1k", "ours", "nginx")
    assert cell is not None
    assert cell.ratio == pytest.approx(0.9)
    assert cell.cpu_us == 10


def test_one_disturbed_measurement_discards_the_round_for_all_peers() -> None:
    marked = discard_round([row("nginx", 1, 10), row("ours", 1, 8, foreign=0.2)], foreign_limit=0.03)
    assert [each.discarded for each in marked] == ["others used 20% of the CPUs beside ours"] * 2


def test_a_quiet_round_is_left_as_it_is() -> None:
    rows = [row("nginx", 1, 10, foreign=0.01), row("ours", 1, 8, foreign=0.03)]
    assert discard_round(rows, foreign_limit=0.03) == rows


def test_errors_of_one_peer_discard_the_round_and_keep_their_own_words() -> None:
    marked = discard_round([row("nginx", 1, 10), row("ours", 1, 8, discarded="3 read errors")], 0.03)
    assert [each.discarded for each in marked] == ["3 read errors"] * 2


def test_discarded_rounds_count_for_nothing_but_are_counted() -> None:
    rows = [row("ours", 1, 8), row("ours", 2, 80, discarded="noise"), row("ours", 3, 10)]
    cell = summarise(rows, "h1-1k", "ours", "nginx")
    assert cell is not None
    assert (cell.cpu_us, cell.rounds, cell.discarded, cell.ratio) == (9, 2, 1, None)


def test_without_a_quiet_round_there_is_no_cell() -> None:
    assert summarise([row("ours", 1, 8, discarded="noise")], "h1-1k", "ours", "nginx") is None
