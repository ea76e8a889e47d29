"""Upstreams over HTTP/2: what is sent to them, and how their answers reach clients of either version."""

import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest
from authority import Authority
from dialogue import Upstream
from frames import ACK, CANCEL, DATA, NO_ERROR, PING, REFUSED_STREAM, RST_STREAM, Http2, frame, head
from gateways import Served, route
from http2_node import MAX_CONCURRENT_STREAMS, accept

Serve = Callable[..., Served]

GET = "GET /hello?a=b HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def http2(serve: Serve, upstream: Upstream) -> Served:
    """A gateway whose upstream is spoken to in HTTP/2."""
    return serve(route(upstream.node, upstream__http_version=2))


def test_a_request_is_said_in_pseudo_header_fields(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET.replace("\r\n\r\n", "\r\nX-Trace: 1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n"))
    node = accept(upstream)
    request = node.request()
    said = dict(request.fields[:4])
    assert said == {":method": "GET", ":scheme": "http", ":authority": "shop", ":path": "/hello?a=b"}
    assert request["x-trace"] == "1"
    assert request["x-forwarded-for"] == "127.0.0.1"
    for name in ("host", "connection", "x-hop", "transfer-encoding", "te"):
        assert name not in request
    node.respond(request.stream, body=b"hi", server="theirs", x_more="1")
    answer = client.answer()
    assert (answer.status, answer.body, answer["x-more"]) == (200, b"hi", "1")
    assert http2.log.next() == "- 200 200 GET /hello?a=b HTTP/1.1"


def test_a_target_that_no_uri_may_hold_is_escaped(http2: Served, upstream: Upstream) -> None:
    client = http2.ask("GET /a<b>`?c=<d> HTTP/1.1\r\nHost: shop\r\n\r\n")
    node = accept(upstream)
    request = node.request()
    assert request[":path"] == "/a%3Cb%3E%60?c=%3Cd%3E"
    node.respond(request.stream)
    assert client.answer().status == 200


def test_a_body_of_known_length_keeps_it(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(POST)
    node = accept(upstream)
    request = node.request()
    assert (request["content-length"], request.body) == ("4", b"body")
    node.respond(request.stream, body=b"hi", content_length="2")
    answer = client.answer()
    assert (answer["Content-Length"], answer.body) == ("2", b"hi")


def test_chunks_and_trailers_pass_both_ways(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(CHUNKED + "3\r\nabc\r\n")
    node = accept(upstream)
    request = node.head()
    assert "content-length" not in request
    while request.body != b"abc":
        node.next()
    client.send("2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n")
    while not request.ended:
        node.next()
    assert (request.body, request.trailers) == (b"abcde", [("x-sum", "5")])
    node.begin(request.stream).data(request.stream, b"first")
    assert client.head().line == "HTTP/1.1 200 OK"
    assert client.chunk() == b"first"
    node.trail(request.stream, ("x-total", "5"), ("content-length", "9"))
    assert client.chunk() == b""
    assert client.until(b"\r\n\r\n") == b"x-total: 5\r\n\r\n"


def test_an_answer_without_body_has_none(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    node.begin(node.request().stream, 404, end=True)
    answer = client.answer()
    assert (answer.status, answer["Content-Length"]) == (404, "0")
    client.send(GET)
    node.begin(node.request().stream, 204, end=True)
    answer = client.answer()
    assert answer.status == 204
    assert "Content-Length" not in answer


def test_an_answer_to_head_keeps_its_length(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET.replace("GET", "HEAD"))
    node = accept(upstream)
    node.begin(node.request().stream, 200, end=True, content_length="7")
    assert client.answer(to="HEAD")["Content-Length"] == "7"
    client.send(GET)
    node.respond(node.request().stream, body=b"hi")
    assert client.answer().body == b"hi"


def test_interim_answers_are_passed_on(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(POST.replace("\r\n\r\nbody", "\r\nExpect: 100-continue\r\n\r\n"))
    node = accept(upstream)
    request = node.head()
    assert request["expect"] == "100-continue"
    node.begin(request.stream, 100)
    assert client.head().line == "HTTP/1.1 100 Continue"
    client.send("body")
    while not request.ended:
        node.next()
    node.begin(request.stream, 103, link="</a>")
    assert client.head()["link"] == "</a>"
    node.respond(request.stream, body=b"hi")
    assert client.answer().body == b"hi"


def test_an_early_answer_ends_the_upload(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(POST.replace("Length: 4", "Length: 100"))
    node = accept(upstream)
    request = node.head()
    node.respond(request.stream, 413, b"no").reset(request.stream, NO_ERROR)
    answer = client.answer()
    assert (answer.status, answer.body, answer["Connection"]) == (413, b"no", "close")


def test_a_client_of_http_1_0_is_told_the_end_by_the_connections(http2: Served, upstream: Upstream) -> None:
    client = http2.ask("GET / HTTP/1.0\r\n\r\n")
    node = accept(upstream)
    request = node.request()
    assert request[":authority"] == upstream.node
    node.begin(request.stream).data(request.stream, b"some").trail(request.stream, ("x-sum", "4"))
    assert client.rest().endswith(b"\r\n\r\nsome")


def test_requests_at_the_same_time_share_a_connection(http2: Served, upstream: Upstream) -> None:
    clients = [http2.ask(GET) for _ in range(20)]
    node = accept(upstream)
    for _ in clients:
        node.respond(node.request().stream, body=b"hi")
    assert [client.answer().body for client in clients] == [b"hi"] * 20
    assert upstream.untouched()


def test_what_a_server_allows_is_not_exceeded(http2: Served, upstream: Upstream) -> None:
    clients = [http2.ask(GET) for _ in range(3)]
    nodes = [accept(upstream, (MAX_CONCURRENT_STREAMS, 1))]
    first = nodes[0].request()
    nodes += [accept(upstream, (MAX_CONCURRENT_STREAMS, 1)) for _ in range(2)]
    requests = [first, *(node.request() for node in nodes[1:])]
    assert [request.stream for request in requests] == [1, 1, 1]
    for node, request in zip(nodes, requests, strict=True):
        node.respond(request.stream)
    assert [client.answer().status for client in clients] == [200] * 3


def test_a_slow_reader_holds_up_nobody_else(http2: Served, upstream: Upstream) -> None:
    """One client takes nothing of an answer that is larger than all buffers; another asks on the same connection."""
    slow = http2.ask(GET)
    node = accept(upstream)
    stream = node.request().stream
    node.begin(stream)
    node.data(stream, b"x" * 16_384).data(stream, b"x" * 16_384).data(stream, b"x" * 16_384)
    other = http2.ask(GET)
    node.respond(node.request().stream, body=b"hi")
    assert other.answer().body == b"hi"
    node.data(stream, b"", end=True)
    assert len(slow.answer().body) == 3 * 16_384


@pytest.mark.parametrize("chunk", [0, 7, 30_000, 200_000])
def test_an_upload_waits_for_the_upstreams_window(http2: Served, upstream: Upstream, chunk: int) -> None:
    size = 200_000
    if chunk == 0:
        fields = POST.replace("Content-Length: 4\r\n\r\nbody", f"Content-Length: {size}\r\n\r\n")
        client = http2.ask(fields + "x" * size)
    else:
        sizes = [min(chunk, size - at) for at in range(0, size, chunk)]
        client = http2.ask(CHUNKED + "".join(f"{part:x}\r\n{'x' * part}\r\n" for part in sizes) + "0\r\n\r\n")
    node = accept(upstream)
    request = node.head()
    while len(request.body) < 65_535:
        node.next()
    node.credit(0, size).credit(request.stream, size)
    while not request.ended:
        node.next()
    assert len(request.body) == size
    node.respond(request.stream)
    assert client.answer().status == 200


def test_a_client_that_leaves_cancels_its_stream(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    request = node.request()
    client.close()
    assert node.until_reset(request) == CANCEL
    assert http2.log.next().startswith("DC 499")


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED + "4\r\nbody\r\n0\r\n\r\n"])
def test_a_refused_stream_is_sent_again(http2: Served, upstream: Upstream, request_: str) -> None:
    client = http2.ask(request_)
    node = accept(upstream)
    node.reset(node.head().stream, REFUSED_STREAM)
    again = node.request()
    assert (again.stream, again.body) == (3, b"body" if "POST" in request_ else b"")
    node.respond(again.stream, body=b"hi")
    assert client.answer().body == b"hi"
    assert http2.log.next().startswith("- 200 200 ")


def test_a_stream_that_is_refused_again_is_502(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(POST)
    node = accept(upstream)
    for _ in range(2):
        node.reset(node.head().stream, REFUSED_STREAM)
    assert client.answer().status == 502
    assert "stream refused" in http2.errors.with_text("upstream node failed")


@pytest.mark.parametrize("request_", [GET, POST])
def test_streams_above_a_goaway_go_to_another_connection(http2: Served, upstream: Upstream, request_: str) -> None:
    early = http2.ask(GET)
    node = accept(upstream)
    first = node.request()
    late = http2.ask(request_)
    node.request()
    node.go_away(first.stream)
    other = accept(upstream)
    other.respond(other.request().stream, body=b"other")
    assert late.answer().body == b"other"
    node.respond(first.stream, body=b"first")
    assert early.answer().body == b"first"
    early.send(GET)
    other.respond(other.request().stream, body=b"other")
    assert early.answer().body == b"other"


def test_a_connection_that_closed_while_idle_is_replaced(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    node.respond(node.request().stream, body=b"hi")
    assert client.answer().body == b"hi"
    node.peer.close()
    client.send(GET)
    node = accept(upstream)
    node.respond(node.request().stream, body=b"hi")
    assert client.answer().body == b"hi"


def test_a_connection_is_closed_after_its_share_of_requests(serve: Serve, upstream: Upstream) -> None:
    pool = {"size": 4, "idle_timeout": 60, "requests": 2}
    served = serve(route(upstream.node, upstream__http_version=2, upstream__keepalive_pool=pool))
    client = served.connect()
    for _ in range(2):
        client.send(GET)
        node = accept(upstream)
        node.respond(node.request().stream)
        assert client.answer().status == 200
        client.send(GET)
        node.respond(node.request().stream)
        assert client.answer().status == 200


def test_an_idle_connection_is_closed_in_order(serve: Serve, upstream: Upstream) -> None:
    pool = {"size": 4, "idle_timeout": 0.1, "requests": 1000}
    served = serve(route(upstream.node, upstream__http_version=2, upstream__keepalive_pool=pool))
    client = served.ask(GET)
    node = accept(upstream)
    node.respond(node.request().stream)
    assert client.answer().status == 200
    assert node.farewell() == NO_ERROR


def test_pings_are_answered(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    request = node.request()
    node.send(frame(PING, payload=b"12345678"))
    pong = node.until(PING)
    assert (pong.flags, pong.payload) == (ACK, b"12345678")
    node.respond(request.stream)
    assert client.answer().status == 200


def test_a_slow_upstream_is_cancelled(serve: Serve, upstream: Upstream) -> None:
    timeout = {"connect": 5, "send": 5, "read": 0.2}
    served = serve(route(upstream.node, upstream__http_version=2, upstream__timeout=timeout))
    client = served.ask(GET)
    node = accept(upstream)
    request = node.request()
    assert client.answer().status == 504
    assert node.until_reset(request) == CANCEL
    assert served.log.next() == "UT 504 504 GET /hello?a=b HTTP/1.1"


def test_a_connection_that_fell_silent_carries_nothing_more(serve: Serve, upstream: Upstream) -> None:
    timeout = {"connect": 5, "send": 5, "read": 0.2}
    served = serve(route(upstream.node, upstream__http_version=2, upstream__timeout=timeout))
    client = served.ask(GET)
    node = accept(upstream)
    node.respond(node.request().stream)
    assert client.answer().status == 200
    client.send(GET)
    node.request()
    assert client.answer().status == 504
    client.send(GET)
    node = accept(upstream)
    node.respond(node.request().stream)
    assert client.answer().status == 200


def test_a_client_in_http_2_reaches_an_upstream_in_http_2(http2: Served, upstream: Upstream) -> None:
    client = Http2(http2.connect()).open()
    client.ask(1, "/a", "POST", b"body", te="trailers")
    node = accept(upstream)
    request = node.request()
    assert (request[":path"], request.body, request["te"]) == ("/a", b"body", "trailers")
    node.begin(request.stream).data(request.stream, b"hi").trail(request.stream, ("x-sum", "2"))
    answer = client.answer(1)
    assert (answer.status, answer.body, answer.trailers) == (200, b"hi", [("x-sum", "2")])


def test_a_client_in_http_2_gets_an_early_answer(http2: Served, upstream: Upstream) -> None:
    client = Http2(http2.connect()).open()
    client.send(client.headers(1, head("/a", "POST"), end=False), frame(DATA, 0, 1, b"some"))
    node = accept(upstream)
    request = node.head()
    node.respond(request.stream, 413, b"no").reset(request.stream, NO_ERROR)
    answer = client.answer(1)
    assert (answer.status, answer.body, answer.ended) == (413, b"no", True)


def test_a_client_in_http_2_that_cancels_cancels_the_upstreams_stream(http2: Served, upstream: Upstream) -> None:
    client = Http2(http2.connect()).open()
    client.ask(1)
    node = accept(upstream)
    request = node.request()
    client.send(frame(RST_STREAM, 0, 1, CANCEL.to_bytes(4, "big")))
    assert node.until_reset(request) == CANCEL


def test_http_2_is_agreed_on_over_tls(serve: Serve, authority: Authority) -> None:
    context = authority.issue("shop.test", "IP:127.0.0.1").server()
    context.set_alpn_protocols(["h2"])
    secure = Upstream(context)
    trusted = {"enable": False, "ssl_trusted_certificate": str(authority.root.certificate)}
    served = serve(route(secure.node, upstream__scheme="https", upstream__http_version=2), apisix__ssl=trusted)
    client = served.ask(GET.replace("shop", "shop.test"))
    node = accept(secure)
    request = node.request()
    assert request[":scheme"] == "https"
    node.respond(request.stream, body=b"hi")
    assert client.answer().body == b"hi"
    secure.close()


def test_a_server_that_does_not_agree_on_http_2_is_502(serve: Serve, authority: Authority) -> None:
    secure = Upstream(authority.issue("shop.test", "IP:127.0.0.1").server())
    trusted = {"enable": False, "ssl_trusted_certificate": str(authority.root.certificate)}
    served = serve(route(secure.node, upstream__scheme="https", upstream__http_version=2), apisix__ssl=trusted)
    client = served.ask(GET.replace("shop", "shop.test"))
    with suppress(ssl.SSLError):
        secure.accept()
    assert client.answer().status == 502
    assert "does not agree on HTTP/2" in served.errors.with_text("upstream node failed")
    secure.close()
