"""HTTP/2 clients that others wrote: curl and h2load in front, nginx behind."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from authority import Authority
from gateways import Served, route
from nginx import Nginx, find, free_port

Serve = Callable[..., Served]

SERVER = """server {{
    listen 127.0.0.1:{port};
    root {folder}/www; client_max_body_size 8m; keepalive_requests 100000;
    location /put/ {{ dav_methods PUT; create_full_put_path on; }}
}}"""


class Files(Nginx):
    """An nginx that serves `www`."""

    def __init__(self, folder: Path) -> None:
        self.www = folder / "www"
        self.www.mkdir(parents=True)
        port = free_port()
        super().__init__(folder, port, SERVER.format(port=port, folder=folder), "on")


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Files]:
    one = Files(tmp_path / "nginx")
    yield one
    one.stop()


def curl(port: int, path: str, *arguments: str, scheme: str = "http") -> bytes:
    """What `curl` prints, which speaks HTTP/2."""
    url = f"{scheme}://shop.test:{port}{path}"
    how = "--http2-prior-knowledge" if scheme == "http" else "--http2"
    command = [find("curl"), "-sS", "--max-time", "20", how, "--resolve", f"shop.test:{port}:127.0.0.1"]
    return subprocess.run([*command, *arguments, url], capture_output=True, check=True).stdout


def test_files_come_and_go_whole(serve: Serve, nginx: Files, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (nginx.www / "file").write_bytes(content)
    (tmp_path / "up").write_bytes(content)
    served = serve(route(f"127.0.0.1:{nginx.port}"))
    _, port = served.addresses[0]
    assert hashlib.sha256(curl(port, "/file")).digest() == hashlib.sha256(content).digest()
    assert curl(port, "/file", "-r", "10-19", "-w", "%{http_version}") == content[10:20] + b"2"
    assert curl(port, "/put/a", "-T", str(tmp_path / "up"), "-w", "%{http_code}").endswith(b"201")
    assert curl(port, "/put/a") == content


def test_it_is_agreed_on_over_tls(serve: Serve, nginx: Files, authority: Authority) -> None:
    (nginx.www / "file").write_text("hello")
    served = serve(
        route(f"127.0.0.1:{nginx.port}"),
        ssls=[authority.issue("shop.test").as_ssl("shop.test")],
        apisix__node_listen=[],
        apisix__ssl={"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]},
    )
    _, port = served.addresses[0]
    trust = ["--cacert", str(authority.root.certificate), "-w", "%{http_version}"]
    assert curl(port, "/file", *trust, scheme="https") == b"hello2"
    # Over TLS, because Debian's curl does not manage a second request without.
    many = curl(port, "/file?[1-5]", *trust, "-w", "%{num_connects}", scheme="https")
    assert many == b"hello1" + b"hello0" * 4


def test_a_load_is_served_whole(serve: Serve, nginx: Files) -> None:
    (nginx.www / "file").write_bytes(os.urandom(20_000))
    served = serve(route(f"127.0.0.1:{nginx.port}"), http__access_log=os.devnull)
    _, port = served.addresses[0]
    command = [find("h2load"), "-n", "2000", "-c", "10", "-m", "20", f"http://127.0.0.1:{port}/file"]
    told = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert b"2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout" in told
