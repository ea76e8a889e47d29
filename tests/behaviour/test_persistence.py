"""Connections that stay open: with clients and with upstreams, HTTP/1.0 and 1.1, pipelining."""

import socket
from collections.abc import Callable

import pytest
from dialogue import Upstream
from gateways import Served, route

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_two_requests_share_both_connections(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    for _ in range(2):
        assert server.request().line == "GET / HTTP/1.1"
        server.send(OK)
        answer = client.answer()
        assert (answer.line, answer.body) == ("HTTP/1.1 200 OK", b"hi")
        assert "Connection" not in answer
        client.send(GET)
    server.request()
    assert upstream.untouched()


def test_a_close_of_the_client_is_kept_from_the_upstream(served: Served, upstream: Upstream) -> None:
    client = served.ask("GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
    server = upstream.accept()
    assert "Connection" not in server.head()
    server.send(OK)
    answer = client.answer()
    assert answer["Connection"] == "close"
    assert client.ended()
    served.ask(GET)
    assert server.request().line == "GET / HTTP/1.1"


def test_a_close_of_the_upstream_is_kept_from_the_client(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
    assert "Connection" not in client.answer()
    assert server.ended()
    client.send(GET)
    upstream.accept().send(OK)
    assert client.answer().body == b"hi"


def test_http_1_0_closes_unless_asked_to_stay(served: Served, upstream: Upstream) -> None:
    client = served.ask("GET / HTTP/1.0\r\nHost: shop\r\n\r\n")
    server = upstream.accept()
    assert server.head().line == "GET / HTTP/1.1"
    server.send(OK)
    answer = client.answer()
    assert (answer["Connection"], answer.body) == ("close", b"hi")
    assert client.ended()


def test_http_1_0_stays_if_asked_to(served: Served, upstream: Upstream) -> None:
    client = served.connect()
    for _ in range(2):
        client.send("GET / HTTP/1.0\r\nHost: shop\r\nConnection: keep-alive\r\n\r\n")
        server = upstream.current()
        server.head()
        server.send(OK)
        assert client.answer()["Connection"] == "keep-alive"


def test_an_upstream_of_http_1_0_closes_unless_it_says_otherwise(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    first = upstream.accept()
    first.head()
    first.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    assert client.answer().line == "HTTP/1.1 200 OK"
    assert first.ended()
    client.send(GET)
    second = upstream.accept()
    for _ in range(2):
        second.head()
        second.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi")
        client.answer()
        client.send(GET)
    second.head()


def test_requests_of_one_segment_are_answered_in_order(served: Served, upstream: Upstream) -> None:
    posts = [f"POST /{n} HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nbody{n}" for n in range(3)]
    chunked = "PUT /c HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    client = served.connect().send(*posts, chunked, GET)
    server = upstream.accept()
    for n in range(3):
        request = server.request()
        assert (request.line, request.body) == (f"POST /{n} HTTP/1.1", f"body{n}".encode())
        server.send(f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}")
        assert client.answer().body == str(n).encode()
    assert server.request().body == b"abc"
    server.send(OK)
    assert client.answer().body == b"hi"
    assert server.request().line == "GET / HTTP/1.1"
    server.send(OK)
    assert client.answer().body == b"hi"


def test_a_head_may_come_byte_by_byte(served: Served, upstream: Upstream) -> None:
    client = served.connect()
    for _ in range(2):
        for byte in GET:
            client.send(byte)
        server = upstream.current()
        server.head()
        for byte in OK:
            server.send(byte)
        assert client.answer().body == b"hi"


def test_a_connection_carries_no_more_requests_than_the_pool_allows(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__keepalive_pool={"size": 1, "idle_timeout": 60, "requests": 2}))
    client = served.connect()
    for turn in range(4):
        client.send(GET)
        server = upstream.accept() if turn % 2 == 0 else upstream.current()
        server.head()
        server.send(OK)
        client.answer()
    assert [peer.ended() for peer in upstream.peers] == [True, True]


def test_an_idle_connection_of_the_pool_is_closed_in_time(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__keepalive_pool={"size": 1, "idle_timeout": 0.1, "requests": 9}))
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    assert server.ended()


def test_an_idle_client_is_closed_in_time(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__keepalive_timeout="100ms")
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    assert client.ended()


def test_without_keep_alive_time_every_answer_closes(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__keepalive_timeout=0)
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer()["Connection"] == "close"
    assert client.ended()


def test_nothing_is_shared_after_an_answer_that_was_too_long(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert client.answer().body == b"hi"
    client.send(GET)
    upstream.accept().send(OK)
    assert client.answer().body == b"hi"


def test_bytes_that_nobody_asked_for_close_an_idle_connection(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert server.ended()
    client.send(GET)
    upstream.accept().send(OK)
    assert client.answer().body == b"hi"


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_stale_connection_costs_no_request(served: Served, upstream: Upstream, end: str) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    getattr(server, end)()
    client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nab")
    second = upstream.accept()
    assert second.request().body == b"ab"
    second.send(OK)
    assert client.answer().status == 200
    served.log.next()
    assert served.log.next().startswith("- 200 200 ")


def test_nothing_is_served_after_a_close(served: Served, upstream: Upstream) -> None:
    client = served.ask("GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n" + GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer().body == b"hi"
    assert client.ended()
    assert upstream.untouched()
    served.ask(GET)
    assert server.head().line == "GET / HTTP/1.1"


def test_an_empty_body_that_is_announced_stays_announced(served: Served, upstream: Upstream) -> None:
    served.ask("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")
    assert upstream.accept().head()["Content-Length"] == "0"


def test_a_request_under_way_is_finished_whatever_is_published(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    served.publish()
    assert served.ask(GET).answer().status == 404
    server.send(OK)
    assert client.answer().body == b"hi"
    assert client.send(GET).answer().status == 404


def test_ipv6_is_served_beside_ipv4(serve: Serve, upstream: Upstream) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this host has no IPv6")
    listen = [{"ip": "::1", "port": 0}, {"ip": "127.0.0.1", "port": 0}]
    served = serve(
        route(upstream.node), apisix__node_listen=listen, http__access_log_format="$remote_addr $server_addr"
    )
    served.ask(GET)
    server = upstream.accept()
    assert server.head()["X-Real-IP"] == "::1"
    server.send(OK)
    assert served.log.next() == "::1 ::1"
