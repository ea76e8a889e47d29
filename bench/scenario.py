"""What a scenario is: requests, and how the gateways are set up to serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.load.exchange import Exchange

Additions = Mapping[str, Mapping[str, str]]
"""Lines for a peer's configuration: peer name → placeholder of its template → text."""


@dataclass(frozen=True)
class Scenario:
    """One kind of traffic, the same for all peers."""

    name: str
    """Its name on the command line and in reports."""
    summary: str
    """One line for the report."""
    exchanges: tuple[Exchange, ...]
    """What is sent, in turn."""
    probes: tuple[Exchange, ...] = ()
    """Sent by the checking client only, before and after."""
    connections: int = 64
    """Connections the load keeps open."""
    workers: int = 1
    """Workers of the gateway, one CPU each."""
    routes: int = 1
    """Routes the gateway knows. One: everything goes to the upstream. More: one for each
    ``/service-NNNN/``, nothing else."""
    tls: bool = False
    """Whether clients speak TLS."""
    streams: int = 0
    """Requests at a time on each connection, over HTTP/2; 0 for HTTP/1.1."""
    close: bool = False
    """Whether each request closes its connection."""
    access_log: bool = False
    """Whether the gateways write an access log."""
    defaults: bool = False
    """Leave every setting that is not needed for equal work at the peer's default."""
    baseline: str = "nginx"
    """The peer that ratios refer to."""
    bar: float | None = None
    """The ratio to it that Gatewright promises to stay under."""
    additions: Additions = field(default_factory=dict)
    """What this scenario needs in the peers' configurations; see ``bench/README.md``."""
    exact_counts: tuple[int, int] = (1280, 3840)
    """Requests of the two runs whose difference gives instructions and system calls."""
