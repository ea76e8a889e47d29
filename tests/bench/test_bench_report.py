"""What reports say about a run."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from bench.report import write_report
from bench.report.markdown import render_markdown, table
from bench.report.svg import render_svg
from bench.rows import Exact, Failure, Results, Start
from measured import row

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def results() -> Results:
    return Results(
        machine={"revision": "abc", "kernel": "6.1"},
        rows=[
            row("nginx", 1, 15.0),
            row("gatewright", 1, 12.0),
            row("nginx", 2, 99.0, discarded="others used 9% of the CPUs beside nginx"),
            row("gatewright", 2, 12.0, discarded="others used 9% of the CPUs beside nginx"),
        ],
        exact=[Exact("h1-1k", "nginx", "callgrind", (1, 2), 22_150.4), Exact("h1-1k", "nginx", "strace", (1, 2), 5.2)],
        starts=[Start("h1-1k", "nginx", 0.014, 1)],
        failures=[Failure("tls-h1-1k", "envoy", "no answer; its log ends:\nstarting\nport in use")],
    )


def test_the_overview_shows_cost_ratio_and_promise(results: Results) -> None:
    assert "| h1-1k | 15.0 (1.00) | 12.0 (0.80) | ≤ 0.90 |" in render_markdown(results)


def test_the_details_show_counts_and_discarded_rounds(results: Results) -> None:
    line = next(each for each in render_markdown(results).splitlines() if each.startswith("| nginx | 15.0"))
    assert "22,150 | - | 5.20 | 0.01 | 1 of 2 |" in line


def test_what_could_not_be_measured_is_named_in_one_line(results: Results) -> None:
    assert "- tls-h1-1k, Envoy: no answer; its log ends: port in use\n" in render_markdown(results)


def test_a_table_is_aligned_for_numbers() -> None:
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | --: |\n| x | 1 |\n"


def test_the_plot_is_well_formed_and_scaled_to_the_largest(results: Results) -> None:
    root = ET.fromstring(render_svg(results))  # noqa: S314 - our own output
    widths = [float(each.get("width", 0)) for each in root.iter("{http://www.w3.org/2000/svg}rect")]
    bars = [width for width in widths if width > 20]
    assert bars == [420.0, pytest.approx(420 * 0.8)]


def test_the_raw_rows_keep_what_was_discarded_and_why(results: Results, tmp_path: Path) -> None:
    write_report(results, tmp_path)
    data = json.loads((tmp_path / "results.json").read_text())
    assert data["machine"]["revision"] == "abc"
    assert [bool(each["discarded"]) for each in data["rows"]] == [False, False, True, True]
