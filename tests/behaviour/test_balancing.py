"""How nodes are chosen: real nginx nodes, asked many times and counted."""

import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from dialogue import Peer, Upstream
from gateways import Served, patiently, route
from nginx import find

Serve = Callable[..., Served]

SERVER = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
NODE = 'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{port}"; }} }}\n'


class Nodes:
    """An nginx with a port for each node; every answer is its port."""

    def __init__(self, folder: Path, count: int) -> None:
        held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        self.ports = sorted(one.getsockname()[1] for one in held)
        for one in held:
            one.close()
        servers = "".join(NODE.format(port=port) for port in self.ports)
        (folder / "nginx.conf").write_text(SERVER.format(folder=folder, servers=servers))
        log = str(folder / "nginx.log")
        self.process = subprocess.Popen([find("nginx"), "-p", str(folder), "-e", log, "-c", str(folder / "nginx.conf")])
        for _ in patiently():
            try:
                socket.create_connection(("127.0.0.1", self.ports[-1])).close()
                break
            except ConnectionRefusedError:
                assert self.process.poll() is None, (folder / "nginx.log").read_text()

    def node(self, at: int, weight: int = 1, priority: int = 0) -> dict[str, Any]:
        """A node of an upstream."""
        return {"host": "127.0.0.1", "port": self.ports[at], "weight": weight, "priority": priority}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Three nginx nodes."""
    one = Nodes(tmp_path_factory.mktemp("nodes"), 3)
    yield one
    one.stop()


def upstream_of(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A route to the nodes."""
    made = route(**{f"upstream__{key}": value for key, value in more.items()})
    made["upstream"]["nodes"] = list(nodes)
    return made


def at(address: str, **more: int) -> dict[str, Any]:
    """The node at an address."""
    host, port = address.split(":")
    return {"host": host, "port": int(port), "weight": 1, **more}


def ask(client: Peer, target: str = "/", **fields: str) -> int:
    """The port of the node that answered."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    answer = client.send(f"GET {target} HTTP/1.1\r\nHost: shop\r\n{lines}\r\n").answer()
    assert answer.status == 200
    return int(answer.body)


def reached(client: Peer, upstream: Upstream) -> Peer:
    """Ask until a request comes to the upstream, which has read it then; others are answered elsewhere."""
    upstream.socket.settimeout(0.05)
    for _ in patiently():
        client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
        try:
            server = upstream.accept()
        except TimeoutError:
            assert client.answer().status == 200
            continue
        server.request()
        return server
    raise AssertionError


def test_requests_are_shared_by_weight(serve: Serve, nodes: Nodes) -> None:
    served = serve(upstream_of(nodes.node(0, 3), nodes.node(1, 1), nodes.node(2, 0)))
    client = served.connect()
    assert Counter(ask(client) for _ in range(40)) == {nodes.ports[0]: 30, nodes.ports[1]: 10}


KEYS: list[tuple[dict[str, str], Callable[[str], tuple[str, dict[str, str]]]]] = [
    ({"key": "arg_id"}, lambda key: (f"/?id={key}", {})),
    ({"key": "uri"}, lambda key: (f"/{key}", {})),
    ({"hash_on": "header", "key": "X-Session_Id"}, lambda key: ("/", {"X_Session_Id": key})),
    ({"hash_on": "cookie", "key": "sid"}, lambda key: ("/", {"Cookie": f"a=b; sid={key}"})),
    ({"hash_on": "vars_combinations", "key": "$uri/$http_x_user"}, lambda key: ("/a", {"X_User": key})),
]


@pytest.mark.parametrize(("by", "request_of"), KEYS, ids=[by.get("hash_on", by["key"]) for by, _ in KEYS])
def test_a_key_stays_with_its_node(
    serve: Serve, nodes: Nodes, by: dict[str, str], request_of: Callable[[str], tuple[str, dict[str, str]]]
) -> None:
    served = serve(upstream_of(*map(nodes.node, range(3)), type="chash", **by))
    client = served.connect()

    def node_of(key: int) -> int:
        target, fields = request_of(str(key))
        return ask(client, target, **fields)

    first = [node_of(key) for key in range(60)]
    assert [node_of(key) for key in range(60)] == first
    assert set(first) == set(nodes.ports), "keys are spread"


@pytest.mark.parametrize("written", ["a%20b", "a+b", "%61%20%62"])
def test_a_parameter_is_decoded_before_it_is_hashed(serve: Serve, nodes: Nodes, written: str) -> None:
    three = list(map(nodes.node, range(3)))
    by_parameter = serve(upstream_of(*three, type="chash", key="arg_id")).connect()
    by_header = serve(upstream_of(*three, type="chash", hash_on="header", key="X-Id")).connect()
    assert ask(by_parameter, f"/?id={written}") == ask(by_header, X_Id="a b")


def test_keys_go_where_apisix_sends_them(serve: Serve) -> None:
    made = route(upstream__type="chash", upstream__key="arg_id", upstream__retries=0)
    made["upstream"]["nodes"] = {f"127.0.0.1:{1980 + at}": 1 for at in range(3)}
    # Each key asks a gateway of its own, which has not seen a node fail yet; all write to one log.
    for key in range(10):
        served = serve(made, http__access_log_format="$upstream_addr")
        served.ask(f"GET /?id={key} HTTP/1.1\r\nHost: shop\r\n\r\n").answer()
    went = [int(served.log.next()[-1]) for _ in range(10)]
    assert went == [2, 2, 0, 0, 1, 1, 1, 2, 0, 1], "as lua-resty-chash places them"


@pytest.mark.parametrize("by", [{"hash_on": "consumer"}, {"key": "arg_id"}, {"hash_on": "header", "key": "X-Id"}])
def test_a_request_without_the_key_stays_by_its_address(serve: Serve, nodes: Nodes, by: dict[str, str]) -> None:
    served = serve(upstream_of(*map(nodes.node, range(3)), type="chash", **by))
    by_address = serve(upstream_of(*map(nodes.node, range(3)), type="chash", key="remote_addr"))
    expected = ask(by_address.connect())
    assert {ask(served.connect(), f"/{n}") for n in range(20)} == {expected}


def test_the_keys_of_a_dead_node_go_where_they_would_without_it(serve: Serve, nodes: Nodes, dead: str) -> None:
    three = list(map(nodes.node, range(3)))
    less = serve(upstream_of(*three, type="chash", key="arg_id")).connect()
    expected = [ask(less, f"/?id={key}") for key in range(60)]
    served = serve(upstream_of(*three, at(dead), type="chash", key="arg_id"))
    client = served.connect()
    assert [ask(client, f"/?id={key}") for key in range(60)] == expected
    assert "UF 200 502, 200" in served.log.path.read_text(), "it was on the ring, and tried"


def test_a_lower_priority_serves_while_the_higher_is_down_and_until_it_is_back(
    serve: Serve, nodes: Nodes, upstream: Upstream
) -> None:
    upstream.close()
    served = serve(upstream_of(nodes.node(0), nodes.node(1, priority=-1), at(upstream.node, priority=1)))
    client = served.connect()
    assert {ask(client) for _ in range(10)} == {nodes.ports[0]}
    back = Upstream(port=upstream.port)
    try:
        # The penalty of the node that was down ends; from then on it gets everything.
        server = reached(client, back)
        for _ in range(3):
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7")
            assert client.answer().body == b"7"
            client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
            server.request()
    finally:
        back.close()


def test_the_lowest_priority_is_tried_when_all_others_failed(serve: Serve, nodes: Nodes, dead: str) -> None:
    served = serve(upstream_of(at(dead, priority=2), nodes.node(2)))
    assert ask(served.connect()) == nodes.ports[2]
    assert served.log.next() == "UF 200 502, 200 GET / HTTP/1.1"


def test_a_node_without_weight_is_no_further_try(serve: Serve, nodes: Nodes, dead: str) -> None:
    served = serve(upstream_of(at(dead), nodes.node(0, 0)))
    assert served.ask("GET / HTTP/1.1\r\nHost: shop\r\n\r\n").answer().status == 502
    assert served.log.next() == "UF 502 502 GET / HTTP/1.1"


@pytest.mark.parametrize("kind", ["least_conn", "ewma"])
def test_a_node_that_keeps_its_request_gets_no_more(serve: Serve, nodes: Nodes, upstream: Upstream, kind: str) -> None:
    served = serve(upstream_of(at(upstream.node), nodes.node(0), type=kind))
    reached(served.connect(), upstream)
    assert Counter(ask(served.connect()) for _ in range(30)) == {nodes.ports[0]: 30}


def test_ewma_prefers_the_node_that_answers_sooner(serve: Serve, nodes: Nodes, upstream: Upstream) -> None:
    served = serve(upstream_of(at(upstream.node), nodes.node(0), type="ewma"))
    client, other = served.connect(), served.connect()
    server = reached(client, upstream)
    # It takes as long as many answers of the other node.
    assert Counter(ask(other) for _ in range(200)) == {nodes.ports[0]: 200}
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    client.answer()
    assert Counter(ask(client) for _ in range(30)) == {nodes.ports[0]: 30}


def test_a_websocket_counts_as_long_as_it_is_open(serve: Serve, nodes: Nodes, upstream: Upstream) -> None:
    held = at(upstream.node)
    alone = upstream_of(held, type="least_conn")
    served = serve(alone | {"enable_websocket": True})
    client = served.ask(
        "GET / HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    assert client.head().line.startswith("HTTP/1.1 101")
    # A node joins, and the one with the socket open counts as the busier.
    served.publish(upstream_of(held, nodes.node(0), type="least_conn"))
    assert Counter(ask(served.connect()) for _ in range(10)) == {nodes.ports[0]: 10}


def test_a_spent_retry_budget_answers_the_last_failure(serve: Serve, dead: str, nodes: Nodes) -> None:
    budget = {"percent": 0, "min_per_second": 0}
    served = serve(upstream_of(at(dead, priority=1), nodes.node(0), retry_budget=budget))
    client = served.connect()
    client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert client.answer().status == 502
    assert served.log.next() == "UF,RB 502 502 GET / HTTP/1.1"
    assert ask(client) == nodes.ports[0], "the node that failed is passed over, so no further try is needed"


def test_the_default_budget_saves_all_that_a_dying_node_had(serve: Serve, nodes: Nodes, upstream: Upstream) -> None:
    served = serve(upstream_of(at(upstream.node), nodes.node(0)))
    clients = [served.connect().send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n") for _ in range(80)]
    dying = [upstream.accept() for _ in range(40)]
    upstream.socket.close()
    for peer in dying:
        peer.head()
        peer.reset()
    assert {client.answer().status for client in clients} == {200}


def test_concurrent_requests_spread_over_equal_nodes(serve: Serve, nodes: Nodes) -> None:
    served = serve(upstream_of(*map(nodes.node, range(3)), type="least_conn"), nginx__worker_processes=2)
    with ThreadPoolExecutor(8) as pool:
        counts = Counter(pool.map(lambda _: ask(served.connect()), range(90)))
    assert set(counts) == set(nodes.ports)
    assert all(fewer >= 15 for fewer, _ in pairwise(sorted(counts.values())))


def test_an_unknown_balancer_is_refused(serve: Serve, nodes: Nodes) -> None:
    with pytest.raises(Exception, match="no balancer"):
        serve(upstream_of(nodes.node(0), type="best"))
