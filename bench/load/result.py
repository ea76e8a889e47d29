"""What a load generator saw, and why that may not count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Answers may differ by a few bytes from the sample: `Connection: close` on a connection's last.
LENGTH_SLACK = 8


@dataclass(frozen=True)
class LoadResult:
    """What one run saw."""

    requests: int
    """Answers received whole."""
    seconds: float
    """How long it ran."""
    bytes: int
    """Bytes received: by wrk heads included, by h2load bodies only."""
    connect_errors: int
    """Connections refused."""
    read_errors: int
    """Connections that broke while an answer was read."""
    write_errors: int
    """Connections that broke while a request was sent."""
    status_errors: int
    """Answers above 399."""
    timeouts: int
    """Requests that took longer than the generator waits."""
    p50_us: int
    """Median latency, microseconds."""
    p90_us: int
    """90th percentile, microseconds."""
    p99_us: int
    """99th percentile, microseconds."""
    p999_us: int
    """99.9th percentile, microseconds."""
    max_us: int
    """Slowest answer, microseconds."""

    def complaint(self, wire_bytes: Sequence[int], connections: int) -> str:
        """Why the run does not count, or nothing: errors, or answers of a wrong length.

        ``wire_bytes`` are lengths of answers; each connection may have one answer half read when
        the time is up.
        """
        kinds = ("connect", "read", "write", "status")
        counts = {kind: getattr(self, f"{kind}_errors") for kind in kinds}
        counts["timeout"] = self.timeouts
        if any(counts.values()):
            return ", ".join(f"{count} {kind} errors" for kind, count in counts.items() if count)
        if not self.requests:
            return "no answer"
        least = (min(wire_bytes) - LENGTH_SLACK) * self.requests
        most = (max(wire_bytes) + LENGTH_SLACK) * (self.requests + connections)
        if not least <= self.bytes <= most:
            return f"{self.bytes} bytes for {self.requests} answers of {max(wire_bytes)}"
        return ""
