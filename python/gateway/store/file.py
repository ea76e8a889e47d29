"""The resource file: read whole, never half.

    contents = FileStore(Path("conf/apisix.yaml")).read()

The store only reads. When to read is `control.watch`'s business, what the text means is the engine's. A file that
changes while it is read is told by its stamp, which is taken before the first byte: the change is then seen as one.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from msgspec import Struct

from gateway.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

Stamp = tuple[int, int, int, int]
"""Device, inode, size and modification time in nanoseconds: what changes when a file does."""


class Contents(Struct, frozen=True):
    """A resource file as it was at one moment."""

    text: bytes
    """All of it."""

    format: str
    """`yaml` or `json`."""

    path: str
    """Its path, as it was given."""


class FileStore:
    """One file of resources."""

    def __init__(self, path: Path, format: str) -> None:  # noqa: A002
        self.path = path
        """Where it is, or will be."""
        self.format = format
        """`yaml` or `json`."""
        self.stamp: Stamp | None = None
        """The file that was last read; None before, and when there was none."""

    def read(self) -> Contents:
        """Read the file; raises `ConfigError` if it is missing, unreadable or no file."""
        self.stamp = None
        try:
            # Not blocking: a FIFO of that name would otherwise hold up the process until somebody writes.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                os.close(descriptor)
                raise ConfigError([Problem("is not a regular file", file=str(self.path))])
            with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor)
                self.stamp = _stamp(status)
                return Contents(file.read(), self.format, str(self.path))
        except OSError as error:
            raise ConfigError([unreadable(self.path, error)]) from None

    def differs(self) -> bool:
        """Whether the file is another one than was last read, by its stamp."""
        return self.look() != self.stamp

    def look(self) -> Stamp | None:
        """Take the stamp of the file as it is now; None if there is none."""
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None


def unreadable(path: Path, error: OSError) -> Problem:
    """Say why a file cannot be read, and what to do."""
    reason = (error.strerror or str(error)).lower()
    if isinstance(error, FileNotFoundError):
        reason = "does not exist"
    elif isinstance(error, PermissionError):
        reason = "may not be read by the user of this process"
    return Problem(reason, file=str(path))


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
