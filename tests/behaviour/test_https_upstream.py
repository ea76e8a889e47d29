"""HTTPS with upstreams."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from authority import Authority
from dialogue import Peer, Upstream
from gateways import Served, route

import gateway

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class SecureUpstream(Upstream):
    """An upstream behind TLS that remembers the names asked for."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self.names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)


@pytest.fixture
def secure(authority: Authority) -> Iterator[SecureUpstream]:
    one = SecureUpstream(authority.issue("shop.test", "IP:127.0.0.1").server())
    yield one
    one.close()


def https(node: str, **more: Any) -> dict[str, Any]:
    return route(node, upstream__scheme="https", **more)


def trusting(authority: Authority) -> dict[str, Any]:
    return {"enable": False, "ssl_trusted_certificate": str(authority.root.certificate)}


def exchange(client: Peer, server: Peer) -> None:
    """One request and its answer."""
    assert server.head().line == "GET / HTTP/1.1"
    server.send(OK)
    assert client.answer().body == b"hi"


def test_an_upstream_that_the_authority_vouches_for_is_spoken_to(
    serve: Serve, authority: Authority, secure: SecureUpstream
) -> None:
    served = serve(https(secure.node), apisix__ssl=trusting(authority))
    client = served.ask(GET)
    server = secure.accept()
    exchange(client, server)
    client.send(GET)
    exchange(client, server)
    assert secure.names == ["shop.test"]


def refused(secure: SecureUpstream) -> None:
    """The gateway breaks the handshake off."""
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        secure.accept().head()


def test_an_upstream_that_nobody_vouches_for_is_502(serve: Serve, secure: SecureUpstream) -> None:
    served = serve(https(secure.node))
    client = served.ask(GET)
    refused(secure)
    answer = client.answer()
    assert answer.status == 502
    assert answer["Proxy-Status"] == 'gatewright; error=tls_certificate_error; details="US"'
    assert served.log.next().startswith("US 502 502 ")
    assert "upstream node failed" in served.errors.with_text("shop.test")


def test_a_certificate_for_another_name_is_502(serve: Serve, authority: Authority, secure: SecureUpstream) -> None:
    served = serve(https(secure.node), apisix__ssl=trusting(authority))
    client = served.ask(GET.replace("shop.test", "other.test"))
    refused(secure)
    assert client.answer().status == 502
    assert secure.names == ["other.test"]


def test_verification_may_be_turned_off_with_a_warning(serve: Serve, secure: SecureUpstream) -> None:
    served = serve(https(secure.node, upstream__tls={"verify": False}))
    client = served.ask(GET)
    exchange(client, secure.accept())
    assert "WARN route all: tls.verify is false" in served.errors.next()


def test_the_name_follows_the_host_that_is_sent(serve: Serve, authority: Authority, secure: SecureUpstream) -> None:
    served = serve(
        https(secure.node, upstream__pass_host="rewrite", upstream__upstream_host="shop.test"),
        apisix__ssl=trusting(authority),
    )
    client = served.ask(GET.replace("shop.test", "other.test"))
    exchange(client, secure.accept())
    assert secure.names == ["shop.test"]


def test_a_node_s_address_is_verified_without_a_name(
    serve: Serve, authority: Authority, secure: SecureUpstream
) -> None:
    served = serve(https(secure.node, upstream__pass_host="node"), apisix__ssl=trusting(authority))
    client = served.ask(GET)
    exchange(client, secure.accept())
    assert secure.names == [None]


def test_a_connection_made_for_one_name_carries_no_request_for_another(serve: Serve, secure: SecureUpstream) -> None:
    served = serve(https(secure.node, upstream__tls={"verify": False}))
    for name in ("a.test", "b.test"):
        client = served.ask(GET.replace("shop.test", name))
        exchange(client, secure.accept())
    client.send(GET.replace("shop.test", "a.test"))
    exchange(client, secure.peers[0])
    assert secure.names == ["a.test", "b.test"]


def test_https_to_a_plain_port_is_502(serve: Serve, upstream: Upstream) -> None:
    served = serve(https(upstream.node))
    client = served.ask(GET)
    server = upstream.accept()
    assert server.exactly(1) == b"\x16"
    server.send("HTTP/1.1 400 Bad Request\r\n\r\n").close()
    assert client.answer().status == 502


def test_plain_text_before_tls_is_no_answer(serve: Serve, upstream: Upstream) -> None:
    served = serve(https(upstream.node, upstream__tls={"verify": False}))
    client = served.ask(GET)
    server = upstream.accept()
    server.send(OK)
    assert client.answer().status == 502


def test_http_to_a_tls_port_is_502(serve: Serve, authority: Authority) -> None:
    one = Upstream()
    try:
        served = serve(route(one.node))
        client = served.ask(GET)
        server = one.accept()
        server.head()
        server.send(b"\x15\x03\x01\x00\x02\x02\x16").close()
        assert client.answer().status == 502
        assert served.log.next().startswith("UP 502 ")
    finally:
        one.close()


def test_a_handshake_that_hangs_is_504(serve: Serve, upstream: Upstream) -> None:
    served = serve(https(upstream.node, upstream__timeout={"connect": 0.2, "send": 60, "read": 60}))
    client = served.ask(GET)
    server = upstream.accept()
    assert client.answer().status == 504
    assert b"\x16" in server.rest()


def test_an_answer_that_ends_by_closing_is_whole_only_if_tls_says_so(
    serve: Serve, authority: Authority, secure: SecureUpstream
) -> None:
    served = serve(https(secure.node), apisix__ssl=trusting(authority))
    for honest in (True, False):
        client = served.ask(GET)
        server = secure.accept()
        server.head()
        server.send("HTTP/1.1 200 OK\r\n\r\nbody")
        client.head()
        assert client.chunk() == b"body"
        assert isinstance(server.socket, ssl.SSLSocket)
        if honest:
            Thread(target=_unwrap, args=(server.socket,)).start()
            assert client.chunk() == b""
        else:
            server.close()
            assert client.ended()


@pytest.fixture
def choosy(authority: Authority) -> Iterator[SecureUpstream]:
    """An upstream that demands a certificate of the authority's."""
    context = authority.issue("shop.test", "IP:127.0.0.1").server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.root.certificate)
    one = SecureUpstream(context)
    yield one
    one.close()


def shown_by(server: Peer) -> bytes:
    """The certificate that the gateway shows."""
    assert isinstance(server.socket, ssl.SSLSocket)
    return server.socket.getpeercert(binary_form=True) or b""


def test_an_upstream_that_demands_a_certificate_gets_none_unless_it_is_configured(
    serve: Serve, authority: Authority, choosy: SecureUpstream
) -> None:
    served = serve(https(choosy.node), apisix__ssl=trusting(authority))
    client = served.ask(GET)
    refused(choosy)
    assert client.answer().status == 502


def test_a_certificate_may_stand_in_the_upstream(serve: Serve, authority: Authority, choosy: SecureUpstream) -> None:
    ours = authority.issue("gateway.test")
    served = serve(https(choosy.node, upstream__tls=ours.as_tls()), apisix__ssl=trusting(authority))
    client = served.ask(GET)
    server = choosy.accept()
    exchange(client, server)
    assert shown_by(server) == ours.der()


def test_connections_with_different_certificates_are_never_shared(
    serve: Serve, authority: Authority, choosy: SecureUpstream
) -> None:
    first, second = authority.issue("one.test"), authority.issue("two.test")
    served = serve(
        https(choosy.node, id="1", uri="/1", upstream__tls=first.as_tls()),
        https(choosy.node, id="2", uri="/2", upstream__tls=second.as_tls()),
        apisix__ssl=trusting(authority),
    )
    for path, certificate in (("/1", first), ("/2", second), ("/1", first), ("/2", second)):
        client = served.ask(GET.replace("/", path, 1))
        if len(choosy.peers) < 2:
            choosy.accept()
        server = choosy.peers[int(path[1:]) - 1]
        assert server.head().line == f"GET {path} HTTP/1.1"
        server.send(OK)
        assert client.answer().body == b"hi"
        assert shown_by(server) == certificate.der()


def test_a_certificate_is_shown_by_reference_and_followed_when_it_changes(
    serve: Serve, authority: Authority, choosy: SecureUpstream
) -> None:
    first, second = authority.issue("one.test"), authority.issue("two.test")
    named = https(choosy.node, upstream__tls={"client_cert_id": "ours"})
    served = serve(named, ssls=[first.as_client_ssl("ours")], apisix__ssl=trusting(authority))
    client = served.connect()
    for certificate in (first, second):
        served.publish(named, ssls=[certificate.as_client_ssl("ours")])
        client.send(GET)
        server = choosy.accept()
        exchange(client, server)
        assert shown_by(server) == certificate.der()


def test_a_certificate_that_is_missing_is_502_until_it_comes(
    serve: Serve, authority: Authority, choosy: SecureUpstream
) -> None:
    ours, theirs = authority.issue("one.test"), authority.issue("shop.test")
    named = https(choosy.node, upstream__tls={"client_cert_id": "ours"})
    served = serve(named, apisix__ssl=trusting(authority))
    assert "tls.client_cert_id names no ssl of type client" in served.errors.next()
    client = served.ask(GET)
    assert client.answer().status == 502
    served.publish(named, ssls=[theirs.as_ssl("shop.test") | {"id": "ours"}])
    assert client.send(GET).answer().status == 502
    served.publish(named, ssls=[ours.as_client_ssl("ours")])
    client.send(GET)
    exchange(client, choosy.accept())
    served.publish(named)
    assert client.send(GET).answer().status == 502


def test_a_certificate_that_cannot_be_read_is_refused_where_it_stands(serve: Serve, authority: Authority) -> None:
    pair = authority.issue("one.test").as_tls() | {"client_key": authority.issue("two.test").key.read_text()}
    with pytest.raises(gateway.ConfigError, match=r"/upstream/tls/client_cert.*does not belong"):
        serve(https("127.0.0.1:1", upstream__tls=pair))


def _unwrap(socket: ssl.SSLSocket) -> None:
    """Say `close_notify`."""
    with suppress(OSError):
        socket.unwrap()


def test_large_bodies_pass_both_ways(serve: Serve, authority: Authority, secure: SecureUpstream) -> None:
    served = serve(https(secure.node), apisix__ssl=trusting(authority))
    body = bytes(range(256)) * 8192
    client = served.connect()
    sender = Thread(
        target=client.send, args=(f"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {len(body)}\r\n\r\n", body)
    )
    sender.start()
    server = secure.accept()
    assert server.request().body == body
    sender.join()
    answering = Thread(target=server.send, args=(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n", body))
    answering.start()
    assert client.answer().body == body
    answering.join()
