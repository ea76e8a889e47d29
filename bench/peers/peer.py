"""What the harness asks of a gateway it measures.

A peer is a folder: its configuration as a template, and a class that fills it in. What a scenario
adds to a configuration (``Scenario.additions``) lands in the template's other placeholders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from signal import Signals
from typing import TYPE_CHECKING, ClassVar

from bench.errors import BenchError
from bench.processes import Child, Launch, find_program
from bench.template import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.certificate import Certificate


@dataclass(frozen=True)
class Setup:
    """What a gateway is to serve, in no peer's terms."""

    port: int
    """Where it listens, on 127.0.0.1."""
    upstreams: tuple[int, ...]
    """Ports of the upstream's nodes, equal weights."""
    workers: int = 1
    """Workers, or threads."""
    routes: int = 1
    """One: everything goes to the upstream; more: one for each ``/service-NNNN/``."""
    certificate: Certificate | None = None
    """Serve TLS with it."""
    http2: bool = False
    """Offer HTTP/2 beside HTTP/1.1."""
    access_log: Path | None = None
    """Write an access log there."""
    defaults: bool = False
    """Leave tuning out."""
    traced: bool = False
    """One process, if it can: a tracer's counts are easier to read."""
    open_files: int | None = None
    """Limit of file descriptors."""
    stuck: bool = False
    """Once it serves, block the interpreter that runs its plugins."""
    metrics: int | None = None
    """Port of its figures."""
    checks: bool = False
    """Probe the upstreams once a second, one probe deciding; Gatewright and HAProxy do."""
    additions: Mapping[str, str] = field(default_factory=dict)
    """Values of the template's optional placeholders."""


@dataclass(frozen=True)
class Tracer:
    """A program that runs the gateway under its eyes."""

    wrapper: tuple[str, ...] = ()
    """Its command line up to the gateway's."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the gateway."""


class Peer(ABC):
    """A gateway that can be started with a :class:`Setup`."""

    name: ClassVar[str]
    """Its name on the command line."""
    title: ClassVar[str]
    """Its name in reports."""
    install: ClassVar[str]
    """How to get it."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Placeholders of its template that are empty unless a scenario fills them."""
    reload_signal: ClassVar[Signals | None] = None
    """Makes it read its configuration again; None if it cannot."""
    runs_python: ClassVar[bool] = False
    """Whether Python runs in its process."""
    watched_file: ClassVar[str | None] = None
    """The file in its directory whose change it takes over by itself; None if it does not."""
    metrics_path: ClassVar[str | None] = None
    """Where its figures are, in Prometheus' text; None if it has none."""
    drain_signal: ClassVar[Signals] = Signals.SIGTERM
    """Makes it stop gracefully."""
    ready_seconds: ClassVar[float] = 15.0
    """How long a start may take; tracers get ten times that."""

    def __init__(self, program: Path) -> None:
        """Measure this program."""
        self.program = program

    @classmethod
    def locate(cls, given: Path | None) -> Path:
        """Return the program to measure, ``given`` or found; :exc:`BenchError` says how to get it."""
        found = given or find_program(cls.name) or cls.elsewhere()
        if found is None:
            message = f"{cls.title} is not installed: {cls.install}, or --{cls.name} PATH"
            raise BenchError(message)
        return found

    @classmethod
    def elsewhere(cls) -> Path | None:
        """Return where it is when it is not on PATH, if it is anywhere."""
        return None

    @abstractmethod
    def version(self) -> str:
        """Its version, as it says itself."""

    @abstractmethod
    def prepare(self, setup: Setup, directory: Path) -> list[str]:
        """Write its configuration into ``directory``; the command that runs it."""

    def output(self, setup: Setup) -> Path | None:
        """Where its standard output belongs; None for the log."""
        del setup
        return None

    def start(self, setup: Setup, directory: Path, cpus: Sequence[int], tracer: Tracer | None = None) -> Child:
        """Start it, pinned; it may not accept yet."""
        directory.mkdir(parents=True, exist_ok=True)
        command = self.prepare(setup, directory)
        tracer = tracer or Tracer()
        launch = Launch(
            command,
            cpus,
            log=directory / "log",
            output=self.output(setup),
            wrapper=tracer.wrapper,
            open_files=setup.open_files,
            environment=tracer.environment,
        )
        return Child(launch)

    def fill(self, template: Path, values: Mapping[str, str], setup: Setup) -> str:
        """Render one of its templates, with what the scenario adds."""
        unknown = setup.additions.keys() - set(self.optional)
        if unknown:
            message = f"{self.name} has no place for {', '.join(sorted(unknown))}"
            raise BenchError(message)
        return render(
            template.read_text(),
            {**dict.fromkeys(self.optional, ""), **setup.additions, **values},
        )


def service_paths(routes: int) -> list[str]:
    """Return the prefixes that ``routes`` routes serve; none for a single catch-all."""
    return [f"/service-{i:04}/" for i in range(routes)] if routes > 1 else []
