"""A gateway, upstreams and clients for tests that speak the protocol.

Most tests take the gateway that lives in the test's own process; those about signals, memory and descriptors start
`gatewright run`. Both are the real data plane.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gateway

sys.path.insert(0, str(Path(__file__).parent))

from authority import Authority
from dialogue import Upstream
from gateways import Process, Served, document, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FLAGS = "$response_flags $status $upstream_status $request"
"""The access log's line, unless a test has its own."""


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Settings of a gateway on free ports with its logs in the test's folder; keys as `http__send_timeout=1`."""

    def make(**changes: Any) -> dict[str, Any]:
        made: dict[str, Any] = {
            "apisix": {"node_listen": [{"ip": "127.0.0.1", "port": 0}], "ssl": {"enable": False}, "status": None},
            "nginx_config": {
                "worker_processes": 1,
                "error_log": str(tmp_path / "error.log"),
                "http": {
                    "access_log": str(tmp_path / "access.log"),
                    "access_log_buffer": 0,
                    "access_log_format": FLAGS,
                },
            },
            "plugin_attr": {"prometheus": {"enable_export_server": False}},
        }
        sections = {"http": made["nginx_config"]["http"], "nginx": made["nginx_config"], "apisix": made["apisix"]}
        sections["plugin_attr"] = made["plugin_attr"]
        for key, value in changes.items():
            section, _, name = key.partition("__")
            sections[section][name] = value
        return made

    return make


@pytest.fixture
def serve(tmp_path: Path, settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., Served]]:
    """Starts a gateway: `serve(route(upstream), http__send_timeout=1, ssls=[…])`."""
    started = []

    def start(*routes: dict[str, Any], **changes: Any) -> Served:
        resources = {key: changes.pop(key) for key in list(changes) if "__" not in key}
        running = gateway.Gateway(document(routes, resources), settings(**changes))
        running.start()
        started.append(Served(running, tmp_path))
        return started[-1]

    yield start
    assert [one for one in started if not one.stop()] == [], "a connection was left when both sides had closed"


@pytest.fixture
def run(tmp_path: Path, settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., Process]]:
    """Starts a process: `run(route(upstream), http__send_timeout=1)`."""
    started: list[Process] = []

    def start(*routes: dict[str, Any], **changes: Any) -> Process:
        popen = {"preexec_fn": changes.pop("preexec")} if "preexec" in changes else {}
        resources = {key: changes.pop(key) for key in list(changes) if "__" not in key}
        folder = tmp_path / f"process-{len(started)}" if started else tmp_path
        folder.mkdir(exist_ok=True)
        started.append(Process(folder, settings(**changes), document(routes, resources), **popen))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A scripted upstream."""
    one = Upstream()
    yield one
    one.close()


@pytest.fixture
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    """Two scripted upstreams."""
    two = Upstream(), Upstream()
    yield two
    for one in two:
        one.close()


@pytest.fixture
def dead() -> Iterator[str]:
    """A node that refuses connections: its port is bound and not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def full() -> Iterator[str]:
    """A node whose backlog is full: connections to it are neither accepted nor refused."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(listening.getsockname())
            waiting.append(one)
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        for one in waiting:
            one.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def served(serve: Callable[..., Served], upstream: Upstream) -> Served:
    """A gateway with everything at its default and one route to `upstream`."""
    return serve(route(upstream.node))
