"""Lines of the access log."""

import json
import re
from collections.abc import Callable

import pytest
from dialogue import Upstream
from gateways import Served, route

from gateway.settings.nginx_config import ACCESS_LOG_FORMAT

Serve = Callable[..., Served]

GET = "GET /a?b=c HTTP/1.1\r\nHost: shop:80\r\nUser-Agent: test\r\nReferer: http://x/\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def logged(served: Served, upstream: Upstream, request: str = GET) -> str:
    """The line of a request that is answered."""
    client = served.ask(request)
    server = upstream.accept()
    server.request()
    server.send(OK)
    client.answer()
    return served.log.next()


def test_a_line_is_apisix_s_unless_changed(serve: Serve, upstream: Upstream) -> None:
    line = logged(serve(route(upstream.node), http__access_log_format=ACCESS_LOG_FORMAT), upstream)
    node = re.escape(upstream.node)
    assert re.fullmatch(
        r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] shop:80 "
        rf'"GET /a\?b=c HTTP/1\.1" 200 2 \d+\.\d{{3}} "http://x/" "test" {node} 200 \d+\.\d{{3}} '
        r'"http://shop:80/a\?b=c" "[0-9a-f]{32}"',
        line,
    )


def test_a_line_of_json_is_json(serve: Serve, upstream: Upstream) -> None:
    served = serve(
        route(upstream.node),
        http__access_log_format='{"agent":"$http_user_agent","uri":"$uri","none":"$arg_none"}',
        http__access_log_format_escape="json",
    )
    request = 'GET /%22%0A HTTP/1.1\r\nHost: shop\r\nUser-Agent: a"b\\c\xff\r\n\r\n'
    line = json.loads(logged(served, upstream, request))
    assert line == {"agent": 'a"b\\c\xff', "uri": '/"\n', "none": ""}


def test_nothing_a_client_sends_makes_a_line_of_its_own(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__access_log_format='"$http_user_agent" $uri $arg_none')
    request = 'GET /%0a%1b HTTP/1.1\r\nHost: shop\r\nUser-Agent: a"\t\x80\r\n\r\n'
    assert logged(served, upstream, request) == '"a\\x22\\x09\\x80" /\\x0A\\x1B -'


def test_the_line_of_what_could_not_be_read_has_what_came(serve: Serve) -> None:
    served = serve(http__access_log_format='"$request" $status [$upstream_addr] [$host]')
    served.ask("GET /a b HTTP/1.1\r\n\r\n").answer()
    assert served.log.next() == '"GET /a b HTTP/1.1" 400 [-] [-]'


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("$request_method", "POST"),
        ("$request_uri", "/a/../b%41?x=1"),
        ("$uri", "/bA"),
        ("$args", "x=1"),
        ("$arg_x", "1"),
        ("$is_args", "?"),
        ("$host", "shop"),
        ("$http_host", "Shop:81"),
        ("$cookie_k", "v"),
        ("$content_length", "4"),
        ("$content_type", "text/plain"),
        ("$remote_user", "me"),
        ("$scheme", "http"),
        ("$server_protocol", "HTTP/1.1"),
        ("$body_bytes_sent", "2"),
        ("$route_id", "all"),
        ("$sent_http_content_length", "2"),
        ("$connection_requests", "1"),
        ("$balancer_ip", "127.0.0.1"),
        ("$upstream_status", "200"),
        ("$request_completion", "OK"),
        ("$no_such_variable", "-"),
        ("${host}x", "shopx"),
    ],
)
def test_variables_are_nginx_s(serve: Serve, upstream: Upstream, variable: str, value: str) -> None:
    served = serve(route(upstream.node), http__access_log_format=variable)
    request = (
        "POST /a/../b%41?x=1 HTTP/1.1\r\nHost: Shop:81\r\nCookie: j=i; k=v\r\nContent-Length: 4\r\n"
        "Content-Type: text/plain\r\nAuthorization: Basic bWU6cHc=\r\n\r\nbody"
    )
    assert logged(served, upstream, request) == value


def test_bytes_are_counted(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__access_log_format="$request_length $bytes_sent $body_bytes_sent")
    request = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\n"
    client = served.ask(request)
    client.send("body")
    server = upstream.accept()
    server.request()
    server.send(OK)
    whole = client.until(b"hi")
    assert served.log.next() == f"{len(request) + 4} {len(whole)} 2"


def test_the_log_may_be_off(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), http__access_log="off")
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer().status == 200
    assert not served.log.path.exists()
