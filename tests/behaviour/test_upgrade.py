"""Connections that change their protocol."""

from collections.abc import Callable

import pytest
from dialogue import Peer, Upstream
from gateways import Served, route

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
ASK = (
    "GET /chat HTTP/1.1\r\nHost: shop\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCH = (
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


@pytest.fixture
def chat(serve: Serve, upstream: Upstream) -> Served:
    return serve(route(upstream.node, enable_websocket=True))


@pytest.fixture
def tunnel(chat: Served, upstream: Upstream) -> tuple[Peer, Peer]:
    client = chat.ask(ASK)
    server = upstream.accept()
    server.head()
    server.send(SWITCH)
    client.head()
    return client, server


def test_a_websocket_is_opened_where_the_route_allows_it(chat: Served, upstream: Upstream) -> None:
    client = chat.ask(ASK)
    server = upstream.accept()
    asked = server.head()
    assert (asked["Connection"], asked["Upgrade"]) == ("Upgrade", "websocket")
    assert asked["Sec-WebSocket-Key"] == "dGhlIHNhbXBsZSBub25jZQ=="
    server.send(SWITCH, b"\x81\x05hello")
    switched = client.head()
    assert switched.line == "HTTP/1.1 101 Switching Protocols"
    assert (switched["Connection"], switched["Upgrade"]) == ("Upgrade", "websocket")
    assert switched["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "Content-Length" not in switched
    assert "Transfer-Encoding" not in switched
    assert client.exactly(7) == b"\x81\x05hello"
    client.send(b"\x81\x82\x00\x00\x00\x00yo")
    assert server.exactly(8) == b"\x81\x82\x00\x00\x00\x00yo"


def test_bytes_sent_ahead_of_the_switch_go_into_the_tunnel(chat: Served, upstream: Upstream) -> None:
    client = chat.ask(ASK + "early")
    server = upstream.accept()
    server.head()
    server.send(SWITCH)
    client.head()
    assert server.exactly(5) == b"early"


def test_a_service_may_allow_it(serve: Serve, upstream: Upstream) -> None:
    service = {"id": "s", "enable_websocket": True, "upstream": {"type": "roundrobin", "nodes": {upstream.node: 1}}}
    served = serve({"id": "1", "uri": "/*", "service_id": "s"}, services=[service])
    served.ask(ASK)
    assert upstream.accept().head()["Upgrade"] == "websocket"


@pytest.mark.parametrize("leaver", ["client", "server"])
@pytest.mark.parametrize("how", ["close", "reset", "half_close"])
def test_the_tunnel_ends_with_either_side(chat: Served, tunnel: tuple[Peer, Peer], leaver: str, how: str) -> None:
    client, server = tunnel
    leaving, left = (client, server) if leaver == "client" else (server, client)
    if how != "reset":
        leaving.send("last")
        assert left.exactly(4) == b"last"
    getattr(leaving, how)()
    assert left.ended()
    assert chat.log.next().endswith(" 101 101 GET /chat HTTP/1.1")


def test_an_idle_tunnel_ends_after_the_read_timeout(serve: Serve, upstream: Upstream) -> None:
    timeout = {"connect": 5, "send": 60, "read": 0.2}
    served = serve(route(upstream.node, enable_websocket=True, upstream__timeout=timeout))
    client = served.ask(ASK)
    server = upstream.accept()
    server.head()
    server.send(SWITCH)
    client.head()
    assert client.ended()
    assert server.ended()


def test_much_passes_through_a_tunnel_both_ways(tunnel: tuple[Peer, Peer]) -> None:
    client, server = tunnel
    for _ in range(64):
        server.send(b"d" * 65536)
        assert client.exactly(65536) == b"d" * 65536
        client.send(b"u" * 65536)
        assert server.exactly(65536) == b"u" * 65536


def test_without_permission_it_is_an_ordinary_request(served: Served, upstream: Upstream) -> None:
    client = served.ask(ASK)
    server = upstream.accept()
    asked = server.head()
    assert "Upgrade" not in asked
    assert "Connection" not in asked
    server.send(OK)
    assert client.answer().status == 200


@pytest.mark.parametrize("protocol", ["h2c", "websocket, h2c", "TLS/1.0"])
def test_other_protocols_are_not_passed_on(chat: Served, upstream: Upstream, protocol: str) -> None:
    chat.ask(f"GET / HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n")
    assert "Upgrade" not in upstream.accept().head()


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "426 Upgrade Required"])
def test_bytes_after_a_refused_upgrade_never_become_a_request(chat: Served, upstream: Upstream, status: str) -> None:
    client = chat.ask(ASK + "GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n")
    server = upstream.accept()
    assert server.head().line == "GET /chat HTTP/1.1"
    server.send(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
    answer = client.answer()
    assert (answer.line, answer["Connection"]) == (f"HTTP/1.1 {status}", "close")
    assert client.ended()
    assert chat.log.next().endswith("GET /chat HTTP/1.1")
    assert upstream.untouched()
    server.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        server.socket.recv(1)


def test_bytes_after_an_upgrade_that_no_route_takes_never_become_a_request(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, uri="/smuggled"))
    client = served.ask(ASK + "GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert client.answer().status == 404
    assert client.ended()
    assert upstream.untouched()


def test_a_switch_that_nobody_asked_for_is_502(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(SWITCH)
    assert client.answer().status == 502
    assert server.ended()
    assert served.log.next().startswith("UP 502 ")


def test_a_switch_to_another_protocol_is_502(chat: Served, upstream: Upstream) -> None:
    client = chat.ask(ASK)
    server = upstream.accept()
    server.head()
    server.send(SWITCH.replace("websocket", "h2c"))
    assert client.answer().status == 502
