"""Upstreams that break HTTP/2: the client gets a 502, or an answer whose lack shows, and never a forged one."""

import contextlib
from collections.abc import Callable

import pytest
from dialogue import Peer, Upstream
from frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INTERNAL_ERROR,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2,
    frame,
)
from gateways import Served, route
from http2_node import Node, accept

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"


@pytest.fixture
def http2(serve: Serve, upstream: Upstream) -> Served:
    """A gateway whose upstream is spoken to in HTTP/2."""
    return serve(route(upstream.node, upstream__http_version=2))


def head(*fields: tuple[str, str], end: bool = True) -> Callable[[Node], bytes]:
    """A head of an answer, whatever its fields."""
    return lambda node: node.headers(1, fields, end=end)


def raw(*frames: bytes) -> Callable[[Node], bytes]:
    """Frames as they are."""
    return lambda _node: b"".join(frames)


BROKEN: dict[str, Callable[[Node], bytes]] = {
    "no status": head(("x-a", "b")),
    "status that is no number": head((":status", "2x0")),
    "status out of range": head((":status", "99")),
    "two statuses": head((":status", "200"), (":status", "200")),
    "status behind a field": head(("x-a", "b"), (":status", "200")),
    "101": head((":status", "101"), end=False),
    "name in upper case": head((":status", "200"), ("X-A", "b")),
    "name with a space": head((":status", "200"), ("x a", "b")),
    "value with CRLF": head((":status", "200"), ("x-a", "b\r\nset-cookie: a=b")),
    "value with NUL": head((":status", "200"), ("x-a", "b\0c")),
    "connection": head((":status", "200"), ("connection", "close")),
    "transfer-encoding": head((":status", "200"), ("transfer-encoding", "chunked")),
    "keep-alive": head((":status", "200"), ("keep-alive", "timeout=5")),
    "upgrade": head((":status", "200"), ("upgrade", "h2c")),
    "content-length that is no number": head((":status", "200"), ("content-length", "a")),
    "content-length twice": head((":status", "200"), ("content-length", "0"), ("content-length", "0")),
    "content-length without content": head((":status", "200"), ("content-length", "5")),
    "DATA before HEADERS": raw(frame(DATA, 0, 1, b"early")),
    "header block that is no HPACK": raw(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff")),
    "index that no table has": raw(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xfe")),
    "Huffman code that is none": raw(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x82\xff\xff\x01a")),
    "HEADERS on stream 0": raw(frame(HEADERS, END_HEADERS, 0, b"\x88")),
    "HEADERS on a stream that is the server's": raw(frame(HEADERS, END_HEADERS, 2, b"\x88")),
    "HEADERS on a stream nobody opened": raw(frame(HEADERS, END_HEADERS, 99, b"\x88")),
    "CONTINUATION alone": raw(frame(CONTINUATION, END_HEADERS, 1, b"\x88")),
    "frame within a header block": raw(frame(HEADERS, 0, 1, b"\x88"), frame(PING, payload=b"12345678")),
    "frame that is too large": raw(frame(DATA, 0, 1, b"x" * 16_385)),
    "settings of a wrong length": raw(frame(SETTINGS, payload=b"12345")),
    "window of no size": raw(frame(WINDOW_UPDATE, 0, 0, bytes(4))),
    "window beyond its limit": raw(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")),
    "push that was declined": raw(frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2\x88")),
    "padding longer than the frame": raw(frame(DATA, 0x8, 1, b"\xffab")),
    "RST_STREAM of a wrong length": raw(frame(RST_STREAM, 0, 1, b"123")),
    "HTTP/1": raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_upstream_that_breaks_the_protocol_is_502(http2: Served, upstream: Upstream, what: str) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    node.request()
    node.send(BROKEN[what](node))
    answer = client.answer()
    assert answer.status == 502, answer
    assert answer["Proxy-Status"] == 'gatewright; error=http_protocol_error; details="UP"'
    assert http2.log.next() == "UP 502 502 GET / HTTP/1.1"
    assert "protocol" in http2.errors.with_text("upstream node failed")
    client.send(GET)
    anew = accept(upstream)
    anew.respond(anew.request().stream, body=b"hi")
    assert client.answer().body == b"hi"


def begun(http2: Served, upstream: Upstream) -> tuple[Peer, Node]:
    """A client that has the head and some of its answer, and the upstream's side."""
    client = http2.ask(GET)
    node = accept(upstream)
    stream = node.request().stream
    node.begin(stream).data(stream, b"some")
    assert client.head().line == "HTTP/1.1 200 OK"
    assert client.chunk() == b"some"
    return client, node


END: dict[str, Callable[[Node], object]] = {
    "reset": lambda node: node.reset(1, INTERNAL_ERROR),
    "reset without an error": lambda node: node.reset(1, 0),
    "connection error": lambda node: node.send(frame(DATA, 0, 0, b"a")),
    "second head": lambda node: node.send(node.headers(1, [(":status", "200")], end=False)),
    "closed connection": lambda node: node.peer.half_close(),
    "GOAWAY, then closed": lambda node: node.go_away(1).peer.half_close(),
}


@pytest.mark.parametrize("what", END)
def test_an_answer_that_lacks_its_end_is_cut(http2: Served, upstream: Upstream, what: str) -> None:
    client, node = begun(http2, upstream)
    END[what](node)
    assert client.ended()
    assert http2.log.next().startswith(("UC 200", "UP 200"))


@pytest.mark.parametrize("what", END)
def test_a_stream_whose_answer_lacks_its_end_is_reset(http2: Served, upstream: Upstream, what: str) -> None:
    client = Http2(http2.connect()).open()
    client.ask(1)
    node = accept(upstream)
    stream = node.request().stream
    node.begin(stream).data(stream, b"some")
    client.until(DATA)
    END[what](node)
    answer = client.answer(1)
    assert (answer.reset, answer.ended) == (INTERNAL_ERROR, False)


def test_content_that_is_shorter_than_its_length_is_cut(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    stream = node.request().stream
    node.begin(stream, content_length="9").data(stream, b"some")
    assert client.head()["Content-Length"] == "9"
    assert client.exactly(4) == b"some"
    node.data(stream, b"", end=True)
    assert client.ended()


def test_content_that_is_longer_than_its_length_is_not_passed_on(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    stream = node.request().stream
    head = node.headers(stream, [(":status", "200"), ("content-length", "1")], end=False)
    node.send(head, frame(DATA, END_STREAM, stream, b"long"))
    assert client.answer().status == 502
    assert http2.log.next().startswith("UP 502 ")


def test_an_interim_head_that_ends_the_stream_is_no_answer(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    node.begin(node.request().stream, 103, end=True)
    assert client.head().line == "HTTP/1.1 103 Early Hints"
    assert client.answer().status == 502


def test_a_pseudo_header_field_of_a_request_is_not_passed_on(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    stream = node.request().stream
    node.send(node.headers(stream, [(":status", "204"), (":path", "/")]))
    assert ":path" not in client.answer()


def test_content_of_an_answer_that_has_none_is_not_passed_on(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET.replace("GET", "HEAD"))
    node = accept(upstream)
    stream = node.request().stream
    node.begin(stream).data(stream, b"content", end=True)
    client.head()
    assert client.ended()


def test_a_broken_stream_leaves_the_others(http2: Served, upstream: Upstream) -> None:
    whole = http2.ask(GET)
    node = accept(upstream)
    first = node.request().stream
    broken = http2.ask(GET)
    second = node.request().stream
    node.send(node.headers(second, [(":status", "200"), ("connection", "close")]))
    assert broken.answer().status == 502
    node.respond(first, body=b"whole")
    assert whole.answer().body == b"whole"


def test_a_head_of_a_megabyte_is_502(http2: Served, upstream: Upstream) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    stream = node.request().stream
    block = b"\x88" + b"".join(b"\x00\x03x-a\x7f\x81\x07" + b"v" * 263 for _ in range(4_000))
    parts = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    frames = [frame(HEADERS, 0, stream, parts[0]), *(frame(CONTINUATION, 0, stream, part) for part in parts[1:])]
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        node.send(*frames, frame(CONTINUATION, END_HEADERS, stream))
    assert client.answer().status == 502


@pytest.mark.parametrize("kind", [PING, SETTINGS])
def test_a_flood_ends_the_connection(http2: Served, upstream: Upstream, kind: int) -> None:
    client = http2.ask(GET)
    node = accept(upstream)
    node.request()
    flood = frame(kind, payload=b"12345678" if kind == PING else b"") * 1_000
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        node.send(flood)
    assert client.answer().status == 502
