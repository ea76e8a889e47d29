"""The pid file: by which `reload`, `stop` and `quit` find the process.

    with PidFile(Path("logs/gatewright.pid")):
        serve()

The process holds a lock on the file as long as it lives. So a file left behind by a crash is known as such, and never
sends a signal to whoever has that number now.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gateway.errors import AlreadyRunningError, NotRunningError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOKS = 10
"""Tries at the lock. Whoever asks for the process (`running_pid`) holds it for an instant."""

_BETWEEN_LOOKS = 0.01  # seconds


class PidFile:
    """A pid file of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """Where it is."""
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Write the file; raises `AlreadyRunningError`, and `OSError` where it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            _lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise AlreadyRunningError(f"a gateway runs already, as process {owner} by {self.path}") from None
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the file, before the lock goes: nobody can find it stale."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int) -> None:
    """Take the lock of a process; raises `BlockingIOError` if another has it, and does not just look."""
    for _ in range(_LOOKS):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_BETWEEN_LOOKS)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def default_pid_file(environ: Mapping[str, str]) -> Path:
    """Tell where the pid file is without `--pid`: systemd's runtime folder, else `logs`."""
    return Path(environ.get("RUNTIME_DIRECTORY", "logs").partition(":")[0], "gatewright.pid")


def socket_beside(path: Path) -> Path:
    """Tell where the control socket of the process is that holds a pid file: `a.sock` beside `a.pid`."""
    return path.with_name(path.name.removesuffix(".pid") + ".sock")


def running_pid(path: Path) -> int:
    """Tell the process that holds the pid file; raises `NotRunningError` if none does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotRunningError(f"no gateway runs by {path}: there is no such file") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32).decode(errors="replace").strip()
        if not text.isdecimal():
            raise NotRunningError(f"{path} holds no process number") from None
        return int(text)
    else:
        raise NotRunningError(f"no gateway runs by {path}: the file was left behind")
    finally:
        os.close(descriptor)
