"""What the load generators report, and when a run does not count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from bench.errors import BenchError
from bench.load.client import Answer, ProtocolError, parse_head
from bench.load.closed_loop import compare
from bench.load.exchange import Endpoint, Exchange
from bench.load.h2load import parse_report as parse_h2load
from bench.load.wrk import parse_report

if TYPE_CHECKING:
    from bench.load.result import LoadResult

REPORT = """\
Running 3s test @ http://127.0.0.1:9080
  1 threads and 64 connections
wrk-report {"requests":1000,"seconds":3.000100,"bytes":1200000,"connect_errors":0,"read_errors":0,\
"write_errors":0,"status_errors":0,"timeouts":0,"p50_us":900,"p90_us":1200,"p99_us":2500,"p999_us":4000,"max_us":5000}
"""


def result() -> LoadResult:
    return parse_report(REPORT)


def test_the_report_line_is_found_among_wrks_own_words() -> None:
    assert (result().requests, result().p99_us) == (1000, 2500)


def test_a_run_without_a_report_fails_with_what_wrk_said() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_report("unable to connect to 127.0.0.1:1 Connection refused")


def test_answers_as_long_as_the_checked_ones_are_no_complaint() -> None:
    assert result().complaint([1200], connections=64) == ""


def test_answers_still_under_way_at_the_end_are_no_complaint() -> None:
    assert replace(result(), bytes=1000 * 1200 + 64 * 1200).complaint([1200], 64) == ""


@pytest.mark.parametrize("received", [1000 * 1190, 1100 * 1210])
def test_bytes_that_do_not_fit_the_number_of_answers_are_a_complaint(received: int) -> None:
    assert "bytes for 1000 answers" in replace(result(), bytes=received).complaint([1200], 64)


def test_errors_are_named_by_kind() -> None:
    broken = replace(result(), read_errors=3, timeouts=1)
    assert broken.complaint([1200], 64) == "3 read errors, 1 timeout errors"


def test_no_answer_at_all_is_a_complaint() -> None:
    assert replace(result(), requests=0).complaint([1200], 64) == "no answer"


def test_a_request_with_a_body_carries_its_length() -> None:
    exchange = Exchange("/length", b"3", method="POST", headers=(("X-Key", "k"),), body=b"abc")
    assert exchange.encode("127.0.0.1") == (
        b"POST /length HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Key: k\r\nContent-Length: 3\r\n\r\nabc"
    )


def test_tls_endpoints_are_asked_for_by_the_certificates_name() -> None:
    assert Endpoint(8443, tls=True).url == "https://localhost:8443"


@pytest.mark.parametrize("answer", [Answer(500, {}, b"ok", 20), Answer(200, {}, b"oK", 20)])
def test_a_wrong_status_or_a_wrong_byte_is_refused(answer: Answer) -> None:
    with pytest.raises(BenchError, match="GET /1k"):
        compare(Exchange("/1k", b"ok"), answer)


def test_a_head_without_a_status_line_is_refused() -> None:
    with pytest.raises(ProtocolError, match="status line"):
        parse_head(b"HTTP/2 200\r\n\r\n")


H2LOAD = """\
finished in 500.00ms, 6.00 req/s, 277.60KB/s
requests: 4 total, 6 started, 3 done, 2 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 2 2xx, 0 3xx, 0 4xx, 1 5xx
traffic: 3.60KB (3684) total, 500B (500) headers (space savings 51.02%), 2.01KB (2053) data
"""
H2LOAD_LOG = "1795521740281800\t200\t294\n1795521740281801\t502\t5000\n1795521740281900\t200\t329\n"


def test_h2load_is_read_from_its_summary_and_its_log() -> None:
    result = parse_h2load(H2LOAD, H2LOAD_LOG)
    assert (result.requests, result.seconds, result.bytes) == (3, 0.5, 2053)
    assert (result.p50_us, result.max_us, result.status_errors) == (329, 5000, 1)


def test_h2load_without_a_summary_fails_with_what_it_said() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_h2load("unable to connect", "")
