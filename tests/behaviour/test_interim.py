"""Interim answers: 100 Continue, 103 Early Hints and the others."""

from dialogue import Peer, Upstream
from gateways import Served

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
EXPECT = "POST / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"


def expecting(served: Served, upstream: Upstream) -> tuple[Peer, Peer]:
    client = served.ask(EXPECT)
    server = upstream.accept()
    assert server.head()["Expect"] == "100-continue"
    return client, server


def test_the_upstream_decides_whether_a_body_is_wanted(served: Served, upstream: Upstream) -> None:
    client, server = expecting(served, upstream)
    server.send("HTTP/1.1 100 Continue\r\n\r\n")
    assert client.head().line == "HTTP/1.1 100 Continue"
    client.send("body")
    assert server.exactly(4) == b"body"
    server.send(OK)
    assert client.answer().body == b"hi"
    client.send(GET)
    assert server.head().line == "GET / HTTP/1.1"


def test_a_body_that_is_not_wanted_is_not_waited_for(served: Served, upstream: Upstream) -> None:
    client, server = expecting(served, upstream)
    server.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer["Connection"]) == (417, "close")
    client.half_close()
    assert client.ended()
    assert server.ended()


def test_a_client_need_not_wait_for_100(served: Served, upstream: Upstream) -> None:
    client, server = expecting(served, upstream)
    client.send("body")
    assert server.exactly(4) == b"body"
    server.send(OK)
    assert client.answer().body == b"hi"


def test_100_is_not_sent_to_a_client_of_http_1_0(served: Served, upstream: Upstream) -> None:
    client = served.ask(EXPECT.replace("HTTP/1.1", "HTTP/1.0") + "body")
    server = upstream.accept()
    assert server.request().body == b"body"
    server.send("HTTP/1.1 100 Continue\r\n\r\n", OK)
    assert client.answer().line == "HTTP/1.1 200 OK"


def test_early_hints_come_before_the_answer_does(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n")
    hints = client.head()
    assert (hints.line, hints.fields) == ("HTTP/1.1 103 Early Hints", [("Link", "</a.css>")])
    server.send("HTTP/1.1 102 Processing\r\n\r\n", OK)
    assert client.head().line == "HTTP/1.1 102 Processing"
    assert client.answer().body == b"hi"


def test_interim_answers_do_not_come_without_end(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
    while (answer := client.head()).line == "HTTP/1.1 103 Early Hints":
        pass
    assert answer.line == "HTTP/1.1 502 Bad Gateway"
    assert served.log.next().startswith("UP 502 ")


def test_a_node_that_dies_after_an_interim_answer_is_not_replaced(served: Served, upstream: Upstream) -> None:
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 103 Early Hints\r\n\r\n")
    assert client.head().line == "HTTP/1.1 103 Early Hints"
    server.close()
    assert client.answer().status == 502
    assert upstream.untouched()
