"""`gatewright top`: at a terminal, in a pipe, and for a machine."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Begin = Callable[..., subprocess.Popen[str]]
Command = Callable[..., subprocess.CompletedProcess[str]]

START = "import sys; from gateway.cli import main; sys.exit(main())"


@pytest.fixture
def resources() -> str:
    return "routes:\n  - id: dead\n    uri: /dead\n    upstream: {nodes: {'127.0.0.1:9': 1}}\n"


class Terminal:
    """A command at a terminal of 80 by 24."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.master = master
        self.seen = ""

    def until(self, text: str) -> None:
        """Read what is drawn until `text` is."""
        while text not in self.seen:
            assert select.select([self.master], [], [], 20)[0], self.seen
            self.seen += os.read(self.master, 65536).decode()

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())


@pytest.fixture
def terminal(begin: Begin, conf: Path, tmp_path: Path, environ: dict[str, str]) -> Iterator[Terminal]:
    assert conf.exists()
    begin("run")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", START, "top", "--interval", "0.1"],
        cwd=tmp_path,
        env=environ | {"TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    yield Terminal(process, master)
    process.kill()
    process.wait()
    os.close(master)


@pytest.mark.parametrize("keys", ["q", "\x1b", "\x03"], ids=["q", "escape", "ctrl-c"])
def test_a_key_ends_it_and_gives_the_terminal_back(terminal: Terminal, keys: str) -> None:
    before = termios.tcgetattr(terminal.master)
    terminal.until("ROUTE")
    assert "\x1b[?1049h" in terminal.seen
    terminal.type(keys)
    terminal.until("\x1b[?1049l")
    assert terminal.process.wait(10) == 0
    assert "Traceback" not in terminal.seen
    assert termios.tcgetattr(terminal.master)[3] == before[3] | termios.ICANON | termios.ECHO


def test_what_is_drawn_fits_into_eighty_columns(terminal: Terminal) -> None:
    terminal.until("NODE")
    screen = terminal.seen.rsplit("\x1b[H", 1)[1].replace("\x1b[K", "").replace("\x1b[J", "")
    assert max(map(len, screen.splitlines())) <= 80


def test_the_end_of_the_process_ends_it(terminal: Terminal, conf: Path) -> None:
    terminal.until("ROUTE")
    os.kill(int((conf.parents[1] / "logs" / "gatewright.pid").read_text()), signal.SIGTERM)
    terminal.until("does not answer")
    assert terminal.process.wait(10) == 3


def ask(port: int, path: str) -> int:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10)
    except urllib.error.HTTPError as error:
        return error.code
    raise AssertionError("a dead upstream does not answer")


def test_what_happened_meanwhile_is_told(
    begin: Begin, conf: Path, tmp_path: Path, environ: dict[str, str], port: int
) -> None:
    assert conf.exists()
    begin("run")
    ask(port, "/none")
    process = subprocess.Popen(
        [sys.executable, "-c", START, "top", "--json", "--interval", "0.2"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert (told["requests"]["rate"], told["routes"], told["nodes"]) == (0, [], [])
    assert ask(port, "/dead") == 502
    while not told["routes"]:
        told = json.loads(process.stdout.readline())
    process.kill()
    process.communicate()
    (route,), (node,) = told["routes"], told["nodes"]
    assert route["id"] == "dead"
    assert route["rate"] == route["errors"] > 0
    assert (node["node"], node["state"]) == ("127.0.0.1:9", "failing")
    assert node["failures"] > 0
    assert set(told["requests"]["statuses"]) == {"502"}
    assert set(told["requests"]["flags"]) == {"UF"}
    assert told["requests"]["seconds"]["p99"] > 0


def test_in_a_pipe_it_is_plain_text(begin: Begin, gatewright: Command, conf: Path) -> None:
    assert conf.exists()
    begin("run")
    done = gatewright("top", "--once", "--interval", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    first, *rest = done.stdout.splitlines()
    assert first.endswith(": ready, revision 1")
    assert max(map(len, rest)) <= 80
    assert "ROUTE  REQUESTS/S  5XX/S" in rest


def test_once_for_a_machine_is_one_document(begin: Begin, gatewright: Command, conf: Path) -> None:
    assert conf.exists()
    begin("run")
    told = json.loads(gatewright("top", "--once", "--json", "--interval", "0.1").stdout)
    assert told["requests"]["seconds"] == {"p50": None, "p90": None, "p99": None}


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "1e9"])
def test_an_interval_that_cannot_be_meant_is_refused(
    begin: Begin, gatewright: Command, conf: Path, interval: str
) -> None:
    assert conf.exists()
    begin("run")
    done = gatewright("top", f"--interval={interval}")
    assert done.returncode == 2
    assert "--interval" in done.stderr
