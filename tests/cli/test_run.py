"""`gatewright run` and the commands that speak to it."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

Begin = Callable[..., subprocess.Popen[str]]
Command = Callable[..., subprocess.CompletedProcess[str]]

ROUTES = "routes:\n  - id: '1'\n    uri: /a\n    upstream: {type: roundrobin, nodes: {'127.0.0.1:9': 1}}\n"


@pytest.fixture
def resources() -> str:
    return ROUTES


class Log:
    """The error log, read as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0

    def line_with(self, text: str) -> str:
        """Wait for a line that holds `text`, from where the last one ended."""
        found = threading.Event()
        for _ in range(1000):
            lines = self.path.read_text() if self.path.exists() else ""
            for line in lines[self.read :].splitlines(keepends=True):
                self.read += len(line)
                if text in line:
                    return line.strip()
            found.wait(0.01)
        raise AssertionError(f"no line with {text!r} in {self.path.read_text() if self.path.exists() else None}")


def test_one_url_needs_no_file(begin: Begin, port: int) -> None:
    process = begin("run", "--to", "http://127.0.0.1:3000", "--listen", f"127.0.0.1:{port}")
    assert f"http://127.0.0.1:{port} on to http://127.0.0.1:3000" in process.stdout_line  # type: ignore[attr-defined]
    socket.create_connection(("127.0.0.1", port), 5).close()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_every_signal_to_end_ends_it_well(begin: Begin, conf: Path, number: signal.Signals) -> None:
    process = begin("run", "--config", str(conf))
    process.send_signal(number)
    assert process.wait(10) == 0


def test_a_second_signal_does_not_wait_for_requests(begin: Begin, conf: Path, tmp_path: Path) -> None:
    endless = "from gateway.application import Gateway\nimport threading\n"
    endless += "Gateway.stop = lambda self, timeout=None: threading.Event().wait()\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.settimeout(10)
        process = begin("run", "--config", str(conf), before=endless, NOTIFY_SOCKET=str(tmp_path / "notify"))
        process.send_signal(signal.SIGTERM)
        while one.recv(99) != b"STOPPING=1":
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 6


def test_a_pid_file_that_cannot_be_written_is_no_reason_not_to_serve(begin: Begin, conf: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = begin("run", "--config", str(conf), "--pid", str(tmp_path / "file" / "a.pid"))
    assert "listens on http://127.0.0.1:" in process.stdout_line  # type: ignore[attr-defined]
    assert "no pid file" in Log(tmp_path / "stderr").line_with("WARN")


def test_a_machine_is_told_in_json(begin: Begin, conf: Path, port: int) -> None:
    process = begin("run", "--config", str(conf), "--json")
    told = json.loads(process.stdout_line)  # type: ignore[attr-defined]
    assert told["pid"] == process.pid
    assert told["listeners"] == [f"127.0.0.1:{port}"]


def test_a_good_change_is_served_and_a_bad_one_is_not(begin: Begin, conf: Path) -> None:
    begin("run", "--config", str(conf))
    log = Log(conf.parents[1] / "logs" / "error.log")
    file = conf.with_name("apisix.yaml")
    file.write_text(ROUTES + "  # more\n")
    log.line_with("serving a new configuration from")
    file.write_text("routes:\n  - methods: [GET]\n")
    assert f"{file}:" in log.line_with("routes[0]")
    log.line_with("the last good one is served on")
    file.unlink()
    assert "does not exist" in log.line_with(str(file))
    file.write_text(ROUTES)
    log.line_with("serving a new configuration from")


def test_a_reload_reads_the_settings_again_and_names_what_needs_a_start(
    begin: Begin, gatewright: Command, conf: Path
) -> None:
    begin("run", "--config", str(conf))
    log = Log(conf.parents[1] / "logs" / "error.log")
    conf.write_text(conf.read_text() + "deployment: {role: data_plane}\n")
    done = gatewright("reload", "--config", str(conf))
    assert (done.returncode, done.stderr) == (0, "")
    log.line_with("`deployment.role` has changed; it takes effect at the next start")
    log.line_with("serving a new configuration from")


def test_a_reload_moves_to_another_file(begin: Begin, gatewright: Command, conf: Path) -> None:
    begin("run", "--config", str(conf))
    log = Log(conf.parents[1] / "logs" / "error.log")
    conf.with_name("apisix.json").write_text('{"routes": []}')
    conf.write_text(conf.read_text() + "deployment: {role_traditional: {config_provider: json}}\n")
    assert gatewright("reload", "--config", str(conf)).returncode == 0
    assert "apisix.json" in log.line_with("serving a new configuration from")
    conf.with_name("apisix.json").write_text('{"routes": [] }')
    assert "apisix.json" in log.line_with("serving a new configuration from")


def test_a_mistake_is_not_reloaded(begin: Begin, gatewright: Command, conf: Path) -> None:
    process = begin("run", "--config", str(conf))
    conf.write_text("apisix: {node_lsten: 1}\n")
    done = gatewright("reload", "--config", str(conf))
    assert done.returncode == 1
    assert "not reloaded: the last good configuration is served on" in done.stderr
    assert process.poll() is None


@pytest.mark.parametrize("command", ["stop", "quit"])
def test_stop_waits_for_the_end(begin: Begin, gatewright: Command, conf: Path, command: str) -> None:
    process = begin("run", "--config", str(conf))
    done = gatewright(command, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["pid"] == process.pid
    assert process.wait(10) == 0


@pytest.mark.parametrize("command", ["stop", "quit", "reload"])
def test_who_does_not_run_cannot_be_told(gatewright: Command, conf: Path, command: str) -> None:
    assert conf.exists()
    done = gatewright(command)
    assert done.returncode == 3
    assert "no gateway runs by logs/gatewright.pid" in done.stderr


def test_two_do_not_run_by_one_pid_file(begin: Begin, gatewright: Command, conf: Path) -> None:
    process = begin("run", "--config", str(conf))
    done = gatewright("run", "--config", str(conf))
    assert done.returncode == 5
    assert str(process.pid) in done.stderr


def test_a_port_in_use_is_told_with_what_to_do(gatewright: Command, conf: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = gatewright("run", "--config", str(conf))
    assert done.returncode == 4
    assert done.stderr == (
        f"error: cannot listen on 127.0.0.1:{port}: it is in use; `ss -ltnp 'sport = :{port}'` tells by whom\n"
    )


def test_systemd_is_told_of_each_state(begin: Begin, conf: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.settimeout(10)
        process = begin("run", "--config", str(conf), NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert one.recv(99) == b"READY=1"
        process.send_signal(signal.SIGHUP)
        assert one.recv(99).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert one.recv(99) == b"READY=1"
        process.send_signal(signal.SIGTERM)
        assert one.recv(99) == b"STOPPING=1"
        assert process.wait(10) == 0


def test_a_sign_of_life_is_given(begin: Begin, conf: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.settimeout(10)
        begin("run", "--config", str(conf), NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="20000")
        assert {one.recv(99) for _ in range(4)} >= {b"READY=1", b"WATCHDOG=1"}
