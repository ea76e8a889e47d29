"""The upstream behind every gateway: nginx answering fixed bodies from memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.processes import Child, Launch, find_program
from bench.template import render

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHABET = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"


def _body(length: int) -> bytes:
    # Each row of 64 starts one letter later, so a lost, doubled or moved block shows.
    rows = (ALPHABET[i % 64 :] + ALPHABET[: i % 64] for i in range(length // 64))
    return b"".join(rows)


BODY_1K = _body(1024)
"""What ``/`` and every path not named otherwise answers."""
BODY_64K = _body(64 * 1024)
"""What ``/64k`` answers."""
BODY_16M = _body(1024 * 1024) * 16
"""What ``/16m`` answers: more than any socket buffer holds."""


def start_upstream(directory: Path, port: int, cpus: Sequence[int]) -> Child:
    """Start an upstream and wait until it accepts."""
    program = find_program("nginx")
    if program is None:
        message = "nginx is not installed, and it is also the upstream of all peers"
        raise BenchError(message)
    home = directory / f"upstream-{port}"
    (home / "bodies").mkdir(parents=True)
    (home / "64k").write_bytes(BODY_64K)
    (home / "16m").write_bytes(BODY_16M)
    (home / "length").touch()
    (home / "echo").touch()
    # nginx drops root for its worker, which must read these.
    for each in (home, home / "bodies"):
        each.chmod(0o777)
    template = Path(__file__).with_name("nginx.conf").read_text()
    values = {"DIRECTORY": str(home), "PORT": str(port), "BODY_1K": BODY_1K.decode()}
    config = home / "nginx.conf"
    config.write_text(render(template, values))
    command = [str(program), "-c", str(config), "-p", str(home)]
    child = Child(Launch(command, cpus, home / "log"))
    child.wait_ready(port)
    return child
