"""Sees when the resource file is another one, whatever way it was replaced.

    watch = FileWatch(store, changed)
    watch.start()          # on the running event loop

The kernel tells (inotify) within milliseconds. What is watched is the *folder* of the file, and the folder of every
symbolic link on the way to it, so that a rename over the file, an editor's save, and Kubernetes' swap of `..data` are
all seen. Of a file that is written in place only the writer's close is taken as a change: a half-written YAML file is
often a valid one with fewer routes. A look at the file's stamp each second makes up for file systems and changes that
send no events; it waits until two looks agree.
"""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.store import FileStore

SETTLE = 0.01
"""Seconds from an event until the change is reported, so that a burst of events is one change."""

LOOK = 1.0
"""Seconds between two looks at the file's stamp; APISIX looks as often."""

_MOST_LINKS = 40  # the kernel's own limit on one way


class FileWatch:
    """Calls `changed` whenever the file of `store` may be another one."""

    def __init__(self, store: FileStore, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._names: set[tuple[Path, str]] = set()
        self._inotify: Any = None
        self._pending: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._certain = False  # an event named the file, so it is another one whatever its stamp says
        self._seen = store.look()

    def start(self) -> None:
        """Begin to watch, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._inotify = _open_inotify()
        if self._inotify is not None:
            self._loop.add_reader(self._inotify.fd, self._read_events)
            self._watch_folders()
        self._looking = self._loop.call_later(LOOK, self._look)
        # A change between the last read and now sent nobody an event.
        if self._store.differs():
            self._settle()

    @property
    def pending(self) -> bool:
        """Whether an event has come in that is not reported yet."""
        return self._pending is not None

    def stop(self) -> None:
        """Watch no longer."""
        for timer in (self._pending, self._looking):
            if timer is not None:
                timer.cancel()
        if self._inotify is not None:
            self._loop.remove_reader(self._inotify.fd)
            self._inotify.close()
            self._inotify = None

    def _read_events(self) -> None:
        from asyncinotify import Mask

        for event in self._inotify:
            watch = event.watch
            if watch is None or event.mask & (Mask.IGNORED | Mask.DELETE_SELF):  # events or a folder were lost
                self._settle()
            elif event.mask & Mask.MOVE_SELF:
                self._inotify.rm_watch(watch)  # the folder has another name now
            elif (watch.path, str(event.name)) not in self._names:
                continue
            # A file just created is empty: its writer's close comes later. A link is whole when it is created.
            elif not event.mask & Mask.CREATE or (watch.path / event.name).is_symlink():
                self._certain = True
                self._settle()

    def _watch_folders(self) -> None:
        """Watch every folder in which a name on the way to the file stands; where one is missing, looks must do."""
        from asyncinotify import Mask

        mask = Mask.CLOSE_WRITE | Mask.MOVE | Mask.CREATE | Mask.DELETE | Mask.DELETE_SELF | Mask.MOVE_SELF
        self._names = way_to(self._store.path)
        folders = {folder for folder, _ in self._names}
        for watch in self._inotify.watches:
            if watch.path not in folders:
                self._inotify.rm_watch(watch)
        watched = {watch.path for watch in self._inotify.watches}
        for folder in folders - watched:
            try:
                self._inotify.add_watch(folder, mask | Mask.ONLYDIR)
            except OSError:
                continue

    def _settle(self) -> None:
        if self._pending is None:
            self._pending = self._loop.call_later(SETTLE, self._report)

    def _report(self) -> None:
        self._pending = None
        if self._inotify is not None:
            self._watch_folders()
        certain, self._certain = self._certain, False
        self._seen = self._store.look()
        # One that has vanished may be about to come back: the looks will tell.
        if self._seen is not None and (certain or self._seen != self._store.stamp):
            self._changed()

    def _look(self) -> None:
        self._looking = self._loop.call_later(LOOK, self._look)
        if self._inotify is not None:
            self._watch_folders()
        last, self._seen = self._seen, self._store.look()
        if self._seen == last and self._seen != self._store.stamp:
            self._changed()


def way_to(path: Path) -> set[tuple[Path, str]]:
    """Find the (folder, name) of every symbolic link on the way to `path`, and of the file at its end."""
    found: set[tuple[Path, str]] = set()
    folder = Path("/")
    names = list(path.absolute().parts[1:])
    links = 0
    while names:
        name = names.pop(0)
        if name == "..":
            folder = folder.parent
            continue
        here = folder / name
        try:
            is_link = stat.S_ISLNK(here.lstat().st_mode)
        except OSError:
            is_link = False
        if not names or is_link:
            found.add((folder, name))
        if is_link and (links := links + 1) <= _MOST_LINKS:
            target = here.readlink()
            folder = Path("/") if target.is_absolute() else folder
            names[:0] = target.parts[1:] if target.is_absolute() else target.parts
        else:
            folder = here
    return found


def _open_inotify() -> Any:  # noqa: ANN401 (a library without stubs, absent on macOS)
    if sys.platform != "linux":
        return None
    try:
        from asyncinotify import Inotify

        return Inotify(sync_timeout=0)
    except OSError:  # the user's inotify instances are used up: the looks remain
        return None
