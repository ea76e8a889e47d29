"""Clients behind a load balancer that speaks the PROXY protocol."""

import contextlib
import socket
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from dialogue import PATIENCE, Peer, Upstream
from gateways import EXPORTER, Served, patiently, route, secured
from nginx import find, free_port

Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LINE = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"
BEHIND = {"proxy_protocol": {"listen_http_port": 0}}


def binary(command: int = 1, family: int = 0x11, rest: bytes | None = None) -> bytes:
    """A version 2 header, from 203.0.113.7:56324 to 192.0.2.1:443 with a field behind if nothing else is said."""
    if rest is None:
        ends = socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.1")
        rest = ends + struct.pack("!HH", 56324, 443) + b"\x04\x00\x03abc"
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x20 | command, family, len(rest)) + rest


@pytest.fixture
def behind(serve: Serve, upstream: Upstream) -> Callable[..., Served]:
    """Starts a gateway whose last listener is behind a load balancer."""

    def start(**changes: Any) -> Served:
        log = "$remote_addr $remote_port $realip_remote_addr $proxy_protocol_addr $proxy_protocol_port "
        log += "$proxy_protocol_server_addr $proxy_protocol_server_port $status"
        changes = {"http__access_log_format": log, "apisix__enable_ipv6": False} | changes
        return serve(route(upstream.node), apisix__proxy_protocol=BEHIND["proxy_protocol"], **changes)

    return start


def connect(served: Served) -> Peer:
    """A connection of the load balancer."""
    served.peers.append(Peer(socket.create_connection(("127.0.0.1", served.addresses[1][1]), PATIENCE)))
    return served.peers[-1]


def exchange(client: Peer, server: Peer) -> str:
    """One request and its answer; what the upstream is told of the client."""
    head = server.head()
    server.send(OK)
    assert client.answer().body == b"hi"
    return f"{head['X-Real-IP']} {head['X-Forwarded-For']}"


@pytest.mark.parametrize("header", [LINE.encode(), binary()], ids=["version 1", "version 2"])
def test_the_client_is_whom_the_header_names(behind: Callable[..., Served], upstream: Upstream, header: bytes) -> None:
    served = behind()
    client = connect(served).send(header, GET)
    server = upstream.accept()
    for _ in range(2):  # for every request of the connection
        assert exchange(client, server) == "203.0.113.7 203.0.113.7"
        wanted = "203.0.113.7 56324 127.0.0.1 203.0.113.7 56324 192.0.2.1 443 200"
        assert served.log.next() == wanted
        client.send(GET)


@pytest.mark.parametrize("header", [LINE.encode(), binary()], ids=["version 1", "version 2"])
def test_a_header_may_come_byte_by_byte(behind: Callable[..., Served], upstream: Upstream, header: bytes) -> None:
    served = behind()
    client = connect(served)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(len(header)):
        client.send(header[at : at + 1])
    client.send(GET)
    assert exchange(client, upstream.accept()).startswith("203.0.113.7")


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        binary(command=0, rest=b""),
        binary(command=0),
        binary(family=0, rest=b""),
        binary(family=0x31, rest=bytes(216)),
    ],
    ids=["unknown", "local", "local with addresses", "unspecified", "unix"],
)
def test_a_header_without_an_address_leaves_the_connection_s(
    behind: Callable[..., Served], upstream: Upstream, header: bytes
) -> None:
    served = behind()
    client = connect(served).send(header, GET)
    assert exchange(client, upstream.accept()) == "127.0.0.1 127.0.0.1"
    assert served.log.next().endswith(" 127.0.0.1 - - - - 200")


@pytest.mark.parametrize(
    "noise",
    [
        GET.encode(),
        b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\n" + GET.encode(),
        b"PROXY TCP4 203.0.113.7 192.0.2.1 99999 443\r\n" + GET.encode(),
        b"PROXY TCP4 " + b"1" * 200,
        binary(family=0x11, rest=bytes(11)) + GET.encode(),
        binary(family=0x21, rest=bytes(35)) + GET.encode(),
        binary(command=7) + GET.encode(),
        binary(rest=bytes(5000)),
        b"\r\n\r\n" + GET.encode(),
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_a_connection_without_a_good_header_is_closed_unanswered_and_counted(
    behind: Callable[..., Served], upstream: Upstream, noise: bytes
) -> None:
    served = behind(plugin_attr__prometheus=EXPORTER)
    assert connect(served).send(noise).ended()
    assert "connection without a PROXY header client=127.0.0.1" in served.errors.next()
    assert served.metrics()['gateway_client_connections_refused_total{reason="proxy_protocol"}'] == 1
    assert exchange(connect(served).send(LINE, GET), upstream.accept()).startswith("203.0.113.7")


def test_a_header_that_does_not_come_in_time_is_not_waited_for(behind: Callable[..., Served]) -> None:
    served = behind(http__client_header_timeout="100ms")
    assert connect(served).send("PROXY ").ended()
    assert "no PROXY header in time" in served.errors.next()


def test_other_ports_take_no_header(behind: Callable[..., Served]) -> None:
    served = behind()
    assert served.ask(LINE + GET).answer().status == 400


def test_the_header_comes_before_tls(serve: Serve, authority: Authority, upstream: Upstream) -> None:
    served = serve(
        route(upstream.node),
        ssls=[authority.issue("shop").as_ssl("shop")],
        apisix__ssl={"enable": True, "listen": []},
        apisix__proxy_protocol={"listen_https_port": 0},
        apisix__enable_ipv6=False,
    )
    # The header and the client's hello in one segment, as busy balancers send them.
    client = connect(served)
    client.send(LINE)
    client = secured(client, authority.client(), "shop").send(GET)
    assert exchange(client, upstream.accept()) == "203.0.113.7 203.0.113.7"
    assert connect(served).send(GET).ended()


def test_a_field_is_believed_by_the_client_s_address_not_the_balancer_s(
    behind: Callable[..., Served], upstream: Upstream
) -> None:
    served = behind()  # real_ip_from is 127.0.0.1, where the balancer is
    client = connect(served).send(LINE, GET.replace("\r\n\r\n", "\r\nX-Real-IP: 198.51.100.9\r\n\r\n"))
    assert exchange(client, upstream.accept()) == "203.0.113.7 203.0.113.7"


@pytest.mark.parametrize(("balancer", "client"), [("127.0.0.1", "203.0.113.7"), ("192.0.2.99", "127.0.0.1")])
def test_only_listed_balancers_are_believed_where_real_ip_says_so(
    behind: Callable[..., Served], upstream: Upstream, balancer: str, client: str
) -> None:
    served = behind(http__real_ip_header="proxy_protocol", http__real_ip_from=[balancer])
    spoof = GET.replace("\r\n\r\n", "\r\nproxy_protocol: 198.51.100.9\r\n\r\n")
    assert exchange(connect(served).send(LINE, spoof), upstream.accept()) == f"{client} {client}"
    assert served.log.next().split()[3] == "203.0.113.7"


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_speaks_for_a_client(behind: Callable[..., Served], upstream: Upstream, version: str) -> None:
    served = behind()
    url = f"http://127.0.0.1:{served.addresses[1][1]}/"
    with subprocess.Popen([find("curl"), "-s", version, "--haproxy-protocol", url], stdout=subprocess.PIPE) as curl:
        server = upstream.accept()
        assert server.head()["X-Real-IP"] == "127.0.0.1"
        server.send(OK)
        assert curl.communicate(timeout=PATIENCE)[0] == b"hi"
    assert " 127.0.0.1 127.0.0.1 " in served.log.next()


HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 15s
    timeout server 15s
frontend front
    bind 127.0.0.1:{front}
    default_backend behind
backend behind
    server gateway 127.0.0.1:{port} {speak}
"""


@pytest.mark.parametrize("speak", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"])
def test_haproxy_speaks_for_a_client(
    behind: Callable[..., Served], upstream: Upstream, tmp_path: Path, speak: str
) -> None:
    served = behind()
    front = free_port()
    (tmp_path / "haproxy.cfg").write_text(HAPROXY.format(front=front, port=served.addresses[1][1], speak=speak))
    with subprocess.Popen([find("haproxy"), "-q", "-db", "-f", str(tmp_path / "haproxy.cfg")]) as haproxy:
        try:
            client = answering(front)
            port = client.socket.getsockname()[1]
            client.send(GET)
            server = upstream.accept()
            server.head()
            server.send(OK)
            assert client.answer().body == b"hi"
            assert served.log.next() == f"127.0.0.1 {port} 127.0.0.1 127.0.0.1 {port} 127.0.0.1 {front} 200"
            client.close()
        finally:
            haproxy.terminate()


def answering(port: int) -> Peer:
    """A connection, as soon as somebody listens."""
    for _ in patiently():
        with contextlib.suppress(ConnectionRefusedError):
            return Peer(socket.create_connection(("127.0.0.1", port), PATIENCE))
    raise AssertionError(f"nobody listens on {port}")
