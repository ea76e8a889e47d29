"""`gateway.store.file`: reading one file."""

import os
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.store import FileStore


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "apisix.yaml"
    path.write_bytes(b"routes: []\n#END\n")
    store = FileStore(path, "yaml")
    contents = store.read()
    assert (contents.text, contents.format, contents.path) == (b"routes: []\n#END\n", "yaml", str(path))
    assert not store.differs()


def test_another_file_of_the_same_name_differs(tmp_path: Path) -> None:
    path = tmp_path / "apisix.yaml"
    path.write_text("a")
    store = FileStore(path, "yaml")
    assert store.differs()
    store.read()
    (tmp_path / "new").write_text("b")
    (tmp_path / "new").rename(path)
    assert store.differs()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="apisix.yaml: does not exist"):
        FileStore(tmp_path / "apisix.yaml", "yaml").read()


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(ConfigError, match="is not a regular file"):
            FileStore(path, "yaml").read()


def test_a_failed_read_leaves_no_stamp_behind(tmp_path: Path) -> None:
    path = tmp_path / "apisix.yaml"
    path.write_text("a")
    store = FileStore(path, "yaml")
    store.read()
    path.unlink()
    with pytest.raises(ConfigError):
        store.read()
    assert not store.differs()  # gone, and known to be gone
