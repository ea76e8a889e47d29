"""nginx, as Debian builds it: the peer all ratios refer to."""

from __future__ import annotations

import resource
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from bench.peers.peer import Peer, Setup, service_paths
from bench.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence

TUNING = """\
# Connections live as long as clients keep them; the default is 1,000 requests.
keepalive_requests 100000000;
# As large as Gatewright's and HAProxy's, so that a large body moves in the same steps, and never
# through a file.
proxy_buffer_size 64k;
proxy_buffers 8 64k;
proxy_max_temp_file_size 0;
# The default, 8 KiB, would send every upload of the benchmark through a file.
client_body_buffer_size 64k;
"""
POOL = "keepalive_requests 100000000;"
# What APISIX, and so Gatewright, tells an upstream about the client.
FORWARDED = """\
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host;
proxy_set_header X-Forwarded-Port $server_port;
"""
CONNECTIONS = 16384


class Nginx(Peer):
    """nginx in front of the upstream."""

    name = "nginx"
    title = "nginx"
    install = "apt install nginx-light"
    optional = ("HTTP", "SERVER", "LOCATION")
    reload_signal = Signals.SIGHUP
    drain_signal = Signals.SIGQUIT

    def version(self) -> str:
        """Return what ``nginx -v`` says."""
        return run([str(self.program), "-v"]).strip().removeprefix("nginx version: ")

    def prepare(self, setup: Setup, directory: Path) -> list[str]:
        """Write ``nginx.conf``."""
        files = setup.open_files or CONNECTIONS * 2
        values = {
            "MASTER": "off" if setup.traced else "on",
            "WORKERS": str(setup.workers),
            "DIRECTORY": str(directory),
            "OPEN_FILES": str(min(files, _hard_limit())),
            "CONNECTIONS": str(CONNECTIONS),
            "ACCESS_LOG": str(setup.access_log or "off"),
            "TUNING": "" if setup.defaults else TUNING,
            "POOL": "" if setup.defaults else POOL,
            "FORWARDED": FORWARDED if setup.defaults else "",
            "SERVERS": "\n".join(f"server 127.0.0.1:{port};" for port in setup.upstreams),
            "LISTEN": _listen(setup),
            "LOCATIONS": _locations(service_paths(setup.routes) or ["/"], setup),
        }
        config = directory / "nginx.conf"
        config.write_text(self.fill(Path(__file__).with_name("nginx.conf"), values, setup))
        return [str(self.program), "-c", str(config), "-p", str(directory)]


def _listen(setup: Setup) -> str:
    options = "backlog=4096" + (" reuseport" if setup.workers > 1 else "")
    if setup.certificate is None:
        return f"listen 127.0.0.1:{setup.port} {options};"
    return (
        f"listen 127.0.0.1:{setup.port} ssl{' http2' if setup.http2 else ''} {options};\n"
        f"ssl_certificate {setup.certificate.chain};\n"
        f"ssl_certificate_key {setup.certificate.key};\n"
        "ssl_protocols TLSv1.2 TLSv1.3;"
    )


def _locations(prefixes: Sequence[str], setup: Setup) -> str:
    extra = "".join(f" {line}" for line in setup.additions.get("LOCATION", "").splitlines())
    return "\n".join(f"location {prefix} {{ proxy_pass http://service;{extra} }}" for prefix in prefixes)


def _hard_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
