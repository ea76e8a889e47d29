"""wrk: its command line, and what it reports.

The requests it sends are files of raw bytes (``wrk.lua`` reads them), so that wrk and the
checking client send the same. For TLS its OpenSSL is told, through ``OPENSSL_CONF``, to offer
TLS 1.3 with one cipher suite and one group: so every gateway does the same cryptography.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load.exchange import Endpoint, Exchange

SCRIPT = Path(__file__).with_name("wrk.lua")
OPENSSL_CONF = Path(__file__).with_name("openssl.cnf")
MARK = "wrk-report "
# Answers may differ by a few bytes from the sample: `Connection: close` on a connection's last.
LENGTH_SLACK = 8
GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class LoadResult:
    """What one run of wrk saw."""

    requests: int
    """Answers received whole."""
    seconds: float
    """How long it ran."""
    bytes: int
    """Bytes received, heads included."""
    connect_errors: int
    """Connections refused."""
    read_errors: int
    """Connections that broke while an answer was read."""
    write_errors: int
    """Connections that broke while a request was sent."""
    status_errors: int
    """Answers above 399."""
    timeouts: int
    """Requests that took longer than wrk waits (2 s)."""
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

        ``wire_bytes`` are lengths of checked answers; each connection may have one answer half
        read when the time is up.
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


@dataclass(frozen=True)
class Wrk:
    """wrk on a CPU of its own."""

    cpus: Sequence[int]
    """CPUs it is pinned to."""
    directory: Path
    """Where its request files go."""

    def write_requests(self, name: str, requests: Sequence[bytes]) -> Path:
        """Write a request file for :meth:`run`."""
        path = self.directory / f"{name}.requests"
        path.write_bytes(b"".join(b"%d\n%b" % (len(each), each) for each in requests))
        return path

    def run(self, endpoint: Endpoint, requests: Path, connections: int, seconds: float) -> LoadResult:
        """Load the endpoint for ``seconds``; :exc:`BenchError` if wrk itself fails."""
        command = ["setpriv", "--pdeathsig", "KILL"]
        command += ["taskset", "--cpu-list", ",".join(map(str, self.cpus)), "wrk", "--threads=1"]
        command += [f"--connections={connections}", f"--duration={max(1, round(seconds))}s"]
        command += ["--latency", f"--script={SCRIPT}", endpoint.url, "--", str(requests)]
        output = run(command, seconds + GRACE_SECONDS, OPENSSL_CONF=str(OPENSSL_CONF))
        return parse_report(output)


def parse_report(output: str) -> LoadResult:
    """Read the line that ``wrk.lua`` prints; :exc:`BenchError` if it is not there."""
    for line in output.splitlines():
        if line.startswith(MARK):
            return LoadResult(**json.loads(line.removeprefix(MARK)))
    message = f"wrk gave no report:\n{output[-800:]}"
    raise BenchError(message)


def encode_all(exchanges: Sequence[Exchange], endpoint: Endpoint, *, close: bool) -> list[bytes]:
    """Return the bytes of each request for an endpoint."""
    return [each.encode(endpoint.host, close=close) for each in exchanges]
