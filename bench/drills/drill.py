"""What a drill is, and the scene it plays in: upstreams that can be broken, one gateway."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.certificate import Certificate
from bench.load.exchange import Endpoint
from bench.peers.peer import Peer, Setup
from bench.processes import Child, free_ports
from bench.upstream import start_upstream

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

Outcome = Mapping[str, str]
"""What a drill measured: measure → figure, in the order of the report."""


@dataclass(frozen=True)
class Gateway:
    """A gateway under drill."""

    child: Child
    """Its processes."""
    endpoint: Endpoint
    """Where it listens."""
    directory: Path
    """Where its configuration is."""
    metrics: Endpoint
    """Where its figures are, if it has any."""


class Scene:
    """Starts what a drill asks for; all of it ends with the drill."""

    def __init__(self, peer: Peer, directory: Path, stack: ExitStack) -> None:
        """Set a drill up with ``peer``; configurations and logs go to ``directory``."""
        self.peer = peer
        self.directory = directory
        self._stack = stack
        self._started = 0
        cpus = sorted(os.sched_getaffinity(0))
        self._gateway_cpus, self._other_cpus = (cpus[0],), (cpus[1 % len(cpus)],)

    def upstream(self, port: int | None = None) -> tuple[Child, int]:
        """Start an upstream, on a port of its own unless one is given; its process and port."""
        chosen = port or free_ports(1)[0]
        home = self._fresh("upstream")
        child = self._stack.enter_context(start_upstream(home, chosen, self._other_cpus))
        return child, chosen

    def gateway(
        self,
        *upstreams: int,
        tls: bool = False,
        access_log: Path | None = None,
        open_files: int | None = None,
        stuck: bool = False,
        checks: bool = False,
    ) -> Gateway:
        """Start the gateway at its defaults in front of ``upstreams``, and wait for it."""
        port, metrics = free_ports(2)
        home = self._fresh(self.peer.name)
        setup = Setup(
            port=port,
            upstreams=upstreams,
            certificate=Certificate.generate(home) if tls else None,
            access_log=access_log,
            open_files=open_files,
            defaults=True,
            stuck=stuck,
            checks=checks,
            metrics=metrics,
        )
        child = self._stack.enter_context(self.peer.start(setup, home, self._gateway_cpus))
        child.wait_ready(port, self.peer.ready_seconds)
        return Gateway(child, Endpoint(port, tls), home, Endpoint(metrics))

    def _fresh(self, name: str) -> Path:
        self._started += 1
        home = self.directory / f"{name}-{self._started}"
        home.mkdir(parents=True)
        # Workers that drop root must still reach their files in it.
        home.chmod(0o711)
        return home


@dataclass(frozen=True)
class Drill:
    """Something that goes wrong, and what is measured while it does."""

    name: str
    """Its name on the command line."""
    summary: str
    """One line for the report."""
    bar: Outcome
    """What Gatewright promises, measure by measure."""
    run: Callable[[Scene], Outcome]
    """Plays it; :exc:`bench.errors.BenchError` if the peer cannot take part."""
