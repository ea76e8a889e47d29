"""The gateway between parts that others wrote: nginx behind it, curl and websockets in front."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import websockets.sync.client
import websockets.sync.server
from authority import Authority
from dialogue import Upstream
from gateways import Process, Served, route
from nginx import Nginx, find, free_port

Serve = Callable[..., Served]
Run = Callable[..., Process]

SERVER = """server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls} ssl;
    listen 127.0.0.1:{h2c} http2;
    listen 127.0.0.1:{h2} ssl http2;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    root {folder}/www; client_max_body_size 1m;
    location = /host {{ return 200 "$host $scheme $http_x_forwarded_proto\\n"; }}
    location /put/ {{ dav_methods PUT; create_full_put_path on; }}
}}"""


class Files(Nginx):
    """An nginx that serves `www` over HTTP and HTTPS."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.www = folder / "www"
        self.www.mkdir(parents=True)
        self.tls, self.h2c, self.h2, port = (free_port() for _ in range(4))
        shown = authority.issue("shop.test")
        more = {"tls": self.tls, "h2c": self.h2c, "h2": self.h2, "certificate": shown.certificate, "key": shown.key}
        super().__init__(folder, port, SERVER.format(port=port, folder=folder, **more), "on")


@pytest.fixture
def nginx(tmp_path: Path, authority: Authority) -> Iterator[Files]:
    one = Files(tmp_path / "nginx", authority)
    yield one
    one.stop()


def curl(served: Served | Process, path: str, *arguments: str, scheme: str = "http") -> bytes:
    """What `curl` prints."""
    host, port = served.addresses[0]
    url = f"{scheme}://{host}:{port}{path}" if scheme == "http" else f"https://shop.test:{port}{path}"
    command = [find("curl"), "-sS", "--max-time", "20", "--resolve", f"shop.test:{port}:{host}", *arguments, url]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_files_come_through_whole(serve: Serve, nginx: Files) -> None:
    content = os.urandom(3 << 20)
    (nginx.www / "file").write_bytes(content)
    served = serve(route(f"127.0.0.1:{nginx.port}"))
    assert hashlib.sha256(curl(served, "/file")).digest() == hashlib.sha256(content).digest()
    assert curl(served, "/file", "-r", "10-19") == content[10:20]
    assert curl(served, "/file", "-0") == content
    tag = curl(served, "/file", "-I", "-o", os.devnull, "-w", "%header{etag}").decode()
    assert b"HTTP/1.1 404 Not Found" in curl(served, "/none", "-I")
    assert b"HTTP/1.1 304 Not Modified" in curl(served, "/file", "-I", "-H", f"If-None-Match: {tag}")
    many = curl(served, "/file?[1-5]", "-r", "0-0", "-w", "%{num_connects}")
    assert many.count(b"1") - (content[:1] == b"1") * 5 == 1
    assert many.count(b"0") - (content[:1] == b"0") * 5 == 4


def test_files_are_uploaded_whole(serve: Serve, nginx: Files, tmp_path: Path) -> None:
    content = os.urandom(1 << 20)
    (tmp_path / "up").write_bytes(content)
    served = serve(route(f"127.0.0.1:{nginx.port}"))
    told = curl(served, "/put/a", "-T", str(tmp_path / "up"), "-H", "Expect: 100-continue", "-v", "-w", "%{http_code}")
    assert told.endswith((b"201", b"204"))
    assert curl(served, "/put/a") == content
    again = curl(served, "/put/b", "-T", str(tmp_path / "up"), "-H", "Transfer-Encoding: chunked", "-w", "%{http_code}")
    assert again.endswith(b"201")
    assert curl(served, "/put/b") == content


def test_a_body_that_nginx_refuses_early_is_answered(serve: Serve, nginx: Files, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(bytes(8 << 20))
    served = serve(route(f"127.0.0.1:{nginx.port}"))
    told = curl(served, "/put/a", "-T", str(tmp_path / "up"), "-H", "Expect:", "-o", os.devnull, "-w", "%{http_code}")
    assert told == b"413"


def test_both_sides_may_be_https(serve: Serve, nginx: Files, authority: Authority) -> None:
    served = serve(
        route(f"127.0.0.1:{nginx.tls}", upstream__scheme="https"),
        ssls=[authority.issue("shop.test").as_ssl("shop.test")],
        apisix__node_listen=[],
        apisix__ssl={
            "enable": True,
            "listen": [{"ip": "127.0.0.1", "port": 0}],
            "ssl_trusted_certificate": str(authority.root.certificate),
        },
    )
    trust = ["--cacert", str(authority.root.certificate)]
    assert curl(served, "/host", *trust, scheme="https") == b"shop.test https https\n"
    content = os.urandom(2 << 20)
    (nginx.www / "file").write_bytes(content)
    assert curl(served, "/file", *trust, scheme="https") == content
    assert curl(served, "/file", *trust, "--tls-max", "1.2", scheme="https") == content


@pytest.mark.parametrize("client", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nginx_is_spoken_to_in_http_2(
    serve: Serve, nginx: Files, authority: Authority, tmp_path: Path, scheme: str, client: str
) -> None:
    node = f"127.0.0.1:{nginx.h2 if scheme == 'https' else nginx.h2c}"
    trusted = {"enable": False, "ssl_trusted_certificate": str(authority.root.certificate)}
    served = serve(
        route(node, upstream__scheme=scheme, upstream__http_version=2),
        apisix__ssl=trusted,
        http__access_log_format="$status $upstream_status $server_protocol",
    )
    host = ["-H", "Host: shop.test"]
    content = os.urandom(2 << 20)
    (nginx.www / "file").write_bytes(content)
    assert curl(served, "/host", client, *host) == f"shop.test {scheme} http\n".encode()
    version = "HTTP/2.0" if client == "--http2-prior-knowledge" else "HTTP/1.1"
    assert served.log.next() == f"200 200 {version}"
    assert curl(served, "/file", client, *host) == content
    assert curl(served, "/file", client, *host, "-r", "10-19") == content[10:20]
    (tmp_path / "up").write_bytes(content[: 1 << 20])
    for name, more in {"a": "X-Other: 1", "b": "Transfer-Encoding: chunked"}.items():
        arguments = ["-T", str(tmp_path / "up"), "-H", more, "-w", "%{http_code}"]
        if client == "--http1.1" or name == "a":
            assert curl(served, f"/put/{name}", client, *host, *arguments).endswith(b"201")
            assert curl(served, f"/put/{name}", client, *host) == content[: 1 << 20]


def test_nginx_may_restart_without_a_request_lost(serve: Serve, nginx: Files) -> None:
    (nginx.www / "file").write_text("hello")
    served = serve(route(f"127.0.0.1:{nginx.port}"))
    for _ in range(5):
        assert curl(served, "/file") == b"hello"
        nginx.process.send_signal(1)
    nginx.process.terminate()
    nginx.process.wait()
    assert curl(served, "/file", "-o", os.devnull, "-w", "%{http_code}") == b"502"


def test_openssl_agrees_with_the_handshake(serve: Serve, authority: Authority) -> None:
    served = serve(
        ssls=[authority.issue("shop.test").as_ssl("shop.test")],
        apisix__node_listen=[],
        apisix__ssl={"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]},
    )
    host, port = served.addresses[0]
    command = [find("openssl"), "s_client", "-connect", f"{host}:{port}", "-servername", "shop.test", "-brief"]
    command += ["-CAfile", str(authority.root.certificate), "-verify_return_error", "-ign_eof"]
    request = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
    done = subprocess.run(command, input=request, capture_output=True, timeout=20, check=True)
    assert done.stdout.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"Verification: OK" in done.stderr


def test_websocket_libraries_talk_through_it(serve: Serve) -> None:

    def echo(connection: Any) -> None:
        for message in connection:
            connection.send(message)

    with websockets.sync.server.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        node = f"127.0.0.1:{server.socket.getsockname()[1]}"
        served = serve(route(node, enable_websocket=True))
        host, port = served.addresses[0]
        with websockets.sync.client.connect(f"ws://{host}:{port}/chat", max_size=None) as connection:
            for message in ("hello", b"\x00\x01", "x" * (4 << 20)):
                connection.send(message)
                assert connection.recv() == message
        assert served.log.next() == "- 101 101 GET /chat HTTP/1.1"
        server.shutdown()


def test_curl_may_leave(serve: Serve, upstream: Upstream) -> None:
    served = serve(route(upstream.node))
    host, port = served.addresses[0]
    process = subprocess.Popen([find("curl"), "-sS", f"http://{host}:{port}/"], stderr=subprocess.DEVNULL)
    server = upstream.accept()
    server.head()
    process.terminate()
    process.wait()
    assert server.ended()
    assert served.log.next() == "DC 499 - GET / HTTP/1.1"
