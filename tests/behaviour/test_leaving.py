"""Clients that leave before they have their answer, and those that do not take it."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from dialogue import Upstream
from gateways import Process, Served, patiently, route

Serve = Callable[..., Served]
Run = Callable[..., Process]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"


@pytest.mark.parametrize("how", ["close", "reset", "half_close"])
def test_a_client_that_leaves_while_it_waits_ends_the_request(served: Served, upstream: Upstream, how: str) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    getattr(client, how)()
    assert server.ended()
    assert served.log.next() == "DC 499 - GET / HTTP/1.1"


@pytest.mark.parametrize("how", ["close", "half_close"])
def test_a_client_that_leaves_while_a_node_is_connected_to_ends_the_request(serve: Serve, full: str, how: str) -> None:
    served = serve(route(full, upstream__timeout={"connect": 60, "send": 60, "read": 60}))
    client = served.ask(GET)
    getattr(client, how)()
    assert served.log.next() == "DC 499 - GET / HTTP/1.1"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_amid_its_answer_ends_the_request(served: Served, upstream: Upstream, how: str) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
    client.head()
    assert client.exactly(5) == b"start"
    getattr(client, how)()
    assert server.ended()
    assert served.log.next() == "DC 200 200 GET / HTTP/1.1"


def test_a_client_that_leaves_amid_its_body_ends_the_request(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nhalf")
    server = upstream.accept()
    server.head()
    assert server.exactly(4) == b"half"
    client.close()
    assert server.ended()
    assert served.log.next().startswith("DC 400 ")


def test_a_client_that_half_closes_amid_its_body_is_told(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nhalf")
    server = upstream.accept()
    server.head()
    assert server.exactly(4) == b"half"
    client.half_close()
    assert client.answer().status == 400
    assert server.ended()


def test_a_leaving_client_is_no_failure_of_the_node(serve: Serve, upstreams: tuple[Upstream, Upstream]) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    for _ in range(4):
        client = served.ask(GET)
        first = next(one for one in upstreams if not one_is_untouched(one))
        first.peers[-1].head()
        client.close()
        assert first.peers[-1].ended()
        served.log.next()
    assert [len(one.peers) for one in upstreams] == [2, 2]


def one_is_untouched(one: Upstream) -> bool:
    """Whether no connection waits; one that does is accepted."""
    one.socket.settimeout(0.2)
    try:
        one.accept()
    except TimeoutError:
        return True
    finally:
        one.socket.settimeout(15)
    return False


def test_a_client_that_leaves_without_asking_is_no_request(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node))
    served.connect().close()
    served.connect().send("GET / HT").close()
    served.ask("BAD\r\n\r\n").answer()
    assert served.log.next().startswith("CR 400 ")


def test_a_client_that_takes_nothing_of_its_answer_is_ended(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__send_timeout="200ms")
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 30}\r\n\r\n")
    with suppress(BrokenPipeError, ConnectionResetError):
        while True:
            server.send(bytes(1 << 20))
    assert served.log.next().startswith("CS 200 200 ")
    client.close()


def test_clients_that_abort_leave_nothing_behind(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node))
    process.settle()
    before = process.descriptors()
    for _ in range(100):
        client = process.connect().send(GET)
        server = upstream.accept()
        server.head()
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart")
        client.head()
        client.reset()
        assert server.ended()
        server.close()
    for _ in patiently():
        if process.descriptors() <= before:
            break
    assert process.descriptors() <= before
