"""HTTPS with clients: certificates by server name."""

import contextlib
import ssl
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from authority import Authority
from dialogue import Upstream
from gateways import EXPORTER, Served, route

Serve = Callable[..., Served]
Secure = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def secure(serve: Serve, upstream: Upstream) -> Secure:
    """Starts a gateway whose first listener is HTTPS: `secure([ssl, …], fallback_sni="a")`."""

    def start(ssls: list[dict[str, Any]], http: dict[str, Any] | None = None, **more: Any) -> Served:
        tls = {"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}], **more}
        return serve(route(upstream.node), ssls=ssls, apisix__node_listen=[], apisix__ssl=tls, **(http or {}))

    return start


def shown(served: Served, authority: Authority, name: str | None) -> bytes:
    """The certificate that a client sees who asks for `name`."""
    context = authority.client()
    context.check_hostname = name is not None
    peer = served.connect_tls(context, name)
    assert isinstance(peer.socket, ssl.SSLSocket)
    found = peer.socket.getpeercert(binary_form=True)
    assert found
    peer.close()
    return found


def test_requests_pass_over_tls_as_over_tcp(secure: Secure, authority: Authority, upstream: Upstream) -> None:
    log = {"http__access_log_format": "$scheme $https $ssl_protocol $ssl_server_name $status"}
    served = secure([authority.issue("shop").as_ssl("shop")], log)
    client = served.connect_tls(authority.client(), "shop").send(GET)
    server = upstream.accept()
    for _ in range(2):
        assert server.head()["X-Forwarded-Proto"] == "https"
        server.send(OK)
        assert client.answer().body == b"hi"
        assert served.log.next() == "https on TLSv1.3 shop 200"
        client.send(GET)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken(secure: Secure, authority: Authority, version: ssl.TLSVersion) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")])
    context = authority.client()
    context.minimum_version = context.maximum_version = version
    peer = served.connect_tls(context, "shop")
    assert isinstance(peer.socket, ssl.SSLSocket)
    assert peer.socket.version() == version.name.replace("_", ".")


def test_a_version_may_be_left_out(secure: Secure, authority: Authority) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")], ssl_protocols="TLSv1.3")
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        served.connect_tls(context, "shop")


def test_the_certificate_is_that_of_the_nearest_name(secure: Secure, authority: Authority) -> None:
    exact, wild, rest = (authority.issue(name) for name in ("a.shop.test", "*.shop.test", "other.test"))
    served = secure([rest.as_ssl("*"), wild.as_ssl("*.shop.test"), exact.as_ssl("a.shop.test")])
    assert shown(served, authority, "a.shop.test") == exact.der()
    assert shown(served, authority, "A.Shop.test") == exact.der()
    assert shown(served, authority, "b.shop.test") == wild.der()
    assert shown(served, authority, "other.test") == rest.der()


def test_a_wildcard_is_for_one_label(secure: Secure, authority: Authority) -> None:
    served = secure([authority.issue("*.shop.test").as_ssl("*.shop.test")])
    for name in ("shop.test", "a.b.shop.test", "other.test"):
        with pytest.raises(ssl.SSLError):
            shown(served, authority, name)


def test_a_client_that_names_nothing_gets_the_fallback(secure: Secure, authority: Authority) -> None:
    first, second = authority.issue("a.test"), authority.issue("b.test")
    served = secure([first.as_ssl("a.test"), second.as_ssl("b.test")], fallback_sni="b.test")
    assert shown(served, authority, None) == second.der()


def test_a_client_that_names_nothing_is_refused_without_a_fallback(secure: Secure, authority: Authority) -> None:
    served = secure([authority.issue("a.test").as_ssl("a.test")])
    with pytest.raises(ssl.SSLError):
        shown(served, authority, None)


def test_a_name_may_have_certificates_of_two_kinds(secure: Secure, authority: Authority) -> None:
    ec, rsa = authority.issue("shop.test"), authority.issue("shop.test", algorithm="rsa")
    both = ec.as_ssl("shop.test") | {"certs": [rsa.certificate.read_text()], "keys": [rsa.key.read_text()]}
    served = secure([both])
    assert shown(served, authority, "shop.test") == ec.der()
    host, port = served.addresses[0]
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"{host}:{port}",
        "-servername",
        "shop.test",
        "-sigalgs",
        "RSA-PSS+SHA256",
    ]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=15, check=False)
    assert ssl.PEM_cert_to_DER_cert(pem(done.stdout.decode())) == rsa.der()


def pem(text: str) -> str:
    """The first certificate in a text."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return text[text.index(begin) : text.index(end) + len(end)]


def test_a_new_certificate_is_shown_to_new_connections(
    secure: Secure, authority: Authority, upstream: Upstream
) -> None:
    old, new = authority.issue("shop"), authority.issue("shop")
    served = secure([old.as_ssl("shop")])
    client = served.connect_tls(authority.client(), "shop")
    served.publish(route(upstream.node), ssls=[new.as_ssl("shop")])
    assert shown(served, authority, "shop") == new.der()
    client.send(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer().body == b"hi"


def test_a_certificate_that_is_taken_away_is_shown_no_more(secure: Secure, authority: Authority) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")])
    served.publish()
    with pytest.raises(ssl.SSLError):
        shown(served, authority, "shop")


def test_plain_http_on_a_tls_port_is_told_so(secure: Secure, authority: Authority) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")], {"plugin_attr__prometheus": EXPORTER})
    for request in (GET, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000\r\n\r\n" + "x" * 50_000):
        client = served.ask(request)
        answer = client.answer()
        assert (answer.status, answer["Connection"]) == (400, "close")
        assert b"plain HTTP was sent to a port that speaks HTTPS" in answer.body
        assert served.log.next().startswith("CR 400 ")
        client.close()
    assert served.metrics()['gateway_client_tls_handshake_failures_total{reason="plain_http"}'] == 2


def hello_with(name: bytes) -> bytes:
    """A client's hello, as OpenSSL makes it, with another name of the same length."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="shop.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read().replace(b"shop.test", name)


@pytest.mark.parametrize(
    ("noise", "reason"),
    [
        (b"\x00\x01\x02\x03", "not_tls"),
        (b"\x80\x2e\x01\x03\x01", "not_tls"),
        (hello_with(b"shop\0test"), "protocol"),
        (hello_with(b"shop\ntest"), "protocol"),
        (hello_with(b"shop/test"), "protocol"),
        (hello_with(b"shop\xfftest"), "protocol"),
        (hello_with(b"wrong.tes"), "no_certificate"),
        (hello_with(b"shop.test")[:40], "timed_out"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" + bytes(40), "protocol"),
    ],
)
def test_noise_before_tls_is_closed_and_counted(
    secure: Secure, authority: Authority, noise: bytes, reason: str
) -> None:
    quick = {"plugin_attr__prometheus": EXPORTER, "http__client_header_timeout": "500ms"}
    served = secure([authority.issue("shop.test").as_ssl("shop.test")], quick)
    client = served.connect().send(noise)
    with contextlib.suppress(ConnectionResetError):
        assert client.rest()[:1] in (b"", b"\x15")  # nothing, or an alert
    found = {key: value for key, value in served.metrics().items() if "handshake_failures" in key and value}
    assert found == {f'gateway_client_tls_handshake_failures_total{{reason="{reason}"}}': 1}
    assert "TLS handshake" in served.errors.next()


def test_an_idle_connection_is_ended_in_tls_s_own_way(secure: Secure, authority: Authority, upstream: Upstream) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")], {"http__keepalive_timeout": "100ms"})
    client = served.connect_tls(authority.client(), "shop").send(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    assert client.rest() == b""  # an end without `close_notify` would raise


def test_an_answer_that_breaks_off_is_not_ended_in_tls_s_own_way(
    secure: Secure, authority: Authority, upstream: Upstream
) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")])
    client = served.connect_tls(authority.client(), "shop").send(GET.replace("1.1", "1.0"))
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    client.head()
    assert client.exactly(4) == b"half"
    server.close()
    with pytest.raises(OSError, match=r"(?i)eof|reset"):
        client.rest()


def test_large_bodies_pass_over_tls(secure: Secure, authority: Authority, upstream: Upstream) -> None:
    served = secure([authority.issue("shop").as_ssl("shop")])
    body = bytes(range(256)) * 4096
    client = served.connect_tls(authority.client(), "shop")
    client.send(f"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {len(body)}\r\n\r\n", body)
    server = upstream.accept()
    assert server.request().body == body
    server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n", body)
    assert client.answer().body == body


def test_a_websocket_passes_over_tls(serve: Serve, authority: Authority, upstream: Upstream) -> None:
    served = serve(
        route(upstream.node, enable_websocket=True),
        ssls=[authority.issue("shop").as_ssl("shop")],
        apisix__node_listen=[],
        apisix__ssl={"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]},
    )
    client = served.connect_tls(authority.client(), "shop")
    client.send(GET.replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    client.head()
    for _ in range(10):
        client.send("x" * 40_000)
        assert server.exactly(40_000) == b"x" * 40_000
        server.send("y" * 40_000)
        assert client.exactly(40_000) == b"y" * 40_000
    server.close()
    assert client.rest() == b""
