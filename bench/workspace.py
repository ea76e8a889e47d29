"""The directory a run works in: in memory where the system has such a place."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")  # noqa: S108 - shared memory is wanted; the directory in it is private


@contextmanager
def workspace(keep: Path | None = None) -> Iterator[Path]:
    """Return a fresh directory, gone afterwards; ``keep`` names one that stays."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield _reachable(tempfile.mkdtemp(prefix="run-", dir=keep.resolve()))
        return
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="gatewright-bench-", dir=place) as name:
        yield _reachable(name)


def _reachable(name: str) -> Path:
    # Workers that drop root must still reach their files in it.
    path = Path(name)
    path.chmod(0o711)
    return path
