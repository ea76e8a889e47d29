"""HTTP/2 from clients: requests and answers."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest
from authority import Authority
from dialogue import PATIENCE, Peer, Upstream
from frames import DATA, END_STREAM, HEADERS, NO_ERROR, WINDOW_UPDATE, Http2, frame, head
from gateways import Served, route

Serve = Callable[..., Served]

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def client(served: Served) -> Http2:
    """A client that speaks HTTP/2 without asking."""
    return Http2(served.connect()).open()


def test_a_request_reaches_an_http1_upstream(served: Served, upstream: Upstream, client: Http2) -> None:
    client.ask(1, "/a?b=c", user_agent="test")
    request = upstream.accept().send(OK).head()
    assert request.line == "GET /a?b=c HTTP/1.1"
    assert request["Host"] == "shop"
    assert request["user-agent"] == "test"
    assert request["Via"] == "2.0 gatewright"
    assert "Transfer-Encoding" not in request
    answer = client.answer(1)
    assert (answer.status, answer.body, answer["content-length"]) == (200, b"ok", "2")
    assert "connection" not in answer
    assert served.log.next() == "- 200 200 GET /a?b=c HTTP/2.0"


def test_the_body_ends_with_its_last_frame(upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    upstream.accept().send(OK).head()
    while (read := client.next()).kind != DATA:
        pass
    assert (read.flags & END_STREAM, read.payload) == (1, b"ok")


def test_tls_agrees_on_it(serve: Serve, upstream: Upstream, authority: Authority) -> None:
    listen = {"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]}
    certificate = authority.issue("shop")
    served = serve(route(upstream.node), apisix__node_listen=[], apisix__ssl=listen, ssls=[certificate.as_ssl("shop")])
    for offered, agreed in ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), ([], None)):
        context = authority.client()
        if offered:
            context.set_alpn_protocols(offered)
        peer = served.connect_tls(context, "shop")
        assert isinstance(peer.socket, ssl.SSLSocket)
        assert peer.socket.selected_alpn_protocol() == agreed
        if agreed == "h2":
            client = Http2(peer).open().ask(1)
            assert upstream.accept().send(OK).head()["X-Forwarded-Proto"] == "https"
            assert client.answer(1).body == b"ok"


def test_it_can_be_turned_off(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), apisix__enable_http2=False)
    client = Http2(served.connect()).open()
    assert client.peer.until(b"\r\n").startswith(b"HTTP/1.1 505 ")


def test_the_preface_may_come_in_pieces(served: Served, upstream: Upstream) -> None:
    peer = served.connect()
    client = Http2(peer)
    for piece in (b"P", b"RI * HT", b"TP/2.0\r\n\r\nSM\r\n", b"\r\n"):
        peer.send(piece)
    client.send(frame(4)).ask(1)
    upstream.accept().send(OK).head()
    assert client.answer(1).status == 200


def test_requests_are_side_by_side(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node))
    client = Http2(served.connect()).open()
    for stream in (1, 3, 5):
        client.ask(stream, f"/{stream}")
    servers = [upstream.accept() for _ in range(3)]
    asked = {server.head().line.split()[1]: server for server in servers}
    for stream in (5, 1, 3):
        asked[f"/{stream}"].send(f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{stream}")
        assert client.answer(stream).body == str(stream).encode()


def test_many_answers_at_a_time_are_whole(upstream: Upstream, client: Http2) -> None:
    streams = range(1, 21, 2)
    client.send(*(client.headers(stream, head(f"/{stream}")) for stream in streams))
    body = "x" * 1500
    for _ in streams:
        server = upstream.accept()
        server.head()
        server.send(f"HTTP/1.1 200 OK\r\nContent-Length: 1500\r\n\r\n{body}")
    assert {client.answer(stream).body for stream in streams} == {body.encode()}


def test_a_body_of_known_length_goes_on_with_it(upstream: Upstream, client: Http2) -> None:
    client.send(
        client.headers(1, head(method="POST", content_length="10"), end=False),
        frame(DATA, 0, 1, b"01234"),
        frame(DATA, END_STREAM, 1, b"56789"),
    )
    request = upstream.accept().send(OK).request()
    assert (request["Content-Length"], request.body) == ("10", b"0123456789")
    assert client.answer(1).status == 200


def test_a_body_of_unknown_length_is_chunked(upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, head(method="POST"), end=False), frame(DATA, 0, 1, b"some"))
    server = upstream.accept()
    request = server.head()
    assert request["Transfer-Encoding"] == "chunked"
    assert server.chunk() == b"some"
    client.send(frame(DATA, 0, 1, b"more"))
    assert server.chunk() == b"more"
    client.send(frame(DATA, END_STREAM, 1))
    assert server.chunk() == b""
    server.send(OK)
    assert client.answer(1).status == 200


def test_trailers_follow_both_bodies(upstream: Upstream, client: Http2) -> None:
    client.send(
        client.headers(1, head(method="POST", te="trailers"), end=False),
        frame(DATA, 0, 1, b"some"),
        client.headers(1, [("x-sum", "1"), ("content-length", "9"), ("host", "other")]),
    )
    server = upstream.accept()
    request = server.request()
    assert (request.body, request.trailers) == (b"some", [("x-sum", "1")])
    assert "TE" not in request
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n")
    server.send("2\r\nok\r\n0\r\nX-End: 1\r\nHost: a\r\n\r\n")
    answer = client.answer(1)
    assert (answer.body, answer.trailers) == (b"ok", [("x-end", "1")])
    assert "transfer-encoding" not in answer


def test_chunks_become_frames(upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    client.until(HEADERS, 1)
    assert client.until(DATA, 1).payload == b"abc"
    server.send("1\r\nd\r\n0\r\n\r\n")
    answer = client.answer(1)
    assert (answer.body, answer.ended, answer.trailers) == (b"abcd", True, [])


def test_an_answer_that_ends_with_its_connection_ends_its_stream(upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\n\r\nall of it").close()
    answer = client.answer(1)
    assert (answer.body, answer.ended) == (b"all of it", True)


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_an_answer_without_body_ends_with_its_head(upstream: Upstream, client: Http2, method: str, status: str) -> None:
    client.ask(1, method=method)
    server = upstream.accept()
    server.head()
    length = "" if status.startswith("204") else "Content-Length: 5\r\n"
    server.send(f"HTTP/1.1 {status}\r\n{length}X-A: b\r\n\r\n")
    while (read := client.next()).kind != HEADERS:
        pass
    assert read.flags & END_STREAM
    assert client.answer(1)["x-a"] == "b"


def test_interim_answers_are_passed_on(upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
    client.until(HEADERS, 1)
    assert client.answers[1].interim == [[(":status", "103"), ("link", "</a.css>")]]
    server.send(OK)
    assert client.answer(1).status == 200


def test_a_client_that_expects_it_is_told_to_go_on(upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, head(method="POST", content_length="4", expect="100-continue"), end=False))
    server = upstream.accept()
    assert server.head()["expect"] == "100-continue"
    server.send("HTTP/1.1 100 Continue\r\n\r\n")
    client.until(HEADERS, 1)
    client.send(frame(DATA, END_STREAM, 1, b"body"))
    assert server.exactly(4) == b"body"
    server.send(OK)
    answer = client.answer(1)
    assert (answer.status, answer.interim) == (200, [[(":status", "100")]])


def test_cookie_crumbs_are_joined(upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, [*head(), ("cookie", "a=1"), ("x-other", "x"), ("cookie", "b=2")]))
    request = upstream.accept().send(OK).head()
    assert request.all("cookie") == ["a=1; b=2"]


def test_host_alone_says_where_to(upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "shop")]))
    assert upstream.accept().send(OK).head()["Host"] == "shop"
    assert client.answer(1).status == 200


def test_a_large_answer_waits_for_the_windows(upstream: Upstream, client: Http2) -> None:
    client.ask(1)
    server = upstream.accept()
    server.head()
    size = 1 << 20
    server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
    server.socket.setblocking(False)
    body, sent = bytes(size), 0
    while sent < size or not client.answers.get(1, None) or not client.answers[1].ended:
        with suppress(BlockingIOError):
            sent += server.socket.send(body[sent:]) if sent < size else 0
        read = client.next()
        if read.kind == DATA and read.payload:
            more = len(read.payload).to_bytes(4, "big")
            client.send(frame(WINDOW_UPDATE, 0, 0, more), frame(WINDOW_UPDATE, 0, 1, more))
    assert len(client.answers[1].body) == size


def test_a_large_body_waits_for_the_upstream(upstream: Upstream, client: Http2) -> None:
    size, window, connection = 4 << 20, 1 << 16, 1 << 16
    client.send(client.headers(1, head(method="POST", content_length=str(size)), end=False))
    server = upstream.accept()
    server.head()
    left, taken = size, 0
    while left:
        if n := min(16384, left, window, connection):
            client.send(frame(DATA, 0 if left > n else END_STREAM, 1, bytes(n)))
            left, window, connection = left - n, window - n, connection - n
            continue
        taken += len(server.exactly(1 << 14))
        read = client.next()
        if read.kind == WINDOW_UPDATE:
            more = int.from_bytes(read.payload, "big")
            window, connection = (window + more, connection) if read.stream else (window, connection + more)
    server.exactly(size - taken)
    server.send(OK)
    assert client.answer(1).status == 200


def test_an_early_answer_ends_the_request(served: Served, upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, head(method="POST"), end=False), frame(DATA, 0, 1, b"some"))
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
    answer = client.answer(1)
    assert (answer.status, answer.body, answer.ended) == (413, b"no", True)
    while client.answers[1].reset is None:
        client.next()
    assert client.answers[1].reset == NO_ERROR
    assert served.log.next().startswith("- 413 413 ")


def test_the_gateways_own_answers_are_answers(serve: Serve) -> None:
    served = serve()
    client = Http2(served.connect()).open().ask(1, "/none")
    answer = client.answer(1)
    assert (answer.status, answer.body) == (404, b'{"error_msg":"404 Route Not Found"}\n')
    assert served.log.next() == "NR 404 - GET /none HTTP/2.0"


def test_connect_is_refused(client: Http2) -> None:
    client.send(client.headers(1, [(":method", "CONNECT"), (":authority", "shop:443")]))
    assert client.answer(1).status == 405


def test_status_is_served(serve: Serve) -> None:
    served = serve(apisix__status={"ip": "127.0.0.1", "port": 0})
    peer = Peer(socket.create_connection(served.addresses[1], PATIENCE))
    answer = Http2(peer).open().ask(1, "/status").answer(1)
    peer.close()
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}\n')


def test_header_limits_are_answered(upstream: Upstream, client: Http2) -> None:
    client.send(client.headers(1, [*head(), *((f"x-{n}", "1") for n in range(101))]))
    assert client.answer(1).status == 431
    client.send(client.headers(3, [*head(), *(("cookie", f"c{n}=1") for n in range(101))]))
    assert client.answer(3).status == 431
    client.send(client.headers(5, [*head(), ("x-long", "x" * 16_000)]))
    assert upstream.accept().send(OK).head()["x-long"] == "x" * 16_000
    assert client.answer(5).status == 200


def test_a_body_larger_than_allowed_is_refused(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_max_body_size=10)
    client = Http2(served.connect()).open()
    client.ask(1, method="POST", body=b"x" * 11, content_length="11")
    assert client.answer(1).status == 413
    client.ask(3, method="POST", body=b"x" * 11)
    assert client.answer(3).status == 413
    assert upstream.untouched()
