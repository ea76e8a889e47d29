"""h2load: HTTP/2 over TLS, several requests at a time on each connection.

Its summary has no percentiles, so each request is logged: status and microseconds, which also
counts the answers. TLS is that of :mod:`bench.load.wrk`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.load.result import LoadResult
from bench.load.wrk import GRACE_SECONDS, OPENSSL_CONF
from bench.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.load.exchange import Endpoint, Exchange

FIRST_ERROR = 400
SHARES = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class H2load:
    """h2load on a CPU of its own."""

    cpus: Sequence[int]
    """CPUs it is pinned to."""
    directory: Path
    """Where its files go."""
    streams: int
    """Requests at a time on a connection."""

    def write_requests(self, name: str, exchanges: Sequence[Exchange], endpoint: Endpoint, *, close: bool) -> Path:
        """Write the addresses asked for, in turn."""
        del close  # a connection is HTTP/2's unit, not an exchange's
        path = self.directory / f"{name}.addresses"
        path.write_text("".join(f"{endpoint.url}{each.path}\n" for each in exchanges))
        return path

    def run(self, endpoint: Endpoint, requests: Path, connections: int, seconds: float) -> LoadResult:
        """Load the endpoint for ``seconds``; :exc:`BenchError` if h2load itself fails."""
        duration = max(1, round(seconds))
        return self._run(endpoint, requests, connections, [f"--duration={duration}"], seconds)

    def send(self, endpoint: Endpoint, requests: Path, connections: int, count: int, patience: float) -> LoadResult:
        """Send exactly ``count`` requests."""
        return self._run(endpoint, requests, connections, [f"--requests={count}"], patience)

    def _run(
        self,
        endpoint: Endpoint,
        requests: Path,
        connections: int,
        length: Sequence[str],
        seconds: float,
    ) -> LoadResult:
        del endpoint  # the addresses have it
        log = requests.with_suffix(".log")
        log.unlink(missing_ok=True)
        command = ["setpriv", "--pdeathsig", "KILL"]
        command += ["taskset", "--cpu-list", ",".join(map(str, self.cpus)), "h2load", "--threads=1"]
        command += [f"--clients={connections}", f"--max-concurrent-streams={self.streams}", *length]
        command += [f"--log-file={log}", f"--input-file={requests}"]
        output = run(command, seconds + GRACE_SECONDS, OPENSSL_CONF=str(OPENSSL_CONF))
        return parse_report(output, log.read_text())


def parse_report(output: str, log: str) -> LoadResult:
    """Read the summary and the log; :exc:`BenchError` if they are not there."""
    finished = re.search(r"finished in ([\d.]+)(us|ms|s)", output)
    traffic = re.search(r"traffic: .*\((\d+)\) data", output)
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", output)
    if finished is None or traffic is None or failed is None:
        message = f"h2load gave no report:\n{output[-800:]}"
        raise BenchError(message)
    scale = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[finished[2]]
    rows = [line.split("\t") for line in log.splitlines()]
    took = sorted(int(row[2]) for row in rows)
    wrong = sum(int(row[1]) >= FIRST_ERROR for row in rows)
    p50, p90, p99, p999 = (took[int(len(took) * share)] if took else 0 for share in SHARES)
    return LoadResult(
        requests=len(rows),
        seconds=float(finished[1]) * scale,
        bytes=int(traffic[1]),
        connect_errors=0,
        read_errors=int(failed[2]),
        write_errors=0,
        status_errors=wrong,
        timeouts=int(failed[3]),
        p50_us=p50,
        p90_us=p90,
        p99_us=p99,
        p999_us=p999,
        max_us=took[-1] if took else 0,
    )
