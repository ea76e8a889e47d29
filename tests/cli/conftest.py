"""The command line as a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

START = "import sys; from gateway.cli import main; sys.exit(main())"

Command = Callable[..., subprocess.CompletedProcess[str]]
"""Runs `gatewright ARGUMENT…` to its end."""

Begin = Callable[..., subprocess.Popen[str]]
"""Starts `gatewright ARGUMENT…` and waits for its first line on standard output."""


@pytest.fixture
def environ() -> dict[str, str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LANG": "C.UTF-8"}


@pytest.fixture
def gatewright(tmp_path: Path, environ: dict[str, str]) -> Command:
    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", START, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environ | extra, capture_output=True, text=True, timeout=30, check=False
        )

    return run


@pytest.fixture
def begin(tmp_path: Path, environ: dict[str, str]) -> Iterator[Begin]:
    started = []

    def start(*arguments: str, before: str = "", **extra: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", before + START, *arguments]
        with (tmp_path / "stderr").open("w") as log:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environ | extra, stdout=subprocess.PIPE, stderr=log, text=True
            )
        started.append(process)
        assert process.stdout is not None
        process.stdout_line = process.stdout.readline()  # type: ignore[attr-defined]
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        found: int = one.getsockname()[1]
    return found


@pytest.fixture
def conf(tmp_path: Path, port: int, resources: str) -> Path:
    """A configuration that listens on one port of the loopback, where the command looks for one.

    What it serves is each module's own fixture.
    """
    path = tmp_path / "conf" / "config.yaml"
    path.parent.mkdir()
    path.write_text(
        f"apisix:\n  node_listen: [{{ip: 127.0.0.1, port: {port}}}]\n  ssl: {{enable: false}}\n  status: null\n"
        "nginx_config:\n  worker_processes: 1\n  error_log: logs/error.log\n"
        "plugin_attr: {prometheus: {enable_export_server: false}}\n"
    )
    (path.parent / "apisix.yaml").write_text(resources)
    return path
