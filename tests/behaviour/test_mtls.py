"""Clients that must show a certificate."""

import hashlib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from authority import Authority, Certificate
from dialogue import Peer, Upstream
from gateways import Served, route
from nginx import find

import gateway

Serve = Callable[..., Served]

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def get(host: str, path: str = "/") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of clients."""
    return Authority(tmp_path_factory.mktemp("clients"))


class World:
    """A gateway with `open.test`, and `closed.test` that wants a certificate."""

    def __init__(self, served: Served, authority: Authority, upstream: Upstream) -> None:
        self.served = served
        self.authority = authority
        self.upstream = upstream

    def connect(self, name: str, certificate: Certificate | None = None) -> Peer:
        context = self.authority.client()
        if certificate:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return self.served.connect_tls(context, name)

    def passes(self, client: Peer, request: str) -> None:
        """The request reaches the upstream and is answered."""
        client.send(request)
        server = self.upstream.accept() if not self.upstream.peers else self.upstream.peers[0]
        server.head()
        server.send(OK)
        assert client.answer().body == b"hi"

    def refused(self, client: Peer, request: str) -> int:
        """The status of a request that the gateway answers by itself."""
        answer = client.send(request).answer()
        assert answer["Content-Type"] == "application/problem+json"
        return answer.status


def asking(certificate: Certificate, clients: Authority, *names: str, **more: Any) -> dict[str, Any]:
    """The SSL object for these names that wants a certificate of `clients`."""
    return certificate.as_ssl(*names) | {"client": {"ca": clients.root.certificate.read_text(), **more}}


@pytest.fixture
def world(serve: Serve, authority: Authority, clients: Authority, upstream: Upstream) -> Callable[..., World]:
    def start(log: str = "$status $ssl_client_verify", **more: Any) -> World:
        served = serve(
            route(upstream.node),
            ssls=[
                authority.issue("open.test").as_ssl("open.test"),
                asking(authority.issue("closed.test"), clients, "closed.test", **more),
            ],
            apisix__node_listen=[],
            apisix__ssl={"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]},
            http__access_log_format=log,
        )
        return World(served, authority, upstream)

    return start


def test_a_client_with_a_certificate_of_the_authority_s_is_served(
    world: Callable[..., World], clients: Authority
) -> None:
    one = world()
    client = one.connect("closed.test", clients.issue("client.test"))
    for _ in range(2):
        one.passes(client, get("closed.test"))
        assert one.served.log.next() == "200 SUCCESS"
    one.passes(one.connect("open.test"), get("open.test"))
    assert one.served.log.next() == "200 NONE"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_without_a_good_one_does_not_get_through_the_handshake(
    world: Callable[..., World], authority: Authority, version: ssl.TLSVersion
) -> None:
    one = world()
    for certificate in (None, authority.issue("client.test")):
        context = authority.client()
        context.minimum_version = context.maximum_version = version
        if certificate:
            context.load_cert_chain(certificate.certificate, certificate.key)
        with pytest.raises(OSError, match=r"(?i)alert|reset|eof"):
            one.served.connect_tls(context, "closed.test").send(get("closed.test")).head()
        assert "TLS handshake failed" in one.served.errors.next()


def test_paths_may_need_no_certificate(world: Callable[..., World], authority: Authority, clients: Authority) -> None:
    one = world(skip_mtls_uri_regex=["^/health$", "^/open/"])
    stranger = one.connect("closed.test")
    one.passes(stranger, get("closed.test", "/health"))
    one.passes(stranger, get("closed.test", "/open/a"))
    for path in ("/", "/healthy", "/open/../secret", "/a/open/", "/open%2F..%2Fsecret"):
        assert one.refused(stranger, get("closed.test", path)) == 400, path
    one.passes(stranger, get("closed.test", "/health"))
    one.passes(one.connect("closed.test", clients.issue("client.test")), get("closed.test"))
    # A bad certificate is no worse than none.
    bad = one.connect("closed.test", authority.issue("client.test"))
    assert one.refused(bad, get("closed.test")) == 400
    one.passes(bad, get("closed.test", "/health"))
    log = [one.served.log.next() for _ in range(11)]
    assert log[2] == "400 NONE"
    assert log[8] == "200 SUCCESS"
    assert log[9] == "400 FAILED:certificate signature failure"  # its authority has the same name


def test_another_host_s_certificate_is_not_got_round_by_connecting_for_this_one(world: Callable[..., World]) -> None:
    one = world()
    client = one.connect("open.test")
    for _ in range(2):  # not by the first request, and not by a later one
        for host in ("closed.test", "CLOSED.test", "closed.test:443", "closed.test."):
            assert one.refused(client, get(host)) == 421
        one.passes(client, get("open.test"))
    assert one.refused(client, "GET https://closed.test/ HTTP/1.1\r\nHost: closed.test\r\n\r\n") == 421


def test_the_same_holds_over_http2(world: Callable[..., World], clients: Authority) -> None:
    one = world("$server_protocol $status $ssl_client_verify")
    host, port = one.served.addresses[0]
    ours = clients.issue("client.test")
    command = [find("curl"), "-s", "--http2", "--cacert", str(one.authority.root.certificate)]
    for name in ("open.test", "closed.test"):
        command += ["--resolve", f"{name}:{port}:{host}"]

    def ask(name: str, *more: str) -> None:
        url = f"https://{name}:{port}/"
        subprocess.run([*command, "--max-time", "15", *more, url], check=True, capture_output=True)

    ask("open.test", "-H", "Host: closed.test")
    assert one.served.log.next() == "HTTP/2.0 421 NONE"
    answering = Thread(target=lambda: (one.upstream.accept().head(), one.upstream.peers[0].send(OK)))
    answering.start()
    ask("closed.test", "--cert", str(ours.certificate), "--key", str(ours.key))
    answering.join()
    assert one.served.log.next() == "HTTP/2.0 200 SUCCESS"


def test_a_certificate_that_is_good_for_one_host_opens_no_other(
    serve: Serve, authority: Authority, clients: Authority, upstream: Upstream, tmp_path: Path
) -> None:
    others = Authority(tmp_path)
    served = serve(
        route(upstream.node),
        ssls=[
            asking(authority.issue("a.test"), clients, "a.test"),
            asking(authority.issue("b.test"), others, "b.test"),
            asking(authority.issue("c.test"), clients, "c.test"),
            asking(authority.issue("d.test"), clients, "d.test", depth=0),
        ],
        apisix__node_listen=[],
        apisix__ssl={"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]},
    )
    one = World(served, authority, upstream)
    client = one.connect("a.test", clients.issue("client.test"))
    one.passes(client, get("a.test"))
    assert one.refused(client, get("b.test")) == 421
    one.passes(client, get("c.test"))  # wants the same
    assert one.refused(client, get("d.test")) == 421


def test_a_change_of_what_is_wanted_holds_for_connections_that_are_open(
    world: Callable[..., World], authority: Authority, clients: Authority
) -> None:
    one = world()
    known = one.connect("closed.test", clients.issue("client.test"))
    stranger = one.connect("open.test")
    one.passes(known, get("closed.test"))
    one.passes(stranger, get("open.test"))
    # Another certificate of ours for the same clients changes nothing for them; `open.test` closes.
    both = asking(authority.issue("closed.test"), clients, "closed.test", "open.test")
    one.served.publish(route(one.upstream.node), ssls=[both])
    one.passes(known, get("closed.test"))
    assert one.refused(stranger, get("open.test")) == 421


def test_a_client_s_certificate_is_told_in_nginx_s_words(world: Callable[..., World], clients: Authority) -> None:
    names = ["s_dn", "i_dn", "serial", "fingerprint", "v_start", "v_end", "v_remain", "escaped_cert"]
    one = world("|".join(f"$ssl_client_{name}" for name in names) + "|$ssl_session_reused")
    ours = clients.issue("client.test")
    one.passes(one.connect("closed.test", ours), get("closed.test"))
    told = dict(zip([*names, "reused"], one.served.log.next().split("|"), strict=True))
    wanted = ssl._ssl._test_decode_cert(str(ours.certificate))  # type: ignore[attr-defined]
    assert told["s_dn"].startswith("CN=test ")
    assert told["i_dn"] == "CN=Test Root"
    assert told["serial"] == wanted["serialNumber"]
    assert told["fingerprint"] == hashlib.sha1(ours.der(), usedforsecurity=False).hexdigest()
    assert told["v_start"] == wanted["notBefore"]
    assert told["v_end"] == wanted["notAfter"]
    assert told["v_remain"] in ("29", "30")
    assert told["escaped_cert"].startswith("-----BEGIN%20CERTIFICATE-----%0A")
    assert told["reused"] == "."


def test_an_authority_or_pattern_that_cannot_be_read_is_refused_where_it_stands(
    serve: Serve, authority: Authority, clients: Authority
) -> None:
    good = asking(authority.issue("a.test"), clients, "a.test")
    with pytest.raises(gateway.ConfigError, match=r"/client/ca.*failed to parse cert"):
        serve(ssls=[good | {"client": {"ca": "x" * 200}}])
    with pytest.raises(gateway.ConfigError, match=r"/client/skip_mtls_uri_regex/1.*invalid regular expression"):
        serve(ssls=[good | {"client": good["client"] | {"skip_mtls_uri_regex": ["/a", "("]}}])
