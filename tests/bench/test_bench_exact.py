"""What the counting tools print, and how a request's cost comes out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.accounting import TICKS, parse_busy
from bench.errors import BenchError
from bench.exact import Callgrind, parse_perf, parse_strace, parse_totals, per_request

if TYPE_CHECKING:
    from pathlib import Path

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.010000           5      2000           writev
 40.00    0.005000           2      2561         3 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.015000           3      4561         3 total
"""


def test_what_both_runs_share_cancels_out() -> None:
    assert per_request((100, 300), lambda requests: 5_000_000 + 20 * requests) == 20


def test_calls_are_read_whether_or_not_there_were_errors() -> None:
    without_errors = "100.00    0.015000           3      4561           total\n"
    assert parse_strace(STRACE) == parse_strace(without_errors) == 4561


def test_strace_without_a_summary_is_an_error() -> None:
    with pytest.raises(BenchError, match="no summary"):
        parse_strace("strace: exec: No such file or directory")


def test_a_thread_without_a_total_is_an_error() -> None:
    assert parse_totals("thread: 4\nfl=(1)\n+3 7\ntotals: 123456\n") == 123456
    with pytest.raises(BenchError, match="no total"):
        parse_totals("version: 1\n")


def test_the_first_thread_can_be_left_out(tmp_path: Path) -> None:
    for number, total in enumerate((500, 20, 3), start=1):
        (tmp_path / f"callgrind-7.out-0{number}").write_text(f"totals: {total}\n")
    (tmp_path / "callgrind-7.out").write_text("creator: callgrind\n")
    assert Callgrind().read(tmp_path, first_threads=True) == 523
    assert Callgrind().read(tmp_path, first_threads=False) == 23


def test_a_hidden_counter_is_no_count() -> None:
    assert parse_perf("<not supported>,,instructions:u,0,100.00,,\n") is None
    assert parse_perf("8123456,,instructions:u,1200,100.00,,\n") == 8123456


def test_busy_time_leaves_out_idle_time_guests_and_other_cpus() -> None:
    stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 400 500 4 5 6 70 80\ncpu1 9 9 9 9 9 9 9 9 9 9\nintr 1\n"
    assert parse_busy(stat, frozenset({0})) == pytest.approx(21 / TICKS)
