"""The gateway's metrics, read: a page in Prometheus' text format, and what changed between two of them.

before, now = Metrics.parse(source.text("/metrics")), …
Change(before, now, seconds=1.0).rate("gateway_http_requests_total")
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Labels = tuple[tuple[str, str], ...]


class Metrics(Struct, frozen=True):
    """One page."""

    samples: Mapping[str, Mapping[Labels, float]]
    """Values by name and labels."""

    @classmethod
    def parse(cls, page: str) -> Metrics:
        """Read a page; comments say nothing that is needed here."""
        samples: dict[str, dict[Labels, float]] = {}
        for line in page.splitlines():
            if found := _SAMPLE.fullmatch(line):
                labels = tuple((name, _unescaped(value)) for name, value in _LABEL.findall(found["labels"] or ""))
                samples.setdefault(found["name"], {})[labels] = float(found["value"])
        return cls(samples)

    def total(self, name: str) -> float:
        """Add up every series of a family; 0 where there is none."""
        return sum(self.samples.get(name, {}).values())

    def by(self, name: str, label: str) -> dict[str, float]:
        """Add up a family by one of its labels."""
        sums: dict[str, float] = {}
        for labels, value in self.samples.get(name, {}).items():
            key = dict(labels).get(label, "")
            sums[key] = sums.get(key, 0.0) + value
        return sums


class Change(Struct, frozen=True):
    """What happened between two pages."""

    before: Metrics
    now: Metrics
    seconds: float
    """Time between them."""

    def rate(self, name: str) -> float:
        """Tell how much a counter rose a second."""
        return max(self.now.total(name) - self.before.total(name), 0.0) / self.seconds

    def rates(self, name: str, label: str) -> dict[str, float]:
        """Tell the same by a label; those that did not rise are left out."""
        return dict(self._rises(name, label))

    def quantile(self, name: str, share: float) -> float | None:
        """Estimate the duration that `share` of those observed did not exceed; None where nothing was observed.

        Linear within a bucket, as Prometheus' `histogram_quantile`; beyond the last bound, that bound.
        """
        before = self.before.by(f"{name}_bucket", "le")
        buckets = [
            (float(le), count - before.get(le, 0.0)) for le, count in self.now.by(f"{name}_bucket", "le").items()
        ]
        buckets.sort()
        if not buckets or buckets[-1][1] <= 0:
            return None
        rank = share * buckets[-1][1]
        lower, below = 0.0, 0.0
        for bound, count in buckets:
            if count >= rank and count > below:
                return lower if bound == float("inf") else lower + (bound - lower) * (rank - below) / (count - below)
            lower, below = (lower if bound == float("inf") else bound), count
        return lower

    def _rises(self, name: str, label: str) -> Iterator[tuple[str, float]]:
        before = self.before.by(name, label)
        for key, count in self.now.by(name, label).items():
            if (rise := count - before.get(key, 0.0)) > 0:
                yield key, rise / self.seconds


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), value)
