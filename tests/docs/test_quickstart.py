"""What `make run` starts, once everything is built."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a running quickstart, which ends well when it is told to."""
    port, upstream = free_port(), free_port()
    command = [sys.executable, str(ROOT / "examples/quickstart"), f"--port={port}", f"--upstream-port={upstream}"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            break
    yield port
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_what_is_shown_to_try_works(port: int) -> None:
    assert get(port, "/").startswith("Hello from the upstream")
    assert json.loads(get(port, "/echo?a=1"))["headers"]["Via"] == "1.1 gatewright"
    assert get(port, "/events").count("data: event") == 3


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = held.getsockname()[1]
        command = [
            sys.executable,
            str(ROOT / "examples/quickstart"),
            f"--port={free_port()}",
            f"--upstream-port={taken}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert str(taken) in done.stderr
