"""`routes`, `try` and `status`: what a running gateway, or a configuration, tells of itself."""

import json
import stat
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Begin = Callable[..., subprocess.Popen[str]]
Command = Callable[..., subprocess.CompletedProcess[str]]

RESOURCES = """\
routes:
  - id: any
    uri: /any/*
    upstream: {nodes: {"127.0.0.1:9": 1}}
  - id: orders
    name: orders of shops
    uri: /orders/*
    host: "*.shop.test"
    methods: [GET, PUT]
    priority: 7
    upstream_id: u
  - id: version
    uri: /v
    vars: [[http_x_version, "==", "2"]]
    upstream_id: u
  - id: posted
    uri: /posted
    vars: [[post_arg_a, "==", "1"]]
    upstream_id: u
  - id: closed
    uri: /closed
    status: 0
    upstream_id: u
upstreams:
  - id: u
    nodes: {"127.0.0.1:2": 1, "127.0.0.1:3": 2}
"""


@pytest.fixture
def resources() -> str:
    return RESOURCES


@pytest.fixture(params=["running", "configured"])
def source(request: pytest.FixtureRequest, conf: Path, begin: Begin) -> Iterator[tuple[str, ...]]:
    """Options that name whom to ask: the running process by default, or a configuration."""
    if request.param == "running":
        begin("run")
        yield ()
    else:
        yield ("--config", "conf/config.yaml")
        assert not (conf.parents[1] / "logs").exists(), "looking at a configuration writes nothing"


def test_routes_are_listed_in_the_order_in_which_they_are_tried(gatewright: Command, source: tuple[str, ...]) -> None:
    done = gatewright("routes", *source)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["ID", "NAME", "METHODS", "HOSTS", "URIS", "PRIORITY", "UPSTREAM", "STATUS", "SOURCE"],
        [
            "orders",
            "orders",
            "of",
            "shops",
            "GET,PUT",
            "*.shop.test",
            "/orders/*",
            "7",
            "u",
            "on",
            "conf/apisix.yaml:5",
        ],
        ["closed", "any", "any", "/closed", "0", "u", "off", "conf/apisix.yaml:20"],
        ["posted", "any", "any", "/posted", "0", "u", "on", "conf/apisix.yaml:16"],
        ["version", "any", "any", "/v", "0", "u", "on", "conf/apisix.yaml:12"],
        ["any", "any", "any", "/any/*", "0", "127.0.0.1:9", "on", "conf/apisix.yaml:2"],
    ]
    told = json.loads(gatewright("routes", "--json", *source).stdout)
    assert [route["id"] for route in told] == ["orders", "closed", "posted", "version", "any"]
    assert told[0]["upstream"]["nodes"] == ["127.0.0.1:2", "127.0.0.1:3"]


def test_a_route_that_matches_is_told_with_where_it_leads(gatewright: Command, source: tuple[str, ...]) -> None:
    done = gatewright("try", "GET", "http://a.shop.test/orders/7", *source)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:3] == [
        "GET /orders/7 on a.shop.test from 127.0.0.1",
        "takes route orders (orders of shops), by /orders/*, from conf/apisix.yaml:5",
        "goes to upstream u: http 127.0.0.1:2, 127.0.0.1:3",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["POST", "http://a.shop.test/orders/7"], "method: POST found, GET or PUT wanted"),
        (["GET", "http://shop/orders/7"], "host: shop found, *.shop.test wanted"),
        (["GET", "/v"], 'vars: none found, http_x_version == "2" wanted'),
        (["GET", "/v", "-H", "X-Version: 1"], 'vars: "1" found, http_x_version == "2" wanted'),
        (["POST", "/posted"], "hangs on the request's body; give it with --data"),
        (["POST", "/posted", "-d", "a=2"], 'vars: "2" found, post_arg_a == "1" wanted'),
        (["GET", "/closed"], "status: it is off"),
        (["GET", "/ord"], "path: /ord found"),
        (["TRACE", "/any/1"], "is answered 405"),
        (["GET", "/any/%2e%2e/%2e%2e/%2e%2e"], "is answered 400"),
    ],
)
def test_where_no_route_matches_the_condition_that_failed_is_told(
    gatewright: Command, conf: Path, arguments: list[str], said: str
) -> None:
    done = gatewright("try", *arguments, "--config", str(conf))
    assert (done.returncode, done.stderr) == (1, "")
    assert said in done.stdout


def test_fields_bodies_and_addresses_are_part_of_what_is_tried(gatewright: Command, conf: Path) -> None:
    def matched(*arguments: str) -> str | None:
        told = json.loads(gatewright("try", *arguments, "--json", "--config", str(conf)).stdout)
        found: str | None = told["matched"] and told["matched"]["id"]
        return found

    assert matched("GET", "/v", "-H", "X-Version: 2") == "version"
    assert matched("POST", "/posted", "-d", "a=1") == "posted"
    assert matched("GET", "/orders/ü", "-H", "Host: a.shop.test") == "orders"
    assert matched("GET", "any.test/any/x", "--remote-addr", "10.0.0.1") == "any"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["GET", "ftp://a/b"], "write a URL as"),
        (["GET", "/", "-H", "nothing"], "write a field as"),
        (["GET", "/", "-H", "A: b\r\nC: d"], "line end"),
        (["GET", "/", "--remote-addr", "here"], "write an IP address"),
        (["GET", "/", "--pid", "a"], "not allowed with"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(
    gatewright: Command, conf: Path, arguments: list[str], reason: str
) -> None:
    done = gatewright("try", *arguments, "--config", str(conf))
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_configuration_with_a_mistake_is_not_asked(gatewright: Command, conf: Path) -> None:
    conf.with_name("apisix.yaml").write_text("routes:\n  - methods: [GET]\n")
    done = gatewright("routes", "--config", str(conf))
    assert done.returncode == 1
    assert f"error: {conf.with_name('apisix.yaml')}:2:" in done.stderr


def test_the_status_tells_what_is_served(begin: Begin, gatewright: Command, conf: Path, port: int) -> None:
    process = begin("run")
    done = gatewright("status", "--interval", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert f"process {process.pid}, up " in first
    assert first.endswith(": ready")
    for line in (f"http://127.0.0.1:{port}", "3: 3 up", "127.0.0.1:9  up  (route any)", "revision        1, since"):
        assert any(line in one for one in rest), line


def test_the_status_counts_requests_and_failing_nodes(begin: Begin, gatewright: Command, conf: Path, port: int) -> None:
    assert conf.exists()
    begin("run")
    with pytest.raises(urllib.error.HTTPError, match="502"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/any/1", timeout=10)
    told = status(gatewright)
    assert told["requests"]["total"] == 1
    nodes = {node["node"]: node["state"] for upstream in told["upstreams"] for node in upstream["nodes"]}
    assert nodes == {"127.0.0.1:2": "up", "127.0.0.1:3": "up", "127.0.0.1:9": "failing"}


def test_a_refused_reload_is_told_with_its_problem(begin: Begin, gatewright: Command, conf: Path) -> None:
    begin("run")
    resources = conf.with_name("apisix.yaml")
    resources.write_text("routes:\n  - methods: [GET]\n")
    end = time.monotonic() + 20
    while (told := status(gatewright))["reload"]["ok"] and time.monotonic() < end:
        pass
    assert told["revision"] == 1
    assert told["reload"]["problems"][0].startswith("conf/apisix.yaml:2:")
    assert "a newer configuration was refused" in gatewright("status", "--interval", "0.1").stdout


def status(gatewright: Command) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(gatewright("status", "--json", "--interval", "0.1").stdout)
    return told


def test_the_socket_is_its_owners_and_goes_with_the_process(begin: Begin, conf: Path) -> None:
    process = begin("run")
    socket = conf.parents[1] / "logs" / "gatewright.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    process.terminate()
    assert process.wait(10) == 0
    assert not socket.exists()


def test_it_answers_while_python_is_busy(begin: Begin, gatewright: Command, conf: Path) -> None:
    assert conf.exists()
    busy = "import gateway.serve\ndef run(_): [None for _ in iter(int, 1)]\n"
    begin("run", before=busy + "gateway.serve._Process.run = lambda self: run(self)\n")
    assert gatewright("routes").returncode == 0


@pytest.mark.parametrize("command", [["routes"], ["try", "GET", "/"], ["status"], ["top", "--once"]])
def test_who_does_not_run_cannot_be_asked(gatewright: Command, conf: Path, command: list[str]) -> None:
    assert conf.exists()
    done = gatewright(*command)
    assert done.returncode == 3
    assert "no gateway runs by logs/gatewright.pid" in done.stderr
    assert "`gatewright run`" in done.stderr


def test_a_process_without_a_socket_is_told_as_one(begin: Begin, gatewright: Command, conf: Path) -> None:
    process = begin("run")
    (conf.parents[1] / "logs" / "gatewright.sock").unlink()
    done = gatewright("routes")
    assert done.returncode == 3
    assert f"process {process.pid} does not answer on logs/gatewright.sock" in done.stderr
