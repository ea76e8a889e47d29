"""What the report says about starts."""

from __future__ import annotations

from bench.startup import FirstAnswer, render


def test_the_median_and_the_slowest_start_of_each_peer_are_shown() -> None:
    found = [FirstAnswer("nginx", seconds, 18_000_000) for seconds in (0.010, 0.030, 0.011)]
    found += [FirstAnswer("gatewright", 0.1, 31_500_000)]
    report = render(found, {"revision": "abc"})
    assert "| nginx | 11 | 30 | 18.0 | 3 |" in report
    assert "| gatewright | 100 | 100 | 31.5 | 1 |" in report
    assert "| revision | abc |" in report
