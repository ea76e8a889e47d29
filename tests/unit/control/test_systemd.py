"""`gateway.control.systemd`: what systemd is told."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.control.systemd import Supervisor


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.settimeout(5)
        yield one


def test_each_state_is_a_datagram(tmp_path: Path, listener: socket.socket) -> None:
    supervisor = Supervisor.of({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    supervisor.ready()
    supervisor.stopping()
    supervisor.alive()
    assert [listener.recv(99) for _ in range(3)] == [b"READY=1", b"STOPPING=1", b"WATCHDOG=1"]


def test_a_reload_tells_when_it_began(tmp_path: Path, listener: socket.socket) -> None:
    Supervisor(str(tmp_path / "notify")).reloading()
    name, clock = listener.recv(99).decode().split("\n")
    assert name == "RELOADING=1"
    assert clock.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_an_abstract_address_is_taken() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind("")  # the kernel chooses an abstract one
        one.settimeout(5)
        Supervisor("@" + one.getsockname()[1:].decode()).ready()
        assert one.recv(99) == b"READY=1"


@pytest.mark.parametrize("address", [None, "/nowhere/at/all"])
def test_nobody_there_is_no_failure(address: str | None) -> None:
    Supervisor(address).ready()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_sign_of_life_is_given_to_who_expects_one(environ: dict[str, str], seconds: float | None) -> None:
    assert Supervisor.of(environ).watchdog == seconds
