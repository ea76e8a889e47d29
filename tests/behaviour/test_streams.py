"""Bodies that take long or are large."""

from collections.abc import Callable
from threading import Thread

from dialogue import Peer, Upstream
from gateways import Process, Served, route

Run = Callable[..., Process]
Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LARGE = 200 << 20
GROWTH = 16 << 20
"""Bytes that the process may grow by while a body passes through that is many times as large."""


def test_an_event_is_passed_on_before_the_next_one_exists(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert client.head()["Content-Type"] == "text/event-stream"
    for number in range(20):
        event = f"id: {number}\ndata: x\n\n".encode()
        server.send(f"{len(event):x}\r\n", event, "\r\n")
        assert client.chunk() == event
    server.send("0\r\n\r\n")
    assert client.chunk() == b""


def test_events_without_chunks_are_passed_on_one_by_one(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    client.head()
    for number in range(20):
        server.send(f"data: {number}\n\n")
        assert client.chunk() == f"data: {number}\n\n".encode()


def test_a_body_is_passed_on_before_its_end_exists(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 60\r\n\r\n")
    server = upstream.accept()
    server.head()
    for _ in range(6):
        client.send("0123456789")
        assert server.exactly(10) == b"0123456789"
    server.send(OK)
    assert client.answer().body == b"hi"


def test_both_bodies_may_be_a_dialogue(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.head()
    for number in range(20):
        client.send(f"2\r\n{number:02}\r\n")
        assert server.chunk() == f"{number:02}".encode()
        server.send(f"2\r\n{number:02}\r\n")
        assert client.chunk() == f"{number:02}".encode()
    client.send("0\r\n\r\n")
    assert server.chunk() == b""
    server.send("0\r\n\r\n")
    assert client.chunk() == b""


def test_neither_side_waits_for_the_other_to_be_read(served: Served, upstream: Upstream) -> None:
    """An upstream that answers as it reads, before a client that reads only when it has sent all."""
    size = 32 << 20
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {size}\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
    echo = Thread(target=_echo, args=(server, size))
    echo.start()
    sender = Thread(target=client.send, args=(bytes(size),))
    sender.start()
    client.head()
    received = _drain(client, size)
    sender.join()
    echo.join()
    assert received == size


def test_an_answer_that_comes_early_is_passed_on_early(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\nstart")
    server = upstream.accept()
    server.head()
    assert server.exactly(5) == b"start"
    server.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
    answer = client.answer()
    assert (answer.status, answer.body, answer["Connection"]) == (413, b"no", "close")


def test_an_early_answer_of_an_upstream_that_closed_reaches_a_client_that_sends_on(
    served: Served, upstream: Upstream
) -> None:
    size = 64 << 20
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {size}\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").half_close()
    client.send(bytes(size))
    answer = client.answer()
    assert (answer.status, answer.body) == (413, b"no")


def test_a_large_answer_needs_little_memory(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node))
    client = process.connect().send(GET)
    server = upstream.accept()
    server.head()
    before = process.memory()
    server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")
    sender = Thread(target=_pour, args=(server, LARGE))
    sender.start()
    client.head()
    assert _drain(client, LARGE) == LARGE
    sender.join()
    assert process.memory() - before < GROWTH


def test_a_large_request_needs_little_memory(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node))
    client = process.connect()
    before = process.memory()
    client.send("POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
    server = upstream.accept()
    server.head()
    sender = Thread(target=_pour_chunks, args=(client, LARGE))
    sender.start()
    received = 0
    while part := server.chunk():
        received += len(part)
    sender.join()
    assert received == LARGE
    assert process.memory() - before < GROWTH
    server.send(OK)
    assert client.answer().body == b"hi"


def test_a_client_that_does_not_read_stops_the_upstream(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node))
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")
    server.socket.settimeout(0.5)
    sent = 0
    try:
        while sent < LARGE:
            sent += server.socket.send(bytes(1 << 20))
    except TimeoutError:
        pass
    assert sent < LARGE / 2
    client.close()


def _pour(peer: Peer, count: int) -> None:
    block = bytes(1 << 20)
    for _ in range(count // len(block)):
        peer.send(block)


def _pour_chunks(peer: Peer, count: int) -> None:
    block = b"%x\r\n%b\r\n" % (1 << 20, bytes(1 << 20))
    for _ in range(count >> 20):
        peer.send(block)
    peer.send("0\r\n\r\n")


def _drain(peer: Peer, count: int) -> int:
    received = len(peer.unread)
    peer.unread = b""
    while received < count and (part := peer.socket.recv(1 << 20)):
        received += len(part)
    return received


def _echo(peer: Peer, count: int) -> None:
    left = count
    while left:
        part = peer.unread or peer.socket.recv(1 << 16)
        peer.unread = b""
        peer.send(part)
        left -= len(part)
