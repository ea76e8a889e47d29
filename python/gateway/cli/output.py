"""What the command line prints, and what its exit code means."""

from __future__ import annotations

import enum
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.errors import Problem
    from gateway.settings.engine_settings import ErrorLog as LogSettings


_LEVELS = ("debug", "info", "warn", "error")


class UsageError(Exception):
    """An argument that cannot be meant."""


class Exit(enum.IntEnum):
    """Exit codes. They are part of the interface."""

    OK = 0
    CONFIGURATION = 1
    NO_ROUTE = 1
    USAGE = 2
    NOT_RUNNING = 3
    LISTEN = 4
    ALREADY_RUNNING = 5
    TIMEOUT = 6


EXIT_CODES = """\
exit codes:
  0  done
  1  the configuration was refused; no route takes the request that was tried
  2  the command line was wrong
  3  no gateway is running
  4  an address cannot be listened on
  5  a gateway is running already
  6  the gateway did not stop, or requests under way were cut off
"""
"""The table for `--help`."""


def say(text: str) -> None:
    """Print a line for whoever asked."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print a line about what went wrong; it may quote a configuration, or what another process wrote."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def say_json(value: object) -> None:
    """Print a value for a machine."""
    say(msgspec.json.encode(value).decode())


def report(errors: Sequence[Problem], ignored: Sequence[Problem], *, json: bool) -> None:
    """Print mistakes and ignored keys, each with its place."""
    if json:
        say_json({"ok": not errors, "errors": errors, "ignored": ignored})
        return
    for problem in ignored:
        complain(f"ignored: {problem}")
    for problem in errors:
        complain(f"error: {problem}")


class ErrorLog:
    """The error log as the control plane writes it: the file and the form of the data plane's.

    The file is opened for each line. There are few, and a rotation needs no notice.
    """

    def __init__(self, log: LogSettings) -> None:
        self._path = None if log.path in ("stderr", "/dev/stderr") else Path(log.path)
        self._least = _LEVELS.index(log.level)

    def write(self, level: str, text: str) -> None:
        """Append a line; a log that cannot be written is no reason to stop, so stderr gets it then."""
        if _LEVELS.index(level) < self._least:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
        line = f"{stamp} {level.upper()} {printable(text)}\n"
        if self._path is not None:
            try:
                with self._path.open("a") as file:
                    file.write(line)
            except OSError:
                pass
            else:
                return
        os.write(2, line.encode(errors="replace"))


def printable(text: str) -> str:
    """Escape control characters: what a configuration names must not write lines of its own, nor steer a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
