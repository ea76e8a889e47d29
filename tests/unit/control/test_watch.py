"""`gateway.control.watch`: every way in which a file becomes another one.

The looks are switched off unless a test is about them, so that what passes here was told by the kernel.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.control import watch as watch_module
from gateway.control.watch import FileWatch, way_to
from gateway.errors import ConfigError
from gateway.store import FileStore

Scene = Callable[["Seen"], Awaitable[None]]


class Seen:
    """What a watch has reported: the file's text at each report."""

    def __init__(self, path: Path) -> None:
        self.store = FileStore(path, "yaml")
        self.texts: list[str] = []
        self.arrived = asyncio.Event()
        self.read()
        self.texts.clear()
        self.watch = FileWatch(self.store, self.read)

    def read(self) -> None:
        try:
            self.texts.append(self.store.read().text.decode())
        except ConfigError as error:
            self.texts.append(error.problems[0].message)
        self.arrived.set()

    async def next(self) -> str:
        await asyncio.wait_for(self.arrived.wait(), 10)
        self.arrived.clear()
        return self.texts[-1]


def play(path: Path, scene: Scene) -> None:
    async def stage() -> None:
        seen = Seen(path)
        seen.arrived.clear()
        seen.watch.start()
        try:
            await scene(seen)
        finally:
            seen.watch.stop()

    asyncio.run(stage())


async def events_are_read() -> None:
    """Let the loop turn until what the kernel has queued was read."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "LOOK", 3600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "apisix.yaml"
    file.write_text("one")
    return file


def test_a_file_written_in_place_is_seen_when_its_writer_closes_it(path: Path) -> None:
    async def scene(seen: Seen) -> None:
        with path.open("w") as file:
            file.write("tw")
            file.flush()
            await events_are_read()
            assert not seen.watch.pending
            file.write("o")
        assert await seen.next() == "two"

    play(path, scene)


def test_a_rename_over_the_file_is_seen(path: Path) -> None:
    async def scene(seen: Seen) -> None:
        (path.parent / "new").write_text("two")
        (path.parent / "new").rename(path)
        assert await seen.next() == "two"

    play(path, scene)


def test_a_burst_of_writes_is_one_change(path: Path) -> None:
    async def scene(seen: Seen) -> None:
        for text in ("two", "three", "four"):
            path.write_text(text)
        assert await seen.next() == "four"
        assert seen.texts == ["four"]

    play(path, scene)


def test_another_file_in_the_folder_is_nobodys_business(path: Path) -> None:
    async def scene(seen: Seen) -> None:
        (path.parent / "access.log").write_text("x")
        await events_are_read()
        assert not seen.watch.pending

    play(path, scene)


def test_the_swap_of_kubernetes_is_seen(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "apisix.yaml").write_text(version)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "apisix.yaml").symlink_to("..data/apisix.yaml")

    async def scene(seen: Seen) -> None:
        (tmp_path / "..tmp").symlink_to("two")
        (tmp_path / "..tmp").rename(tmp_path / "..data")
        assert await seen.next() == "two"
        (tmp_path / "two" / "apisix.yaml").write_text("three")  # the folder behind the link is watched anew
        assert await seen.next() == "three"

    play(tmp_path / "apisix.yaml", scene)


def test_a_link_that_is_made_anew_is_seen(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("one", "two"):
        (tmp_path / "elsewhere" / name).write_text(name)
    path = tmp_path / "apisix.yaml"
    path.symlink_to("elsewhere/one")

    async def scene(seen: Seen) -> None:
        path.unlink()
        path.symlink_to("elsewhere/two")
        assert await seen.next() == "two"

    play(path, scene)


def test_a_file_that_vanishes_is_told_once_and_seen_when_it_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "LOOK", 0.01)

    async def scene(seen: Seen) -> None:
        path.unlink()
        assert await seen.next() == "does not exist"
        path.write_text("two")
        assert await seen.next() == "two"
        assert seen.texts == ["does not exist", "two"]

    play(path, scene)


def test_a_folder_that_comes_back_is_watched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "LOOK", 0.01)
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "apisix.yaml").write_text("one")

    async def scene(seen: Seen) -> None:
        folder.rename(tmp_path / "old")
        assert await seen.next() == "does not exist"
        folder.mkdir()
        (folder / "apisix.yaml").write_text("two")
        assert await seen.next() == "two"

    play(folder / "apisix.yaml", scene)


def test_without_events_the_looks_find_the_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "LOOK", 0.01)
    monkeypatch.setattr(watch_module, "_open_inotify", lambda: None)

    async def scene(seen: Seen) -> None:
        path.write_text("two!")
        assert await seen.next() == "two!"

    play(path, scene)


def test_a_change_before_the_watch_began_is_seen(path: Path) -> None:
    async def stage() -> None:
        seen = Seen(path)
        seen.arrived.clear()
        path.write_text("two!")
        seen.watch.start()
        assert await seen.next() == "two!"
        seen.watch.stop()

    asyncio.run(stage())


def test_the_way_to_a_file_names_every_link(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "real").mkdir()
    (root / "conf").symlink_to(root / "real")
    (root / "real" / "a.yaml").symlink_to("../real/b.yaml")
    assert way_to(root / "conf" / "a.yaml") >= {
        (root, "conf"),
        (root / "real", "a.yaml"),
        (root / "real", "b.yaml"),
    }


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert (tmp_path, "a") in way_to(tmp_path / "a")
