"""Child processes: started on chosen CPUs, ready when they accept, ended by their own id.

    with Child(Launch(["nginx", "-c", path], cpus=(0,), log=log)) as child:
        child.wait_ready(port)

Every child leads a session of its own, so ending it ends its workers and nothing else, and it
gets SIGTERM from the kernel if the harness dies first. What surprises: under a tracer
(``wrapper``) the process to signal is the tracer's child, not ours: that is ``leader``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.accounting import children_of
from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Launch:
    """How to start a child."""

    command: Sequence[str]
    """Program and arguments."""
    cpus: Sequence[int]
    """CPUs it is pinned to."""
    log: Path
    """Where its standard error goes."""
    output: Path | None = None
    """Where its standard output goes; the log when None."""
    wrapper: Sequence[str] = ()
    """A tracer in front of the command."""
    open_files: int | None = None
    """Limit of file descriptors, soft and hard; the harness's own when None."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to the harness's own."""

    def argv(self) -> list[str]:
        """Return the whole command line: death signal, pinning, limit, tracer, program."""
        argv = ["setpriv", "--pdeathsig", "TERM"]
        argv += ["taskset", "--cpu-list", ",".join(map(str, self.cpus))]
        if self.open_files is not None:
            argv += ["prlimit", f"--nofile={self.open_files}:{self.open_files}"]
        return [*argv, *self.wrapper, *self.command]


class Child:
    """A running child process and everything it forks."""

    def __init__(self, launch: Launch) -> None:
        """Start it; :exc:`BenchError` if a program is missing."""
        self.launch = launch
        self.started = time.monotonic()
        with (
            launch.log.open("ab") as log,
            (launch.output or launch.log).open("ab") as output,
        ):
            try:
                # The command line is the harness's own; nothing of it comes from outside.
                self._process = subprocess.Popen(  # noqa: S603
                    launch.argv(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, **launch.environment},
                )
            except OSError as error:
                message = f"cannot start {launch.argv()[0]}: {error}"
                raise BenchError(message) from error

    def __enter__(self) -> Self:
        """Itself; leaving the block stops it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, whatever happened."""
        self.stop()

    @property
    def pid(self) -> int:
        """The process we started: the tracer, if there is one."""
        return self._process.pid

    @property
    def leader(self) -> int:
        """The process to signal: the program itself, below a tracer that forks it."""
        if not self.launch.wrapper:
            return self.pid
        below = children_of(self.pid)
        return below[0] if below else self.pid

    @property
    def alive(self) -> bool:
        """Whether the process we started still runs."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program, if it still runs."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.leader, number)

    def freeze(self) -> None:
        """Stop the whole group from running (SIGSTOP): open, but silent."""
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group run again."""
        self._signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """End the whole group at once (SIGKILL)."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
        """Ask it to end; after ``patience`` seconds end it and all it forked."""
        self.send(number)
        self.wait(patience)
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> int | None:
        """Its exit status, or None when it still runs after ``seconds``."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_ready(self, port: int, seconds: float = 15.0) -> float:
        """Wait until ``port`` accepts; the seconds since the start, :exc:`BenchError` if never."""
        while time.monotonic() - self.started < seconds:
            if not self.alive:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                return time.monotonic() - self.started
            time.sleep(POLL_SECONDS)
        state = "runs, but does not accept" if self.alive else "ended before it accepted"
        message = f"{self.launch.command[0]} {state} on port {port}; its log ends:\n{self.tail()}"
        raise BenchError(message)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        text = self.launch.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _signal_group(self, number: signal.Signals) -> None:
        # The group is ours alone: the child was started as the leader of its own session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def run(command: Sequence[str], seconds: float = 30.0, **environment: str) -> str:
    """Run a short command to its end; its output, both streams, :exc:`BenchError` on failure."""
    try:
        # The command line is the harness's own; nothing of it comes from outside.
        done = subprocess.run(  # noqa: S603
            list(command),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, **environment},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{command[0]}: {error}"
        raise BenchError(message) from error
    if done.returncode != 0:
        message = f"{command[0]} failed ({done.returncode}): {(done.stdout + done.stderr)[:800]}"
        raise BenchError(message)
    return done.stdout + done.stderr


def find_program(name: str) -> Path | None:
    """Where a program is: on PATH, or where Debian puts daemons."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    return Path(found) if found else None


def free_ports(count: int) -> list[int]:
    """Distinct ports nobody listens on now; all are held until the last is known."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
