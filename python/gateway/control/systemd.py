"""Tells systemd how the process is doing, when it was started as `Type=notify`.

    supervisor = Supervisor.of(os.environ)
    supervisor.tell("READY=1")

A datagram to the socket named by `NOTIFY_SOCKET` (sd_notify(3)); without that variable nothing happens. A supervisor
that does not listen is no reason to fail, so errors are dropped.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Supervisor:
    """Whoever started this process and wants to be told."""

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self.watchdog = watchdog
        """Seconds within which a sign of life is expected; None if none is."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Supervisor:
        """Find the supervisor in the environment."""
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period = environ.get("WATCHDOG_USEC", "")
        return cls(environ.get("NOTIFY_SOCKET"), int(period) / 1e6 if meant and period.isdecimal() else None)

    def ready(self) -> None:
        """Say that requests are served; also ends a reload."""
        self.tell("READY=1")

    def reloading(self) -> None:
        """Say that a reload has begun; `ready` ends it."""
        self.tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self.tell("STOPPING=1")

    def alive(self) -> None:
        """Give a sign of life."""
        self.tell("WATCHDOG=1")

    def tell(self, text: str) -> None:
        """Send lines of `NAME=value`."""
        if self._address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(text.encode(), self._address)
