"""HTTP/2 requests that cannot be said in HTTP/1, or say two things: none of them reaches an upstream."""

from collections.abc import Callable

import pytest
from dialogue import Upstream
from frames import DATA, END_HEADERS, END_STREAM, HEADERS, Http2, frame, head
from gateways import Served

Serve = Callable[..., Served]

Fields = list[tuple[str, str]]

GET: Fields = head()
POST: Fields = head(method="POST")


def without(name: str) -> Fields:
    """An ordinary request without a field."""
    return [pair for pair in GET if pair[0] != name]


def having(name: str, value: str) -> Fields:
    """An ordinary request with another value of a pseudo-header field."""
    return [(key, value if key == name else old) for key, old in GET]


MALFORMED: dict[str, Fields] = {
    "no method": without(":method"),
    "no scheme": without(":scheme"),
    "no path": without(":path"),
    "no path and no authority": [pair for pair in without(":path") if pair[0] != ":authority"],
    "no authority and no host": without(":authority"),
    "empty method": having(":method", ""),
    "empty path": having(":path", ""),
    "empty authority": having(":authority", ""),
    "method with a space": having(":method", "GET /admin HTTP/1.1\r\nX: y"),
    "method with CRLF": having(":method", "GET\r\n"),
    "method with a colon": having(":method", "GET:"),
    "path without slash": having(":path", "admin"),
    "path that begins with a query": having(":path", "?a"),
    "path with a space": having(":path", "/a b"),
    "path that ends the request line": having(":path", "/ HTTP/1.1\r\nX-Smuggled: 1\r\n\r\nGET /b"),
    "path with CR": having(":path", "/a\rb"),
    "path with LF": having(":path", "/a\nb"),
    "path with NUL": having(":path", "/a\0b"),
    "path with a tab": having(":path", "/a\tb"),
    "path with DEL": having(":path", "/a\x7fb"),
    "path with a byte above ASCII": having(":path", "/\u00e9"),
    "path that is an absolute target": having(":path", "http://other/"),
    "path that is an asterisk, of GET": having(":path", "*"),
    "path with a fragment": having(":path", "/a#b"),
    "query with a fragment": having(":path", "/a?b#c"),
    "path that is a fragment": having(":path", "#a"),
    "scheme that is another": having(":scheme", "ftp"),
    "scheme with a path": having(":scheme", "http://other/?"),
    "scheme with CRLF": having(":scheme", "http\r\n"),
    "authority with user information": having(":authority", "user@shop"),
    "authority with a path": having(":authority", "shop/admin"),
    "authority with a space": having(":authority", "shop other"),
    "authority with CRLF": having(":authority", "shop\r\nX-Smuggled: 1"),
    "authority with a port that is none": having(":authority", "shop:80a"),
    "authority with two ports": having(":authority", "shop:80:90"),
    "two methods": [*GET, (":method", "POST")],
    "two paths": [*GET, (":path", "/other")],
    "two schemes": [*GET, (":scheme", "https")],
    "two authorities": [*GET, (":authority", "other")],
    "pseudo-header field behind a field": [*GET[:3], ("x-a", "b"), GET[3]],
    "pseudo-header field that is unknown": [*GET, (":other", "a")],
    "pseudo-header field of an answer": [*GET, (":status", "200")],
    "protocol without CONNECT": [*GET, (":protocol", "websocket")],
    "host that is another": [*GET, ("host", "other")],
    "two hosts": [*without(":authority"), ("host", "shop"), ("host", "shop")],
    "host with user information": [*without(":authority"), ("host", "user@shop")],
    "connection": [*GET, ("connection", "close")],
    "keep-alive": [*GET, ("keep-alive", "timeout=5")],
    "proxy-connection": [*GET, ("proxy-connection", "keep-alive")],
    "transfer-encoding": [*GET, ("transfer-encoding", "chunked")],
    "upgrade": [*GET, ("upgrade", "websocket")],
    "te that is not trailers": [*GET, ("te", "gzip")],
    "te with more than trailers": [*GET, ("te", "trailers, gzip")],
    "name in upper case": [*GET, ("X-A", "b")],
    "empty name": [*GET, ("", "a")],
    "name with a colon": [*GET, ("x:y", "a")],
    "name with a space": [*GET, ("x y", "a")],
    "name with CRLF": [*GET, ("x\r\ny", "a")],
    "name that ends the head": [*GET, ("x: y\r\n\r\nget / http/1.1\r\nz", "a")],
    "name with NUL": [*GET, ("x\0", "a")],
    "name above ASCII": [*GET, ("x\u00e9", "a")],
    "value with CR": [*GET, ("x-a", "b\rc")],
    "value with LF": [*GET, ("x-a", "b\nc")],
    "value with CRLF and a field": [*GET, ("x-a", "b\r\ntransfer-encoding: chunked")],
    "value with NUL": [*GET, ("x-a", "b\0c")],
    "value that begins with a space": [*GET, ("x-a", " b")],
    "value that ends with a tab": [*GET, ("x-a", "b\t")],
    "content-length that is no number": [*GET, ("content-length", "a")],
    "content-length with a sign": [*GET, ("content-length", "+0")],
    "content-length that is a list": [*GET, ("content-length", "0, 0")],
    "content-length that is empty": [*GET, ("content-length", "")],
    "content-length twice": [*GET, ("content-length", "0"), ("content-length", "0")],
    "content-length of more than comes": [*GET, ("content-length", "5")],
    "expectation that is unknown": [*GET, ("expect", "200-maybe")],
}


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("huffman", [False, True], ids=["plain", "huffman"])
def test_a_malformed_request_reaches_nobody(served: Served, upstream: Upstream, what: str, huffman: bool) -> None:
    client = Http2(served.connect()).open()
    block = client.encoder.encode(_bytes(MALFORMED[what]), huffman=huffman)
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    assert refused(client)
    assert upstream.untouched()


@pytest.mark.parametrize(
    ("length", "pieces"),
    [("5", [b"1234"]), ("5", [b"123456"]), ("5", [b"12345", b"6"]), ("0", [b"1"]), ("5", [b""])],
    ids=["less", "more", "more, later", "some for none", "none for some"],
)
def test_content_that_does_not_add_up_reaches_nobody(
    served: Served, upstream: Upstream, length: str, pieces: list[bytes]
) -> None:
    client = Http2(served.connect()).open()
    frames = [client.headers(1, [*POST, ("content-length", length)], end=False)]
    frames += [frame(DATA, 0, 1, piece) for piece in pieces[:-1]]
    client.send(*frames, frame(DATA, END_STREAM, 1, pieces[-1]))
    assert refused(client)
    assert upstream.untouched()


@pytest.mark.parametrize(
    "trailers",
    [[(":method", "GET")], [("connection", "close")], [("X-A", "b")], [("x-a", "b\r\nc")]],
    ids=["pseudo-header", "of a connection", "upper case", "CRLF"],
)
def test_malformed_trailers_reach_nobody(served: Served, upstream: Upstream, trailers: Fields) -> None:
    client = Http2(served.connect()).open()
    client.send(client.headers(1, POST, end=False), frame(DATA, 0, 1, b"some"), client.headers(1, trailers, end=True))
    assert refused(client)
    assert upstream.untouched()


def test_a_path_from_the_table_is_looked_at_again(served: Served, upstream: Upstream) -> None:
    """A path that was refused stays in the table of names, and is referred to by a byte."""
    client = Http2(served.connect()).open()
    client.send(client.headers(1, [*having(":path", "/a#b"), ("x-a", "b\r\nc")]))
    try:
        client.answer(1)
        client.send(client.headers(3, having(":path", "/a#b")))
        refused(client, 3)
    except (AssertionError, OSError):
        pass
    assert upstream.untouched()


def test_it_is_logged(served: Served) -> None:
    client = Http2(served.connect()).open()
    client.send(client.headers(1, having(":authority", "user@shop")))
    client.answer(1)
    assert served.log.next() == "CR 400 - GET / HTTP/2.0"


def refused(client: Http2, stream: int = 1) -> bool:
    """Whether the stream is reset, refused with an answer, or the connection ended."""
    try:
        answer = client.answer(stream)
    except (AssertionError, OSError):
        return True
    return answer.reset not in (None, 0) or 400 <= answer.status < 500


def _bytes(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
