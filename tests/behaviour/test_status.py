"""`/status`, `/status/ready` and the metrics, on listeners of their own."""

import json
import socket
from collections.abc import Callable

import pytest
from authority import Authority
from dialogue import Message, Peer, Upstream
from gateways import EXPORTER, Served, route

import gateway

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
STATUS = {"apisix__status": {"ip": "127.0.0.1", "port": 0}}


def inside(served: Served, path: str, method: str = "GET") -> Message:
    """What the second listener answers."""
    with socket.create_connection(served.addresses[1], 15) as one:
        return Peer(one).send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n").answer(to=method)


def test_a_gateway_that_serves_is_up_and_ready(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), **STATUS)
    for path in ("/status", "/status/ready"):
        answer = inside(served, path)
        assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
        assert answer["Content-Type"] == "application/json"
    assert inside(served, "/status", "HEAD").status == 200
    assert inside(served, "/status", "POST").status == 405
    assert inside(served, "/other").status == 404


def test_a_refused_change_is_seen_while_the_last_good_one_serves(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node), **STATUS)
    with pytest.raises(gateway.ConfigError):
        served.publish({"id": "1", "methods": ["GET"]})
    status = served.gateway.status()
    assert status["reload"]["ok"] is False
    assert "routes" in json.dumps(status["reload"]["problems"])
    client = served.ask(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer().body == b"hi"


def test_requests_of_the_inside_are_not_logged(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node, uri="/x"), **STATUS)
    inside(served, "/status")
    served.ask(GET).answer()
    assert served.log.next() == "NR 404 - GET / HTTP/1.1"


def test_what_is_inside_is_not_served_outside(serve: Serve) -> None:
    served = serve(**STATUS)
    for path in ("/status", "/status/ready", "/apisix/prometheus/metrics"):
        assert served.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").answer().status == 404


@pytest.fixture
def measured(serve: Serve, settings: Callable[..., dict[str, object]]) -> Callable[..., Served]:
    """Starts a gateway with metrics on its second listener."""

    def start(*routes: dict[str, object], **more: object) -> Served:
        return serve(*routes, plugin_attr__prometheus=EXPORTER, **more)

    return start


def test_requests_flags_and_failures_are_counted(
    measured: Callable[..., Served], upstream: Upstream, dead: str
) -> None:
    served = measured(route(upstream.node, uri="/up"), route(dead, id="dead", uri="/dead"))
    client = served.ask(GET.replace("/", "/up", 1))
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    for path in ("/none", "/dead"):
        client.send(GET.replace("/", path, 1))
        client.answer()
    found = served.metrics()

    def total(name: str, *labels: str) -> float:
        return sum(
            value for key, value in found.items() if key.startswith(name) and all(label in key for label in labels)
        )

    assert total("gateway_http_response_flags_total", 'flag="NR"') == 1
    assert total("gateway_http_response_flags_total", 'flag="UF"') == 1
    assert total("gateway_http_requests_total") == 3
    assert total("gateway_upstream_failures_total") == 1


def test_certificates_tell_when_they_expire(measured: Callable[..., Served], authority: Authority) -> None:
    served = measured(ssls=[authority.issue("shop.test").as_ssl("shop.test")])
    assert any(key.startswith("gateway_certificate") or "certificate" in key for key in served.metrics())
