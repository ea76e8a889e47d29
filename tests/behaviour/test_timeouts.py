"""What takes too long: clients that do not ask, upstreams that do not answer."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from dialogue import Upstream
from gateways import Served, route

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LONG = 60


def timeout(**short: float) -> dict[str, float]:
    return {"connect": LONG, "send": LONG, "read": LONG} | short


def test_no_connection_in_time_is_504(serve: Serve, full: str) -> None:
    served = serve(route(full, upstream__timeout=timeout(connect=0.2)))
    answer = served.ask(GET).answer()
    assert (answer.status, json.loads(answer.body)["status"]) == (504, 504)
    assert served.log.next().startswith("UF 504 504 ")


def test_a_node_without_a_connection_in_time_is_passed_over(serve: Serve, full: str, upstream: Upstream) -> None:
    served = serve(route(full, upstream.node, upstream__timeout=timeout(connect=0.2)))
    for _ in range(2):
        client = served.ask(POST + "body")
        server = upstream.current()
        assert server.request().body == b"body"
        server.send(OK)
        assert client.answer().body == b"hi"


def test_no_answer_in_time_is_504(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__timeout=timeout(read=0.2)))
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    answer = client.answer()
    assert answer.status == 504
    assert answer["Proxy-Status"] == 'gatewright; error=connection_read_timeout; details="UT"'
    assert server.ended()
    assert served.log.next() == "UT 504 504 GET / HTTP/1.1"


def test_an_answer_that_stops_is_cut(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__timeout=timeout(read=0.2)))
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
    client.head()
    assert client.exactly(5) == b"start"
    assert client.ended()
    assert server.ended()
    assert served.log.next() == "UT 200 200 GET / HTTP/1.1"


def test_an_upstream_that_takes_nothing_is_504(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__timeout=timeout(send=0.2)))
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {1 << 30}\r\n\r\n")
    upstream.accept()
    client.socket.settimeout(0.1)
    with suppress(TimeoutError):
        while True:
            client.send(bytes(1 << 20))
    client.socket.settimeout(15)
    assert client.answer().status == 504
    assert served.log.next().startswith("UT 504 504 ")


def test_the_total_ends_an_upstream_that_drips(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__timeout=timeout(total=0.3)))
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    client.head()
    with suppress(BrokenPipeError, ConnectionResetError):
        while True:
            server.send("x")
            if client.socket.recv(1) == b"":
                break
    assert served.log.next().startswith("TT 200 200 ")


def test_the_total_holds_for_all_tries_together(serve: Serve, full: str, upstream: Upstream) -> None:
    served = serve(route(full, upstream.node, upstream__timeout=timeout(connect=0.2, total=0.4)))
    clients = [served.ask(GET) for _ in range(2)]
    servers = [upstream.accept() for _ in clients]
    assert [client.answer().status for client in clients] == [504, 504]
    for server in servers:
        server.head()
        assert server.ended()
    assert sorted(served.log.next().split(" ")[0] for _ in clients) == ["TT", "TT,UF"]


def test_the_total_holds_while_a_connection_is_waited_for(serve: Serve, full: str, upstream: Upstream) -> None:
    served = serve(route(full, upstream.node, upstream__timeout=timeout(total=0.2), upstream__retries=1))
    clients = [served.ask(GET) for _ in range(2)]
    assert [client.answer().status for client in clients] == [504, 504]
    assert [served.log.next().split(" ")[0] for _ in clients] == ["TT", "TT"]


def test_a_route_has_timeouts_of_its_own(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, timeout=timeout(read=0.2)))
    client = served.ask(GET)
    upstream.accept().head()
    assert client.answer().status == 504


def test_a_head_that_is_not_finished_is_408(serve: Serve) -> None:
    served = serve(http__client_header_timeout="200ms")
    client = served.ask("GET / HTTP/1.1\r\nHost:")
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (408, "close")
    assert served.log.next() == "CT 408 - GET / HTTP/1.1"


def test_a_head_that_drips_is_408(serve: Serve) -> None:
    served = serve(http__client_header_timeout="300ms")
    client = served.ask("GET / HTTP/1.1\r\nX: ")
    client.socket.settimeout(0.02)
    for _ in range(500):
        client.send("x")
        with suppress(TimeoutError):
            client._more("an answer")
            break
    assert client.answer().status == 408


def test_a_connection_without_a_request_is_closed(serve: Serve) -> None:
    served = serve(http__client_header_timeout="200ms")
    assert served.connect().ended()


def test_a_second_head_that_is_not_finished_is_408(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_header_timeout="200ms")
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    client.send("GET / HTTP/1.1\r\n")
    assert client.answer().status == 408


def test_a_body_that_stops_is_408(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_body_timeout="200ms")
    client = served.ask(POST + "ha")
    server = upstream.accept()
    server.head()
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (408, "close")
    assert server.rest() == b"ha"
    assert served.log.next().startswith("CT 408 ")


def test_time_that_the_upstream_takes_is_not_the_clients(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_body_timeout="100ms", http__client_header_timeout="100ms")
    client = served.ask(POST + "body")
    server = upstream.accept()
    server.request()
    server.socket.settimeout(0.4)
    with pytest.raises(TimeoutError):
        server.socket.recv(1)
    server.send(OK)
    assert client.answer().body == b"hi"
