"""Health checks: nodes that are probed, watched, passed over and taken back."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import Message, Peer, Upstream
from frames import Http2
from gateways import Served, patiently, route
from nginx import Nginx, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from authority import Authority

    Serve = Callable[..., Served]
    Start = Callable[..., Nginx]


GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
INSIDE = {"apisix__status": {"ip": "127.0.0.1", "port": 0}}

SERVER = """server {{
    listen 127.0.0.1:{port} {more};
    location = /up {{
        if (-f {folder}/down) {{ return 500; }}
        return 200;
    }}
    location / {{
        if (-f {folder}/broken) {{ return 503; }}
        return 200 "{name}";
    }}
}}"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts nodes: `/up` answers 500 while there is a file `down`, all else 503 while there is `broken`."""
    started = []

    def one(name: str, more: str = "") -> Nginx:
        folder, port = tmp_path / name, free_port()
        started.append(Nginx(folder, port, SERVER.format(port=port, folder=folder, name=name, more=more)))
        return started[-1]

    yield one
    for each in started:
        each.stop()


def checked(*nodes: str, active: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A route to an upstream whose nodes are probed at `/up`, one failure or success deciding."""
    quick = {"http_path": "/up", "timeout": 0.5, "healthy": {"successes": 1}}
    quick["unhealthy"] = {"http_failures": 1, "tcp_failures": 1, "timeouts": 1}
    checks = {"active": quick | (active or {}), **more}
    return route(*nodes, upstream__checks=checks)


def inside(served: Served, path: str, accept: str = "*/*") -> Message:
    """What the second listener answers."""
    with socket.create_connection(served.addresses[1], 15) as one:
        return Peer(one).send(f"GET {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n").answer()


def statuses(served: Served) -> dict[int, str]:
    """The status of each node, by its port."""
    checkers = json.loads(inside(served, "/v1/healthcheck").body)
    return {node["port"]: node["status"] for checker in checkers for node in checker["nodes"]}


def until(served: Served, nginx: Nginx, status: str) -> None:
    """Wait until checks have found so."""
    for _ in patiently():
        if statuses(served)[nginx.port] == status:
            return
    raise AssertionError(f"{nginx.node} is {statuses(served)}, and not {status}")


def answers(served: Served, count: int = 6) -> set[str]:
    """The bodies of so many answers."""
    return {served.ask(GET).answer().body.decode() for _ in range(count)}


def asked(upstream: Upstream) -> Peer:
    """The connection on which a request came, and no probe."""
    while True:
        server = upstream.accept()
        with contextlib.suppress(AssertionError, OSError):
            server.request()
            return server


@pytest.mark.parametrize("how", ["ended", "frozen", "failing"])
def test_a_node_is_passed_over_until_it_is_back(serve: Serve, start: Start, how: str) -> None:
    a, b = start("a"), start("b")
    served = serve(checked(a.node, b.node), **INSIDE)
    assert answers(served) == {"a", "b"}
    match how:
        case "ended":
            a.stop()
        case "frozen":
            a.freeze()
        case _:
            (a.folder / "down").touch()
    until(served, a, "unhealthy")
    assert answers(served) == {"b"}
    match how:
        case "ended":
            a.start()
        case "frozen":
            a.thaw()
        case _:
            (a.folder / "down").unlink()
    until(served, a, "healthy")
    assert answers(served) == {"a", "b"}


def test_nodes_are_probed_before_any_request(serve: Serve, start: Start) -> None:
    a = start("a")
    (a.folder / "down").touch()
    until(serve(checked(a.node), **INSIDE), a, "unhealthy")


def test_all_are_used_when_none_is_healthy(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    served = serve(checked(a.node, b.node), **INSIDE)
    for each in (a, b):
        (each.folder / "down").touch()
        until(served, each, "unhealthy")
    assert answers(served) == {"a", "b"}


def test_a_probe_is_what_the_document_says(serve: Serve, upstream: Upstream) -> None:
    active = {
        "http_path": "/probe?deep=1",
        "http_method": "POST",
        "http_req_body": "ping",
        "host": "inside.test",
        "req_headers": ["X-Probe: yes", "User-Agent: prober"],
    }
    served = serve(checked(upstream.node, active=active), **INSIDE)
    server = upstream.accept()
    asked = server.request()
    assert asked.line == "POST /probe?deep=1 HTTP/1.1"
    assert sorted(asked.fields) == [
        ("Connection", "close"),
        ("Content-Length", "4"),
        ("Host", "inside.test"),
        ("User-Agent", "prober"),
        ("X-Probe", "yes"),
    ]
    assert asked.body == b"ping"
    server.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    server.close()
    again = upstream.accept()  # 204 is in neither list, and the node still healthy
    assert set(statuses(served).values()) == {"healthy"}
    again.request()
    again.send("SMTP\r\n")
    served.errors.with_text("upstream node is unhealthy")


def test_a_port_of_its_own_may_be_probed(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    served = serve(checked(a.node, active={"port": b.port}), **INSIDE)
    (b.folder / "down").touch()
    until(served, a, "unhealthy")


def test_a_connection_is_enough_for_tcp(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    served = serve(checked(a.node, b.node, active={"type": "tcp"}), **INSIDE)
    (b.folder / "down").touch()
    a.stop()
    until(served, a, "unhealthy")
    assert statuses(served)[b.port] == "healthy"


@pytest.mark.parametrize("verify", [True, False])
def test_a_certificate_counts_unless_switched_off(
    serve: Serve, start: Start, authority: Authority, verify: bool
) -> None:
    shown = authority.issue("other.test")
    a = start("a", f"ssl; ssl_certificate {shown.certificate}; ssl_certificate_key {shown.key}")
    active = {"type": "https", "host": "shop.test", "https_verify_certificate": verify}
    checks = checked(a.node, active=active)
    checks["upstream"] |= {"scheme": "https", "tls": {"ca": authority.root.certificate.read_text()}}
    served = serve(checks, **INSIDE)
    if verify:
        until(served, a, "unhealthy")
        assert "tcp_failure=1" in served.errors.with_text("upstream node is unhealthy")
    else:
        for _ in patiently():
            if "/up" in (a.folder / "seen.log").read_text():
                break
        assert statuses(served)[a.port] == "healthy"


def test_traffic_takes_a_node_out(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    passive = {"unhealthy": {"http_statuses": [503], "http_failures": 2}}
    active = {"healthy": {"successes": 1, "interval": 60}}
    served = serve(checked(a.node, b.node, active=active, passive=passive), **INSIDE)
    until(served, a, "healthy")
    (a.folder / "broken").touch()
    for _ in range(4):
        served.ask(GET).answer()
    line = served.errors.with_text("upstream node is unhealthy")
    assert f"node={a.node} upstream=routes/all check=passive http_failure=2 reason=" in line
    assert "status 503" in line
    assert answers(served) == {"b"}


def test_a_request_leaves_a_node_that_hangs(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    served = serve(
        checked(a.node, b.node), http__access_log_format="$response_flags $status [$upstream_status]", **INSIDE
    )
    answers(served)  # connections are kept to both
    a.freeze()
    waiting = [served.ask(GET) for _ in range(6)]
    assert {client.answer().body for client in waiting} == {b"b"}
    lines = [served.log.next() for _ in range(12)]
    assert lines.count("UT 200 [504, 200]") == 3


def test_a_stream_leaves_a_node_that_hangs(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    served = serve(checked(a.node, b.node), **INSIDE)
    assert answers(served) == {"a", "b"}
    a.freeze()
    client = Http2(served.connect()).open()
    streams = range(1, 13, 2)
    for stream in streams:
        client.ask(stream)
    assert {client.answer(stream).body for stream in streams} == {b"b"}


def test_a_node_that_requests_left_is_used_once_it_is_back(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    served = serve(checked(a.node, b.node), **INSIDE)
    a.freeze()
    waiting = [served.ask(GET) for _ in range(12)]
    assert {client.answer().body for client in waiting} == {b"b"}
    a.thaw()
    until(served, a, "healthy")
    assert answers(served) == {"a", "b"}


def test_a_connection_that_is_not_made_is_not_waited_for(serve: Serve, start: Start, full: str) -> None:
    b = start("b")
    log = {"http__access_log_format": "$response_flags $status [$upstream_status]"}
    served = serve(checked(full, b.node, active={"type": "tcp"}), **log, **INSIDE)
    two = [served.ask(POST) for _ in range(2)]  # one for each node
    assert {client.answer().body for client in two} == {b"b"}
    assert sorted(served.log.next() for _ in two) == ["- 200 [200]", "UT 200 [504, 200]"]


def test_a_request_that_may_not_be_repeated_stays(serve: Serve, start: Start, upstream: Upstream) -> None:
    b = start("b")
    served = serve(checked(upstream.node, b.node, active={"type": "tcp"}), **INSIDE)
    two = [served.ask(POST) for _ in range(2)]  # one for each node
    server = asked(upstream)
    upstream.socket.close()
    served.errors.with_text(f"upstream node is unhealthy node={upstream.node}")
    server.send(OK)
    assert {client.answer().body for client in two} == {b"b", b"hi"}


def test_the_one_node_is_waited_for(serve: Serve, upstream: Upstream, start: Start) -> None:
    a = start("a")
    served = serve(checked(upstream.node, active={"port": a.port}), **INSIDE)
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    a.stop()
    served.errors.with_text("upstream node is unhealthy")
    server.send(OK)
    assert client.answer().body == b"hi"


def test_checks_come_change_and_go_with_their_upstream(serve: Serve, start: Start) -> None:
    a, b = start("a"), start("b")
    (a.folder / "down").touch()
    served = serve(checked(a.node, b.node), **INSIDE)
    until(served, a, "unhealthy")
    heavier = checked(a.node, b.node)
    heavier["upstream"]["nodes"][a.node] = 7
    served.publish(heavier)
    assert statuses(served) == {a.port: "unhealthy", b.port: "healthy"}
    served.publish(checked(a.node, b.node, active={"http_path": "/"}))
    until(served, a, "healthy")
    served.publish(route(a.node))
    assert json.loads(inside(served, "/v1/healthcheck").body) == []


def test_a_node_that_hangs_is_found_however_often_its_checks_change(serve: Serve, start: Start) -> None:
    a = start("a")
    served = serve(checked(a.node), **INSIDE)
    a.freeze()
    for number, _ in enumerate(patiently()):
        served.publish(checked(a.node, active={"http_path": f"/up?{number}"}))
        if statuses(served)[a.port] == "unhealthy":
            return
    raise AssertionError


def test_an_upstream_of_several_routes_is_checked_once(serve: Serve, start: Start) -> None:
    a = start("a")
    upstream = checked(a.node)["upstream"] | {"id": "u"}
    routes = [{"id": str(n), "uri": f"/{n}", "upstream_id": "u"} for n in range(3)]
    served = serve(*routes, upstreams=[upstream], **INSIDE)
    (checker,) = json.loads(inside(served, "/v1/healthcheck").body)
    assert checker == {
        "name": "/apisix/upstreams/u",
        "nodes": [
            {
                "ip": "127.0.0.1",
                "port": a.port,
                "hostname": "127.0.0.1",
                "status": "healthy",
                "counter": {"success": 0, "http_failure": 0, "tcp_failure": 0, "timeout_failure": 0},
            }
        ],
        "type": "http",
    }
    assert json.loads(inside(served, "/v1/healthcheck/upstreams/u").body) == checker


def test_the_control_api_has_a_listener_of_its_own(serve: Serve, start: Start) -> None:
    a = start("a")
    served = serve(checked(a.node), apisix__control={"ip": "127.0.0.1", "port": 0})
    assert statuses(served) == {a.port: "healthy"}


def test_all_checks_can_be_switched_off(serve: Serve, start: Start) -> None:
    a = start("a")
    served = serve(checked(a.node), apisix__disable_upstream_healthcheck=True, **INSIDE)
    assert json.loads(inside(served, "/v1/healthcheck").body) == []


def test_a_browser_sees_a_table(serve: Serve, start: Start) -> None:
    a = start("a")
    served = serve(checked(a.node), **INSIDE)
    for path in ("/v1/healthcheck", "/v1/healthcheck/routes/all"):
        answer = inside(served, path, "text/html,*/*")
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert f"<td>{a.node}</td><td>healthy</td>" in answer.body.decode()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("upstreams/none", 404, "no checker for upstreams[none]"),
        ("upstreams", 404, "missing src id for src type upstreams"),
        ("consumers/1", 400, "invalid src type consumers"),
    ],
)
def test_what_is_not_checked_is_said_in_apisix_words(serve: Serve, path: str, status: int, words: str) -> None:
    answer = inside(serve(**INSIDE), f"/v1/healthcheck/{path}")
    assert (answer.status, json.loads(answer.body)) == (status, {"error_msg": words})
