"""Requests that are refused before any upstream hears of them."""

import json
from collections.abc import Callable

import pytest
from dialogue import Upstream
from gateways import Served, route

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

MALFORMED = {
    "bare line feeds": ("GET / HTTP/1.1\nHost: shop\n\n", 400),
    "empty line first": ("\r\nGET / HTTP/1.1\r\nHost: shop\r\n\r\n", 400),
    "no host": ("GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    "host with a path": ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "space in the target": ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "fragment": ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "climbing path": ("GET /../a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "encoded null": ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "space before a colon": ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
    "folded line": ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
    "two lengths": ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "length with a sign": ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400),
    "length and coding": (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "coding in HTTP/1.0": ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "bad chunk size": ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400),
    "host named by connection": ("GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n", 400),
    "unknown coding": ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    "method in lower case": ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "HTTP/1.2": ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    "no version": ("GET /\r\n\r\n", 400),
    "TLS on a plain port": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "unknown expectation": ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417),
    "long line": (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "large field": (f"GET / HTTP/1.1\r\nHost: a\r\nX: {'a' * 33000}\r\n\r\n", 431),
    "many fields": ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 100 + "\r\n", 431),
}


@pytest.mark.parametrize(("request_", "status"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_answered_and_closed(
    served: Served, upstream: Upstream, request_: str, status: int
) -> None:
    client = served.ask(request_ + GET)
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (status, "close")
    problem = json.loads(answer.body)
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["request_id"] == answer["X-Request-Id"]
    client.half_close()
    assert client.ended()
    if "chunk size" not in problem["detail"]:
        assert upstream.untouched()
    flag = "CL" if status in (414, 431) else "CR"
    assert served.log.next().startswith(f"{flag} {status} ")
    assert "gatewright; error=http_request_error" in answer["Proxy-Status"]


def test_a_chunk_that_turns_out_malformed_ends_both_sides(served: Served, upstream: Upstream) -> None:
    client = served.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    server = upstream.accept()
    server.head()
    assert server.chunk() == b"a"
    client.send("z\r\n")
    assert client.answer().status == 400
    assert server.ended()
    assert served.log.next().startswith("CR 400 ")


@pytest.mark.parametrize("request_", ["CONNECT shop:443 HTTP/1.1", "TRACE / HTTP/1.1"])
def test_connect_and_trace_are_refused(served: Served, upstream: Upstream, request_: str) -> None:
    client = served.ask(f"{request_}\r\nHost: shop\r\n\r\n" + GET)
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (405, "close")
    assert "CONNECT" not in answer["Allow"]
    assert client.ended()
    assert upstream.untouched()
    assert served.log.next().startswith("CR 405 ")


@pytest.mark.parametrize("target", ["*", "http://shop"])
def test_options_of_the_server_is_answered_by_the_gateway(served: Served, upstream: Upstream, target: str) -> None:
    client = served.ask(f"OPTIONS {target} HTTP/1.1\r\nHost: shop\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer["Content-Length"]) == (200, "0")
    assert answer["Allow"] == "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"
    assert upstream.untouched()
    client.send("OPTIONS / HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert upstream.accept().head().line == "OPTIONS / HTTP/1.1"


def test_an_asterisk_is_for_options_alone(served: Served) -> None:
    assert served.ask("GET * HTTP/1.1\r\nHost: shop\r\n\r\n").answer().status == 400


def test_the_host_of_an_absolute_target_is_the_one_that_counts(served: Served, upstream: Upstream) -> None:
    served.ask("GET http://real:8080/a?b=c HTTP/1.1\r\nHost: other\r\n\r\n")
    head = upstream.accept().head()
    assert (head.line, head["Host"]) == ("GET /a?b=c HTTP/1.1", "real:8080")


def test_an_absolute_target_without_a_path_asks_for_the_root(served: Served, upstream: Upstream) -> None:
    served.ask("GET http://real?q HTTP/1.1\r\nHost: other\r\n\r\n")
    assert upstream.accept().head().line == "GET /?q HTTP/1.1"


NOT_FOUND = b'{"error_msg":"404 Route Not Found"}\n'


def test_no_route_is_answered_in_apisix_words(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, uri="/only"))
    client = served.ask(GET)
    answer = client.answer()
    assert (answer.status, answer.body) == (404, NOT_FOUND)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert "error=destination_not_found" in answer["Proxy-Status"]
    assert len(answer["X-Request-Id"]) == 32
    client.send("HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert client.answer(to="HEAD")["Content-Length"] == str(len(NOT_FOUND))
    client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nab" + GET)
    assert [client.answer().status for _ in range(2)] == [404, 404]
    assert served.log.next() == "NR 404 - GET / HTTP/1.1"


def test_a_body_that_nobody_reads_never_becomes_a_request(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, uri="/only"))
    smuggled = "GET /only HTTP/1.1\r\nHost: shop\r\n\r\n"
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {len(smuggled)}\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (404, "close")
    client.send(smuggled).half_close()
    assert client.ended()
    assert upstream.untouched()


@pytest.mark.parametrize(
    "body", ["Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n"]
)
def test_a_body_over_the_limit_is_413(serve: Serve, upstream: Upstream, body: str) -> None:
    served = serve(route(upstream.node), http__client_max_body_size=10)
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\n" + body)
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (413, "close")
    assert served.log.next().startswith("CL 413 ")


def test_a_chunked_body_over_the_limit_is_413_though_it_came_at_once(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_max_body_size=10)
    client = served.ask(
        "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n"
    )
    assert client.answer().status == 413
    assert upstream.untouched()


def test_a_chunked_body_that_grows_over_the_limit_is_413(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_max_body_size=10)
    client = served.ask("POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n")
    server = upstream.accept()
    server.head()
    assert server.chunk() == b"123456789"
    client.send("2\r\nab\r\n")
    assert client.answer().status == 413
    assert server.ended()


def test_a_body_of_just_the_limit_passes(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_max_body_size=10)
    served.ask("POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\na\r\n1234567890\r\n0\r\n\r\n")
    assert upstream.accept().request().body == b"1234567890"


def test_an_early_413_reaches_a_client_that_sends_on(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__client_max_body_size="1m")
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {64 << 20}\r\n\r\n")
    for _ in range(64):
        client.send(b"x" * (1 << 20))
    assert client.answer().status == 413


def test_what_just_fits_the_limits_passes(served: Served, upstream: Upstream) -> None:
    line = f"GET /{'a' * (8192 - len('GET / HTTP/1.1') - 2)} HTTP/1.1"
    fields = "".join(f"X-{number:02}: {'x' * 200}\r\n" for number in range(99))
    served.ask(f"{line}\r\nHost: shop\r\n{fields}\r\n")
    head = upstream.accept().head()
    assert head.line == line
    assert len([name for name, _ in head.fields if name[:2] == "X-" and name[2:].isdigit()]) == 99


def test_a_body_needed_to_match_is_sent_on_whole(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, vars=[["post_arg_kind", "==", "a"]]))
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n"
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\n{form}Expect: 100-continue\r\n\r\n")
    assert client.head().line == "HTTP/1.1 100 Continue"
    client.send("kin").send("d=a")
    server = upstream.accept()
    request = server.request()
    assert request.body == b"kind=a"
    assert "Expect" not in request
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert client.answer().status == 200
    client.send(f"POST / HTTP/1.1\r\nHost: shop\r\n{form}\r\nkind=b")
    assert client.answer().status == 404
    client.send(f"POST / HTTP/1.1\r\nHost: shop\r\n{form}\r\nkind=a")
    assert server.request().body == b"kind=a"


def test_a_body_needed_to_match_need_not_be_there(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, vars=[["post_arg_kind", "==", "a"]]))
    for line, fields in (("GET", ""), ("POST", "Content-Length: 0\r\n")):
        client = served.ask(f"{line} / HTTP/1.1\r\nHost: shop\r\n{fields}\r\n")
        assert client.answer().status == 404
    assert upstream.untouched()


def test_a_chunked_body_needed_to_match_is_sent_on_chunked(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, vars=[["post_arg.kind", "==", "a"]]))
    head = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = served.ask(head + '5\r\n{"kin\r\n').send('7\r\nd":"a"}\r\n0\r\nX-Sum: 1\r\n\r\n')
    server = upstream.accept()
    request = server.request()
    assert (request.body, request.trailers) == (b'{"kind":"a"}', [("X-Sum", "1")])
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert client.answer().status == 200


def test_a_body_needed_to_match_that_does_not_come_is_408(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, vars=[["post_arg_kind", "==", "a"]]), http__client_body_timeout="200ms")
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n"
    client = served.ask(f"POST / HTTP/1.1\r\nHost: shop\r\n{form}\r\nkin")
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (408, "close")
    assert upstream.untouched()
