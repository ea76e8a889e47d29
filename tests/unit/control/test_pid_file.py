"""`gateway.control.pid_file`: who runs, and who does not."""

import fcntl
import os
from pathlib import Path

import pytest

from gateway.control.pid_file import PidFile, default_pid_file, running_pid, socket_beside
from gateway.errors import AlreadyRunningError, NotRunningError


def test_the_holder_is_found_while_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "gatewright.pid"
    with PidFile(path):
        assert running_pid(path) == os.getpid()
    assert not path.exists()


def test_a_second_holder_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.pid"
    with PidFile(path), pytest.raises(AlreadyRunningError, match=str(os.getpid())), PidFile(path):
        pass


def test_who_only_looks_keeps_nobody_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pid"
    path.touch()
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    with PidFile(path):
        assert running_pid(path) == os.getpid()
    os.close(looking)


def test_a_file_left_behind_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.pid"
    path.write_text("1\n")
    with pytest.raises(NotRunningError, match="left behind"):
        running_pid(path)
    with PidFile(path):
        assert running_pid(path) == os.getpid()


def test_no_file_names_nobody(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="no such file"):
        running_pid(tmp_path / "a.pid")


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "a.pid").symlink_to(tmp_path / "passwd")
    with pytest.raises(OSError, match="symbolic links"), PidFile(tmp_path / "a.pid"):
        pass
    assert not (tmp_path / "passwd").exists()


def test_the_control_socket_stands_beside_its_pid_file() -> None:
    assert socket_beside(Path("logs/gatewright.pid")) == Path("logs/gatewright.sock")
    assert socket_beside(Path("/run/gw.two")) == Path("/run/gw.two.sock")


def test_systemd_says_where_the_pid_file_is() -> None:
    assert default_pid_file({}) == Path("logs/gatewright.pid")
    assert default_pid_file({"RUNTIME_DIRECTORY": "/run/gw:/run/other"}) == Path("/run/gw/gatewright.pid")
