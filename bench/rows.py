"""What a run leaves behind: raw rows, plain data that JSON keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measurement: a peer in a round of a scenario."""

    scenario: str
    """The scenario's name."""
    peer: str
    """The peer's name."""
    round: int
    """Round, counted from 1. Ratios are taken inside a round."""
    requests: int
    """Answers counted."""
    seconds: float
    """How long the load ran."""
    cpu_us: float
    """CPU microseconds a request: user + system of the gateway's processes / answers."""
    p50_us: int
    """Median latency."""
    p90_us: int
    """90th percentile of latency."""
    p99_us: int
    """99th percentile of latency."""
    p999_us: int
    """99.9th percentile of latency."""
    max_us: int
    """Slowest answer."""
    rss_bytes: int
    """Resident memory after the load."""
    pss_bytes: int
    """The same, pages shared by processes counted once."""
    foreign: float
    """Share of the measured CPUs that processes outside the run used."""
    discarded: str = ""
    """Why the row does not count; empty when it does."""

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Exact:
    """One counting pass."""

    scenario: str
    """The scenario's name."""
    peer: str
    """The peer's name."""
    tool: str
    """``callgrind``, ``perf`` or ``strace``."""
    requests: tuple[int, int]
    """Requests of the two runs."""
    per_request: float
    """Instructions or system calls of one request."""


@dataclass(frozen=True)
class Start:
    """How a peer started in a scenario."""

    scenario: str
    """The scenario's name."""
    peer: str
    """The peer's name."""
    seconds: float
    """From the start of its process until it accepts."""
    rss_bytes: int
    """Resident memory before the first request."""


@dataclass(frozen=True)
class Failure:
    """A peer that could not be measured in a scenario, or a count that could not be taken."""

    scenario: str
    """The scenario's name."""
    peer: str
    """The peer's name."""
    reason: str
    """What happened."""


@dataclass
class Results:
    """Everything a run found."""

    machine: dict[str, str]
    """Where, when and with what it ran."""
    rows: list[Row] = field(default_factory=list)
    """Timed measurements, the discarded ones too."""
    exact: list[Exact] = field(default_factory=list)
    """Counting passes."""
    starts: list[Start] = field(default_factory=list)
    """Starts."""
    failures: list[Failure] = field(default_factory=list)
    """What could not be measured."""

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return asdict(self)
