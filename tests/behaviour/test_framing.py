"""Where bodies end, on both sides."""

from contextlib import suppress

import pytest
from dialogue import Upstream
from gateways import Served

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_an_answer_to_head_has_the_length_and_no_body(served: Served, upstream: Upstream) -> None:
    client = served.ask("HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n")
    server = upstream.accept()
    assert server.head().line == "HEAD / HTTP/1.1"
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    assert client.answer(to="HEAD")["Content-Length"] == "1000"
    client.send(GET)
    assert server.head().line == "GET / HTTP/1.1"
    server.send(OK)
    assert client.answer().body == b"hi"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_is_followed_by_the_next(served: Served, upstream: Upstream, status: str) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n")
    answer = client.answer()
    assert answer.line == f"HTTP/1.1 {status}"
    assert "Content-Length" not in answer
    assert "Transfer-Encoding" not in answer
    client.send(GET)
    server.head()
    server.send(OK)
    assert client.answer().body == b"hi"


def test_a_304_keeps_the_length_of_what_was_not_sent(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n")
    assert client.answer()["Content-Length"] == "1000"
    client.send(GET)
    server.head()


def test_an_empty_answer_is_announced(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    answer = client.answer()
    assert (answer["Content-Length"], answer.body) == ("0", b"")


def test_chunks_pass_both_ways_with_their_trailers(served: Served, upstream: Upstream) -> None:
    client = served.ask(
        "POST / HTTP/1.1\r\nHost: shop\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;part=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"
    )
    server = upstream.accept()
    request = server.request()
    assert (request.body, request.trailers) == (b"hello world", [("X-Sum", "11")])
    server.send("HTTP/1.1 200 OK\r\nTrailer: X-Took\r\nTransfer-Encoding: chunked\r\n\r\n")
    server.send("2;x\r\nhi\r\n0\r\nX-Took: 5\r\n\r\n")
    answer = client.answer()
    assert (answer.body, answer.trailers) == (b"hi", [("X-Took", "5")])
    client.send(GET)
    assert server.head().line == "GET / HTTP/1.1"


def test_an_empty_chunked_body_stays_chunked(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    server = upstream.accept()
    request = server.request()
    assert (request["Transfer-Encoding"], request.body) == ("chunked", b"")
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert client.answer().body == b""


def test_chunks_may_come_byte_by_byte(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
    for byte in '3\r\nabc\r\n1;q="a"\r\nd\r\n0\r\nA: b\r\n\r\n':
        client.send(byte)
    server = upstream.accept()
    request = server.request()
    assert (request.body, request.trailers) == (b"abcd", [("A", "b")])
    for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n":
        server.send(byte)
    assert client.answer().body == b"ab"


def test_a_body_of_known_length_may_come_byte_by_byte(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\n")
    for byte in "abc":
        client.send(byte)
    server = upstream.accept()
    assert server.request().body == b"abc"
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    for byte in "xyz":
        server.send(byte)
    assert client.answer().body == b"xyz"


def test_http_1_0_gets_chunks_as_plain_bytes_until_the_end(served: Served, upstream: Upstream) -> None:
    client = served.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyo!\r\n0\r\nT: x\r\n\r\n")
    answer = client.answer()
    assert "Transfer-Encoding" not in answer
    assert (answer["Connection"], answer.body) == ("close", b"hiyo!")


def test_http_1_1_gets_chunks_where_the_upstream_ends_by_closing(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\n\r\nto the")
    assert client.head()["Transfer-Encoding"] == "chunked"
    assert client.chunk() == b"to the"
    server.send(" end").close()
    assert client.chunk() == b" end"
    assert client.chunk() == b""
    assert client.until(b"\r\n") == b"\r\n"
    client.send(GET)
    upstream.accept().send(OK)
    assert client.answer().body == b"hi"


def test_http_1_0_sees_the_end_of_an_answer_that_ends_by_closing(served: Served, upstream: Upstream) -> None:
    client = served.ask("GET / HTTP/1.0\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.0 200 OK\r\n\r\nto the end").close()
    assert client.answer().body == b"to the end"


@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_answer_that_is_too_short_is_not_made_whole(served: Served, upstream: Upstream, end: str) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    assert client.head()["Content-Length"] == "10"
    assert client.exactly(4) == b"half"
    getattr(server, end)()
    assert client.ended()
    assert served.log.next() == "UC 200 200 GET / HTTP/1.1"


def test_chunks_that_break_off_are_not_ended(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    client.head()
    assert client.chunk() == b"half"
    server.close()
    assert client.ended()
    assert served.log.next().startswith("UC 200 ")


def test_a_malformed_chunk_ends_an_answer_that_has_begun(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    client.head()
    assert client.chunk() == b"half"
    server.send("zz\r\n")
    assert client.ended()
    assert served.log.next().startswith("UP 200 ")


MALFORMED = {
    "two lengths": "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "length and coding": "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "bare line feed": "A: b\nContent-Length: 2\r\n\r\nhi",
    "folded line": "A: b\r\n c\r\nContent-Length: 2\r\n\r\nhi",
    "space before the colon": "Content-Length : 2\r\n\r\nhi",
    "control character": "A: \x00\r\nContent-Length: 2\r\n\r\nhi",
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_answer_is_502(served: Served, upstream: Upstream, fields: str) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\n" + fields)
    assert client.answer().status == 502
    assert server.ended()
    assert served.log.next().startswith("UP 502 ")


def test_a_head_of_an_answer_that_is_too_large_is_502(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\n" + "".join(f"X-{n}: {'x' * 1000}\r\n" for n in range(80)))
    assert client.answer().status == 502
    assert served.log.next().startswith("UP 502 ")


def test_a_reason_phrase_is_passed_on(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 299 Quite Fine\r\nContent-Length: 0\r\n\r\n")
    assert client.answer().line == "HTTP/1.1 299 Quite Fine"


def test_a_head_of_an_answer_may_be_large(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    fields = [(f"X-{number}", "x" * 1000) for number in range(50)]
    server.send(
        "HTTP/1.1 200 OK\r\n", *(f"{name}: {value}\r\n" for name, value in fields), "Content-Length: 2\r\n\r\nhi"
    )
    answer = client.answer()
    assert [field for field in answer.fields if field[0].startswith("X-")] == fields
    assert answer.body == b"hi"


def test_trailers_that_are_too_large_end_an_answer(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
    client.head()
    assert client.chunk() == b"hi"
    with suppress(BrokenPipeError, ConnectionResetError):
        server.send("0\r\n", *(f"X-{number}: {'x' * 1000}\r\n" for number in range(100)), "\r\n")
    assert client.ended()
    assert served.log.next().startswith("UP 200 ")


def test_a_body_that_follows_an_answer_without_one_is_nobody_s(served: Served, upstream: Upstream) -> None:
    client = served.ask("HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    client.answer(to="HEAD")
    client.send(GET)
    second = upstream.accept()
    second.head()
    second.send(OK)
    assert client.answer().body == b"hi"
