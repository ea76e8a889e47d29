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
from bench.load.result import LoadResult
from bench.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load.exchange import Endpoint, Exchange

SCRIPT = Path(__file__).with_name("wrk.lua")
OPENSSL_CONF = Path(__file__).with_name("openssl.cnf")
MARK = "wrk-report "
GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Wrk:
    """wrk on a CPU of its own."""

    cpus: Sequence[int]
    """CPUs it is pinned to."""
    directory: Path
    """Where its request files go."""

    def write_requests(self, name: str, exchanges: Sequence[Exchange], endpoint: Endpoint, *, close: bool) -> Path:
        """Write a request file for :meth:`run`."""
        path = self.directory / f"{name}.requests"
        requests = [each.encode(endpoint.host, close=close) for each in exchanges]
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
