"""`gateway.cli.metrics`: a page of metrics, and what changed between two."""

import math

import pytest

from gateway.cli.metrics import Change, Metrics

PAGE = """\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",worker="0"} 10
requests_total{code="200",worker="1"} 5
requests_total{code="404",worker="0"} 1
odd{name="a \\"b\\" \\\\ c\\n{d}"} 1e3
active 7
"""


def change(before: str, now: str, seconds: float = 2.0) -> Change:
    return Change(Metrics.parse(before), Metrics.parse(now), seconds)


def test_series_are_added_up_by_name_and_by_label() -> None:
    page = Metrics.parse(PAGE)
    assert page.total("requests_total") == 16
    assert page.by("requests_total", "code") == {"200": 15, "404": 1}
    assert (page.total("active"), page.total("none"), page.by("none", "code")) == (7, 0, {})


def test_labels_are_unescaped() -> None:
    assert Metrics.parse(PAGE).by("odd", "name") == {'a "b" \\ c\n{d}': 1000}


def test_a_rate_is_the_rise_over_the_time() -> None:
    seen = change('r{c="1"} 10\nr{c="2"} 4', 'r{c="1"} 16\nr{c="2"} 4\nr{c="3"} 2')
    assert seen.rate("r") == 4
    assert seen.rates("r", "c") == {"1": 3, "3": 1}


def test_a_counter_that_was_forgotten_did_not_fall() -> None:
    seen = change("r 10", "r 1")
    assert seen.rate("r") == 0
    assert seen.rates("r", "c") == {}


BUCKETS = 't_bucket{{le="0.1"}} {}\nt_bucket{{le="1.0"}} {}\nt_bucket{{le="+Inf"}} {}\n'


@pytest.mark.parametrize(
    ("share", "expected"), [(0.25, 0.05), (0.5, 0.1), (0.75, 0.55), (1.0, 1.0)], ids=["first", "edge", "second", "all"]
)
def test_a_quantile_is_linear_within_its_bucket(share: float, expected: float) -> None:
    found = change(BUCKETS.format(10, 10, 10), BUCKETS.format(14, 18, 18)).quantile("t", share)
    assert found is not None
    assert math.isclose(found, expected)


def test_beyond_the_last_bound_a_quantile_is_that_bound() -> None:
    assert change(BUCKETS.format(0, 0, 0), BUCKETS.format(0, 1, 9)).quantile("t", 0.9) == 1.0


def test_nothing_observed_has_no_quantile() -> None:
    same = BUCKETS.format(1, 2, 3)
    assert change(same, same).quantile("t", 0.5) is None
    assert change("", "").quantile("t", 0.5) is None
