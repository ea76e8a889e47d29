"""What an upstream is told of a request, and what it is not."""

from collections.abc import Callable

import pytest
from dialogue import Head, Upstream
from gateways import Served, route

Serve = Callable[..., Served]


def heard(served: Served, upstream: Upstream, fields: str = "", line: str = "GET / HTTP/1.1") -> Head:
    """What the upstream hears of a request for the host `Shop:8080`."""
    served.ask(f"{line}\r\nHost: Shop:8080\r\n{fields}\r\n")
    return upstream.accept().head()


def test_the_upstream_is_told_who_asks_and_for_what(served: Served, upstream: Upstream) -> None:
    head = heard(served, upstream, "Accept: */*\r\n")
    port = str(served.addresses[0][1])
    assert sorted(head.fields) == [
        ("Accept", "*/*"),
        ("Host", "Shop:8080"),
        ("Via", "1.1 gatewright"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Host", "shop"),
        ("X-Forwarded-Port", port),
        ("X-Forwarded-Proto", "http"),
        ("X-Real-IP", "127.0.0.1"),
    ]


def test_the_address_is_added_to_those_of_other_proxies(served: Served, upstream: Upstream) -> None:
    head = heard(served, upstream, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nVia: 1.0 old\r\n")
    assert head["X-Forwarded-For"] == "1.2.3.4, 5.6.7.8, 127.0.0.1"
    assert head.all("Via") == ["1.0 old", "1.1 gatewright"]


CLAIMS = (
    "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: bank\r\nX-Forwarded-Port: 443\r\n"
    "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n"
)


@pytest.mark.parametrize("more", [{}, {"apisix__trusted_addresses": ["10.0.0.0/8"]}])
def test_what_a_stranger_claims_is_not_believed(serve: Serve, upstream: Upstream, more: dict[str, object]) -> None:
    served = serve(route(upstream.node), http__real_ip_from=[], **more)
    head = heard(served, upstream, CLAIMS)
    assert head["X-Real-IP"] == "127.0.0.1"
    assert head["X-Forwarded-Proto"] == "http"
    assert head["X-Forwarded-Host"] == "shop"
    assert head["X-Forwarded-Port"] == str(served.addresses[0][1])
    assert "Forwarded" not in head
    assert head["X-Forwarded-For"] == ("127.0.0.1" if more else "6.6.6.6, 127.0.0.1")


def test_what_a_trusted_proxy_says_is_passed_on(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), apisix__trusted_addresses=["127.0.0.0/8"], http__real_ip_from=[])
    head = heard(served, upstream, CLAIMS)
    assert head["X-Forwarded-Proto"] == "https"
    assert head["X-Forwarded-Host"] == "bank"
    assert head["X-Forwarded-Port"] == "443"
    assert head["X-Forwarded-For"] == "6.6.6.6, 127.0.0.1"


def test_the_client_address_of_a_trusted_proxy_is_believed(serve: Serve, upstream: Upstream) -> None:
    log = "$remote_addr $realip_remote_addr"
    served = serve(route(upstream.node), http__real_ip_from=["127.0.0.1"], http__access_log_format=log)
    client = served.ask("GET / HTTP/1.1\r\nHost: shop\r\nX-Real-IP: 6.6.6.6\r\n\r\n")
    server = upstream.accept()
    assert server.head()["X-Real-IP"] == "6.6.6.6"
    server.send("HTTP/1.1 204 No Content\r\n\r\n")
    client.answer()
    assert served.log.next() == "6.6.6.6 127.0.0.1"


def test_fields_of_one_connection_end_here(served: Served, upstream: Upstream) -> None:
    head = heard(
        served,
        upstream,
        "Connection: keep-alive, X-Private, close-not\r\nX-Private: 1\r\nClose-Not: 2\r\nKeep-Alive: 5\r\n"
        "Proxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: Basic YTpi\r\n"
        "X-Kept: 3\r\n",
    )
    kept = {name for name, _ in head.fields}
    assert "X-Kept" in kept
    gone = [
        "Connection",
        "X-Private",
        "Close-Not",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Upgrade",
        "Proxy-Authorization",
    ]
    assert kept.isdisjoint(gone)


def test_a_client_cannot_strip_what_others_rely_on(served: Served, upstream: Upstream) -> None:
    head = heard(
        served,
        upstream,
        "Connection: X-Forwarded-For, X-Real-IP, Cookie, Via\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\n",
    )
    assert head["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1"
    assert (head["X-Real-IP"], head["Cookie"], head["Via"]) == ("127.0.0.1", "a=b", "1.1 gatewright")


def test_twins_of_what_the_gateway_says_are_removed(served: Served, upstream: Upstream) -> None:
    head = heard(
        served,
        upstream,
        "X_Real_IP: 6.6.6.6\r\nX.Forwarded.For: 6.6.6.6\r\nx_forwarded-proto: https\r\nX_Forwarded_Host: b\r\n"
        "X-Forwarded_Port: 1\r\nX_Mine: kept\r\n",
    )
    names = [name.lower().replace("_", "-").replace(".", "-") for name, _ in head.fields]
    assert len(names) == len(set(names))
    assert head["X_Mine"] == "kept"


def test_underscores_may_be_dropped(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__underscores_in_headers="off")
    head = heard(served, upstream, "X_Mine: dropped\r\nX-Mine: kept\r\n")
    assert "X_Mine" not in head
    assert head["X-Mine"] == "kept"


def test_order_and_case_of_fields_survive(served: Served, upstream: Upstream) -> None:
    head = heard(served, upstream, "b-B: 1\r\nA-a: 2\r\nB-b: 3\r\nCookie: x=1\r\nCookie: y=2\r\n")
    ours = [(name, value) for name, value in head.fields if name.lower() in ("b-b", "a-a", "cookie")]
    assert ours == [("b-B", "1"), ("A-a", "2"), ("B-b", "3"), ("Cookie", "x=1"), ("Cookie", "y=2")]


@pytest.mark.parametrize("target", ["/a%2fb/../c//d?q=%20&x=[1]", "/%41?%41", "/a;p=1/b?", "//double"])
def test_the_target_is_passed_on_as_it_came(served: Served, upstream: Upstream, target: str) -> None:
    assert heard(served, upstream, line=f"GET {target} HTTP/1.1").line == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PROPFIND", "PURGE"])
def test_the_method_is_passed_on(served: Served, upstream: Upstream, method: str) -> None:
    assert heard(served, upstream, line=f"{method} / HTTP/1.1").line == f"{method} / HTTP/1.1"


HOSTS = {"pass": "Shop:8080", "rewrite": "inside.example:81"}


@pytest.mark.parametrize("kind", ["pass", "node", "rewrite"])
def test_the_host_is_the_one_that_the_upstream_asks_for(serve: Serve, upstream: Upstream, kind: str) -> None:
    more = {"upstream__upstream_host": "inside.example:81"} if kind == "rewrite" else {}
    served = serve(route(upstream.node, upstream__pass_host=kind, **more))
    head = heard(served, upstream)
    assert head["Host"] == HOSTS.get(kind, upstream.node)
    assert head["X-Forwarded-Host"] == "shop"


def test_each_node_is_sent_its_own_host(serve: Serve, dead: str, upstream: Upstream) -> None:
    served = serve(route(dead, upstream.node, upstream__pass_host="node"))
    for _ in range(2):
        assert heard(served, upstream)["Host"] == upstream.node


def test_http_1_0_without_a_host_is_sent_each_node_s(serve: Serve, dead: str, upstream: Upstream) -> None:
    served = serve(route(dead, upstream.node))
    for _ in range(2):
        served.ask("GET / HTTP/1.0\r\n\r\n")
        head = upstream.accept().head()
        assert (head["Host"], head["Via"]) == (upstream.node, "1.0 gatewright")


def test_the_client_is_told_no_more_than_it_should(served: Served, upstream: Upstream) -> None:
    client = served.ask("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send(
        "HTTP/1.1 200 OK\r\nServer: inside/1.0\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
    )
    answer = client.answer()
    assert answer["Server"].startswith("gatewright/")
    assert answer["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert answer.all("Set-Cookie") == ["a=1", "b=2"]
    assert not {"X-Hop", "Keep-Alive", "X-APISIX-Upstream-Status"} & {name for name, _ in answer.fields}


def test_the_version_and_the_upstream_status_are_told_by_setting(serve: Serve, upstream: Upstream) -> None:
    served = serve(
        route(upstream.node),
        apisix__enable_server_tokens=False,
        apisix__show_upstream_status_in_response_header=True,
        apisix__enable_proxy_status=False,
    )
    client = served.ask("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    answer = client.answer()
    assert (answer["Server"], answer["X-APISIX-Upstream-Status"]) == ("gatewright", "201")
    assert answer["Date"].endswith(" GMT")
    client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")
    server.head()
    server.close()
    assert "Proxy-Status" not in client.answer()
