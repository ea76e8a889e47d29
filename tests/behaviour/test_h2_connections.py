"""The life of HTTP/2 connections and streams: who leaves, who is cut, who waits too long, and drains."""

import contextlib
import signal
from collections.abc import Callable

import pytest
from dialogue import Upstream
from frames import (
    CANCEL,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    Http2,
    frame,
    head,
)
from gateways import Process, Served, patiently, route

Serve = Callable[..., Served]
Run = Callable[..., Process]

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def client(served: Served) -> Http2:
    """A client that speaks HTTP/2 without asking."""
    return Http2(served.connect()).open()


def reset(stream: int) -> bytes:
    """The bytes with which a client gives a request up."""
    return frame(RST_STREAM, stream=stream, payload=CANCEL.to_bytes(4, "big"))


def test_a_stream_that_is_reset_ends_its_request(served: Served, upstream: Upstream, client: Http2) -> None:
    client.ask(1).ask(3, "/other")
    servers = [upstream.accept(), upstream.accept()]
    paths = {server.head().line.split()[1]: server for server in servers}
    client.send(reset(1))
    assert paths["/"].ended()
    assert served.log.next() == "DC 499 - GET / HTTP/2.0"
    paths["/other"].send(OK)
    assert client.answer(3).status == 200


def test_a_stream_that_is_reset_at_once_asks_nobody(served: Served, upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, head()), reset(1), client.headers(3, head("/other")))
    assert upstream.accept().send(OK).head().line == "GET /other HTTP/1.1"
    assert client.answer(3).status == 200
    assert upstream.untouched()


def test_a_stream_that_is_reset_amid_its_answer_ends_it(served: Served, upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
    client.until(DATA, 1)
    client.send(reset(1))
    assert server.ended()
    assert served.log.next() == "DC 200 200 GET / HTTP/2.0"


def test_a_stream_that_is_reset_amid_its_body_ends_the_request(
    served: Served, upstream: Upstream, client: Http2
) -> None:
    client.send(client.headers(1, head(method="POST", content_length="10"), end=False), frame(DATA, 0, 1, b"half"))
    server = upstream.accept()
    server.head()
    assert server.exactly(4) == b"half"
    client.send(reset(1))
    assert server.ended()
    assert served.log.next().startswith("DC ")


@pytest.mark.parametrize("how", ["close", "reset", "half_close"])
def test_a_client_that_leaves_ends_all_its_requests(
    served: Served, upstream: Upstream, client: Http2, how: str
) -> None:
    client.opened().ask(1).ask(3)
    servers = [upstream.accept(), upstream.accept()]
    for server in servers:
        server.head()
    getattr(client.peer, how)()
    assert all(server.ended() for server in servers)
    assert {served.log.next() for _ in servers} == {"DC 499 - GET / HTTP/2.0"}


@pytest.mark.parametrize(
    "framing", ["Content-Length: 100\r\n\r\nstart", "Transfer-Encoding: chunked\r\n\r\n5\r\nstart\r\n"]
)
def test_an_answer_that_is_cut_is_no_whole_one(served: Served, upstream: Upstream, client: Http2, framing: str) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    server.send(f"HTTP/1.1 200 OK\r\n{framing}")
    client.until(DATA, 1)
    server.close()
    answer = client.answer(1)
    assert (answer.ended, answer.reset) == (False, INTERNAL_ERROR)
    assert served.log.next() == "UC 200 200 GET / HTTP/2.0"


def test_an_upstream_that_breaks_its_promise_is_answered(served: Served, upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    upstream.accept().send("garbage\r\n\r\n").head()
    assert client.answer(1).status == 502
    assert served.log.next() == "UP 502 502 GET / HTTP/2.0"


def test_a_stale_connection_is_replaced(upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer(1).status == 200
    client.ask(3, method="PUT", body=b"again")
    assert server.request().body == b"again"
    server.close()
    again = upstream.accept()
    assert again.request().body == b"again"
    again.send(OK)
    assert client.answer(3).status == 200


def test_streams_beyond_the_limit_are_refused(client: Http2, upstream: Upstream) -> None:
    client.opened()
    for stream in range(1, 203, 2):
        client.ask(stream)
    assert client.answer(201).reset == REFUSED_STREAM
    assert len([upstream.accept() for _ in range(100)]) == 100


def test_a_client_that_says_nothing_is_ended(serve: Serve) -> None:
    served = serve(http__client_header_timeout=1)
    assert Http2(served.connect()).open().farewell() == NO_ERROR
    assert Http2(served.connect().send(PREFACE)).farewell() == NO_ERROR


def test_an_invalid_preface_ends_the_connection(served: Served) -> None:
    client = served.connect().send("SOME OTHER PREFACE\r\n\r\n")
    client.half_close()
    assert client.rest() == b""
    assert served.log.next() == "CR 400 - SOME OTHER PREFACE"


def test_a_head_that_does_not_end_is_ended(serve: Serve) -> None:
    served = serve(http__client_header_timeout=1)
    client = Http2(served.connect()).open().opened()
    client.send(frame(HEADERS, END_STREAM, 1, client.block(head())))
    assert client.farewell() == NO_ERROR


def test_an_idle_connection_is_ended(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__keepalive_timeout=1)
    client = Http2(served.connect()).open().ask(1)
    upstream.accept().send(OK).head()
    assert client.answer(1).status == 200
    assert client.farewell() == NO_ERROR


def test_a_body_that_stalls_is_ended(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_body_timeout=1)
    client = Http2(served.connect()).open()
    client.send(client.headers(1, head(method="POST"), end=False), frame(DATA, 0, 1, b"some"))
    upstream.accept().head()
    assert client.answer(1).status == 408
    assert served.log.next().startswith("CT 408 ")


def test_an_answer_that_is_not_taken_is_ended(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__send_timeout=1)
    client = Http2(served.connect()).open((INITIAL_WINDOW_SIZE, 10)).ask(1)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "x" * 100)
    answer = client.answer(1)
    assert (answer.body, answer.reset) == (b"x" * 10, INTERNAL_ERROR)
    assert served.log.next() == "CS 200 200 GET / HTTP/2.0"


def test_an_upstream_that_is_silent_is_ended(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, upstream__timeout={"connect": 1, "send": 1, "read": 1}))
    client = Http2(served.connect()).open().ask(1, method="POST", body=b"")
    upstream.accept().head()
    assert client.answer(1).status == 504


def test_a_client_that_broke_the_protocol_is_not_listened_to_for_long(upstream: Upstream, client: Http2) -> None:
    client.opened().ask(1)
    upstream.accept().head()
    client.send(frame(DATA, stream=0, payload=b"of no stream"))
    assert client.farewell() == PROTOCOL_ERROR
    with contextlib.suppress(OSError):
        for _ in patiently():
            client.peer.socket.send(b"more")
        pytest.fail("it listens on")


def test_a_drain_finishes_what_is_under_way(run: Run, upstream: Upstream) -> None:
    running = run(route(upstream.node))
    running.settle()
    client = Http2(running.connect()).open().opened().ask(1)
    server = upstream.accept()
    server.head()
    running.signal(signal.SIGTERM)
    client.until(GOAWAY)
    server.send(OK)
    answer = client.answer(1)
    assert (answer.status, answer.body) == (200, b"ok")
    assert client.farewell() == NO_ERROR
    assert running.ended() == 0


def test_a_drain_ends_idle_connections(run: Run) -> None:
    running = run()
    running.settle()
    client = Http2(running.connect()).open().opened()
    running.signal(signal.SIGTERM)
    assert client.farewell() == NO_ERROR
    assert running.ended() == 0


def test_a_request_that_crosses_the_farewell_is_served(run: Run, upstream: Upstream) -> None:
    running = run(route(upstream.node))
    running.settle()
    client = Http2(running.connect()).open().opened()
    running.signal(signal.SIGTERM)
    client.peer.socket.recv(1, 2)  # peeks: the farewell has come, and is not answered yet
    client.ask(1)
    upstream.accept().send(OK).head()
    assert client.answer(1).status == 200
    assert running.ended() == 0


def test_connections_are_counted(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__access_log_format="$connection_requests $server_protocol $bytes_sent")
    client = Http2(served.connect()).open()
    for stream in (1, 3):
        client.ask(stream)
        server = upstream.current()
        server.head()
        server.send(OK)
        client.answer(stream)
    assert [served.log.next().split()[:2] for _ in range(2)] == [["1", "HTTP/2.0"], ["2", "HTTP/2.0"]]
