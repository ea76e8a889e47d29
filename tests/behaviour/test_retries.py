"""Nodes that fail, and what is tried again."""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import Thread

import pytest
from dialogue import Peer, Upstream
from gateways import Served, patiently, route

Serve = Callable[..., Served]
Two = tuple[Upstream, Upstream]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody"
PUT = POST.replace("POST", "PUT")
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def accept_at(upstreams: Two) -> tuple[Peer, Upstream]:
    """The connection that comes, whichever of the two it comes to, and the other upstream."""
    for turn in count():
        one, other = upstreams if turn % 2 == 0 else reversed(upstreams)
        one.socket.settimeout(0.05)
        try:
            return one.accept(), other
        except TimeoutError:
            assert turn < 200
        finally:
            one.socket.settimeout(15)
    raise AssertionError


@pytest.mark.parametrize("request_", [GET, POST])
def test_a_node_that_refuses_is_passed_over(serve: Serve, upstream: Upstream, dead: str, request_: str) -> None:
    served = serve(route(dead, upstream.node), http__access_log_format="$response_flags $status [$upstream_status]")
    for _ in range(4):
        client = served.ask(request_)
        server = upstream.current()
        server.request()
        server.send(OK)
        assert client.answer().body == b"hi"
    lines = [served.log.next() for _ in range(4)]
    assert sorted(lines) == ["- 200 [200]"] * 3 + ["UF 200 [502, 200]"]


def test_a_dead_node_is_tried_again_when_no_other_is_left(serve: Serve, dead: str) -> None:
    served = serve(route(dead))
    for _ in range(3):
        assert served.ask(GET).answer().status == 502
        assert served.log.next() == "UF 502 502 GET / HTTP/1.1"


def test_a_node_that_closes_unheard_is_replaced_by_another(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    client = served.ask(GET)
    first, other = accept_at(upstreams)
    first.head()
    first.close()
    second = other.accept()
    second.head()
    second.send(OK)
    assert client.answer().body == b"hi"
    assert served.log.next() == "UC 200 502, 200 GET / HTTP/1.1"


def test_a_body_is_sent_again_to_the_next_node(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    body = "x" * 60_000
    client = served.ask(PUT.replace("4\r\n\r\nbody", f"{len(body)}\r\n\r\n{body}"))
    first, other = accept_at(upstreams)
    first.request()
    first.reset()
    second = other.accept()
    assert second.request().body == body.encode()
    second.send(OK)
    assert client.answer().body == b"hi"


def test_a_chunked_body_is_sent_again_to_the_next_node(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    client = served.ask("PUT / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    first, other = accept_at(upstreams)
    first.head()
    assert first.chunk() == b"half"
    first.reset()
    second = other.accept()
    second.head()
    assert second.chunk() == b"half"
    client.send("2\r\nok\r\n0\r\n\r\n")
    assert second.chunk() == b"ok"
    assert second.chunk() == b""
    second.send(OK)
    assert client.answer().body == b"hi"


def test_a_body_that_was_not_kept_is_not_sent_again(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    body = "x" * 200_000
    client = served.ask(PUT.replace("4\r\n\r\nbody", f"{len(body)}\r\n\r\n{body}"))
    first, other = accept_at(upstreams)
    first.request()
    first.reset()
    assert client.answer().status == 502
    assert other.untouched()


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_had_an_effect_is_not_sent_twice(serve: Serve, upstreams: Two, method: str) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    client = served.ask(POST.replace("POST", method))
    first, other = accept_at(upstreams)
    first.request()
    first.close()
    assert client.answer().status == 502
    assert other.untouched()


def test_a_node_that_began_to_answer_is_not_replaced(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    client = served.ask(GET)
    first, other = accept_at(upstreams)
    first.head()
    first.send("HTTP/1.1 200 O").close()
    assert client.answer().status == 502
    assert other.untouched()


def test_an_error_that_the_upstream_answers_is_an_answer(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams)))
    client = served.ask(GET)
    first, other = accept_at(upstreams)
    first.head()
    first.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
    answer = client.answer()
    assert (answer.status, answer.body, answer["X-APISIX-Upstream-Status"]) == (503, b"busy", "503")
    assert "Proxy-Status" not in answer
    assert other.untouched()
    assert served.log.next().startswith("- 503 503 ")


def test_the_statuses_of_all_nodes_tried_are_told(serve: Serve) -> None:
    nodes = [Upstream() for _ in range(3)]
    for node in nodes:
        node.close()
    served = serve(route(*(node.node for node in nodes)))
    answer = served.ask(GET).answer()
    assert (answer.status, answer["X-APISIX-Upstream-Status"]) == (502, "502, 502, 502")


@pytest.mark.parametrize(("retries", "tried"), [(0, 1), (1, 2), (None, 3), (9, 3)])
def test_retries_say_how_many_nodes_are_tried(serve: Serve, retries: int | None, tried: int) -> None:
    three = [Upstream() for _ in range(3)]
    nodes = [one.node for one in three]
    for one in three:
        one.close()
    more = {} if retries is None else {"upstream__retries": retries}
    served = serve(route(*nodes, **more))
    assert served.ask(GET).answer().status == 502
    flags, status, rest = served.log.next().split(" ", 2)
    assert status == "502"
    assert rest == ", ".join(["502"] * tried) + " GET / HTTP/1.1"
    assert flags == ("UF" if retries == 0 else "UF,RX")


def test_no_try_begins_after_the_retry_timeout(serve: Serve, upstreams: Two) -> None:
    timeout = {"connect": 1, "send": 1, "read": 0.3}
    served = serve(route(*(one.node for one in upstreams), upstream__timeout=timeout, upstream__retry_timeout=0.1))
    client = served.ask(GET)
    first, other = accept_at(upstreams)
    first.head()
    assert client.answer().status == 504
    assert other.untouched()


def test_a_stale_connection_is_replaced_though_its_end_was_not_seen(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    client.send(GET)
    server.head()
    server.close()
    second = upstream.accept()
    second.head()
    second.send(OK)
    assert client.answer().body == b"hi"
    served.log.next()
    assert served.log.next() == "- 200 200 GET / HTTP/1.1"


def test_a_post_that_reached_a_stale_connection_is_not_sent_twice(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    client.send(POST)
    server.request()
    server.close()
    assert client.answer().status == 502
    assert upstream.untouched()


def test_all_nodes_down_is_a_problem_that_names_none_of_them(serve: Serve, dead: str) -> None:
    served = serve(route(dead))
    answer = served.ask(GET).answer()
    assert (answer.status, answer["Content-Type"]) == (502, "application/problem+json")
    assert b"127.0.0.1" not in answer.body
    assert b'"status":502' in answer.body
    assert b'"flag":"UF"' in answer.body
    assert answer["Proxy-Status"] == 'gatewright; error=connection_refused; details="UF"'
    assert answer["X-Request-Id"].encode() in answer.body


def test_a_node_of_no_weight_gets_nothing(serve: Serve, upstreams: Two) -> None:
    one, two = upstreams
    served = serve(route(one.node, upstream__nodes={one.node: 0, two.node: 1}))
    for _ in range(3):
        client = served.ask(GET)
        server = two.current()
        server.head()
        server.send(OK)
        client.answer()
    assert one.untouched()


def test_an_upstream_without_nodes_is_503(serve: Serve) -> None:
    served = serve(route(upstream__nodes={}))
    answer = served.ask(GET).answer()
    assert answer.status == 503
    assert served.log.next().startswith("UH 503 ")


def test_a_name_that_does_not_resolve_is_a_failure_of_the_node(serve: Serve, upstream: Upstream) -> None:
    served = serve(route("no-such-name.invalid:80", upstream.node))
    for _ in range(2):
        client = served.ask(GET)
        server = upstream.current()
        server.head()
        server.send(OK)
        assert client.answer().body == b"hi"


def test_nodes_share_requests_by_weight(serve: Serve, upstreams: Two) -> None:
    one, two = upstreams
    served = serve(route(one.node, upstream__nodes={one.node: 3, two.node: 1}))
    client = served.connect()
    peers: dict[int, Peer] = {}
    served_by = []
    for _ in range(8):
        client.send(GET)
        for number in count():
            assert number < 1000
            which = number % 2
            if which not in peers:
                candidate = (one, two)[which]
                candidate.socket.settimeout(0.02)
                try:
                    peers[which] = candidate.accept()
                except TimeoutError:
                    continue
                finally:
                    candidate.socket.settimeout(15)
            peers[which].socket.settimeout(0.02)
            try:
                peers[which].head()
            except TimeoutError:
                continue
            peers[which].send(OK)
            served_by.append(which)
            break
        client.answer()
    assert (served_by.count(0), served_by.count(1)) == (6, 2)


def test_a_node_that_is_back_is_used_at_once_if_there_is_no_other(serve: Serve) -> None:
    gone = Upstream()
    gone.close()
    served = serve(route(gone.node))
    client = served.connect()
    assert client.send(GET).answer().status == 502
    back = Upstream(port=gone.port)
    try:
        client.send(GET)
        server = back.accept()
        server.head()
        server.send(OK)
        assert client.answer().body == b"hi"
    finally:
        back.close()


def test_a_node_that_is_back_is_used_again_beside_another(serve: Serve, upstream: Upstream) -> None:
    gone = Upstream()
    gone.close()
    served = serve(route(gone.node, upstream.node))
    Thread(target=_answer_all, args=(upstream,), daemon=True).start()
    client = served.connect()
    for _ in range(4):
        assert client.send(GET).answer().body == b"hi"
    back = Upstream(port=gone.port)
    try:
        for _ in patiently():
            client.send(GET)
            back.socket.settimeout(0.02)
            try:
                server = back.accept()
            except TimeoutError:
                assert client.answer().body == b"hi"
                continue
            server.head()
            server.send(OK.replace("hi", "me"))
            assert client.answer().body == b"me"
            break
        else:
            raise AssertionError("the node was not tried again")
    finally:
        back.close()


def _answer_all(upstream: Upstream) -> None:
    """Answer every request that comes over the first connection."""
    server = upstream.accept()
    with suppress(AssertionError, OSError):
        while True:
            server.head()
            server.send(OK)


def test_a_name_in_the_hosts_file_is_a_node(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(f"localhost:{upstream.port}", upstream__pass_host="node"), apisix__enable_ipv6=False)
    client = served.connect()
    for _ in range(2):
        client.send(GET)
        server = upstream.current()
        assert server.head()["Host"] == f"localhost:{upstream.port}"
        server.send(OK)
        assert client.answer().body == b"hi"


def test_a_silent_node_is_replaced_by_another_on_the_connection_kept_to_it(serve: Serve, upstreams: Two) -> None:
    served = serve(route(*(one.node for one in upstreams), upstream__timeout={"connect": 60, "send": 60, "read": 0.2}))
    kept = []
    for _ in range(2):
        client = served.ask(GET)
        peer, _ = accept_at(upstreams)
        kept.append(peer)
        peer.head()
        peer.send(OK)
        assert client.answer().body == b"hi"
    client = served.ask(GET)
    silent, other = kept
    silent.head()
    other.head()
    other.send(OK)
    assert client.answer().status == 200
