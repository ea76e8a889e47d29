"""The pages that are run: each `sh` block in one shell, compared with the `text` block that follows it.

In a `text` block `…` stands for anything. Ports are replaced by free ones, and /tmp/tutorial by a folder of the test's.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PORTS = ("8000", "9080", "9443", "9181", "7085", "9091")
PATIENCE = 20.0  # seconds for a change to serve, or a command to end; a hang fails, slowness does not
BLOCK = re.compile(r"^```sh\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


class Shell:
    """A bash that is told one block after the other, as a reader would."""

    def __init__(self) -> None:
        # Jobs are controlled (`set -m`), so that %1 is what the reader thinks; all end with the group of their own.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=ROOT,
            env=os.environ | {"PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.tell("set -m; set -o pipefail")
        self.blocks = 0

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def run(self, block: str, output: Path) -> str:
        """Run a block and return what it printed, background jobs apart."""
        self.blocks += 1
        end = f"--- end of block {self.blocks}"
        jobs = block.rstrip().endswith("&")  # what a job prints is not the block's
        target = "/dev/null" if jobs else str(output)
        self.tell(f"{{\n{block}}} >{target} 2>&1\necho; echo '{end}'")
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        try:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                if line.strip() == end:
                    return "" if jobs else output.read_text()
        finally:
            watchdog.cancel()
        pytest.fail(f"did not end: {block}")

    def close(self) -> None:
        self.tell("kill $(jobs -p) 2>/dev/null; wait; exit")
        try:
            self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()


@pytest.fixture
def shell() -> Iterator[Shell]:
    shell = Shell()
    yield shell
    shell.close()


def free_ports(number: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(held.getsockname()[1]) for held in sockets]
    for held in sockets:
        held.close()
    return ports


def pattern(expected: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in expected.strip().split("…")]
    return re.compile(".*".join(parts), re.DOTALL)


@pytest.mark.parametrize(("page", "least"), [("tutorial", 21), ("tls", 10)])
def test_a_page_does_what_it_says(shell: Shell, tmp_path: Path, page: str, least: int) -> None:
    text = (ROOT / f"docs/{page}.md").read_text().replace("/tmp/tutorial", str(tmp_path / "tutorial"))  # noqa: S108
    for port, free in zip(PORTS, free_ports(len(PORTS)), strict=True):
        text = re.sub(rf"\b{port}\b", free, text)
    blocks = BLOCK.findall(text)
    assert len(blocks) >= least
    for block, expected in blocks:
        end = time.monotonic() + PATIENCE
        while True:
            printed = shell.run(block, tmp_path / "printed").replace("\r", "")
            if not expected or pattern(expected).fullmatch(printed.strip()):
                break
            # A request may be asked again until a change that was just written serves.
            again = block.startswith(("curl", "tail")) and time.monotonic() < end
            assert again, f"{block}\nprinted:\n{printed}"
