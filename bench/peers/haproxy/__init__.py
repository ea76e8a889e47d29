"""HAProxy, as Debian builds it."""

from __future__ import annotations

import resource
from pathlib import Path
from signal import Signals

from bench.peers.peer import Peer, Setup, service_paths
from bench.processes import run

# As large as the other peers' buffers; with the default of 16 KiB an upload of that size and its
# head do not fit, and take 1.7 times the CPU.
TUNING = "tune.bufsize 65536"
FORWARDED = """\
option forwardfor
http-request set-header X-Real-IP %[src]
http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
http-request set-header X-Forwarded-Host %[req.hdr(host),field(1,:)]
http-request set-header X-Forwarded-Port %[dst_port]
"""
# What nginx does by default when it has another node: a request that got no answer goes there.
RETRIES = """\
option redispatch 1
retry-on conn-failure empty-response response-timeout
"""
CONNECTIONS = 16384
# A proxied connection takes two descriptors, and HAProxy refuses to start with too few of them.
SPARE_FILES = 200
CHECKS = """\
option httpchk GET /
timeout check 500ms
default-server check inter 1s fall 1 rise 1 on-marked-down shutdown-sessions"""


class Haproxy(Peer):
    """HAProxy in front of the upstream."""

    name = "haproxy"
    title = "HAProxy"
    install = "apt install haproxy"
    optional = ("GLOBAL", "DEFAULTS", "FRONTEND")
    reload_signal = Signals.SIGUSR2
    drain_signal = Signals.SIGUSR1

    def version(self) -> str:
        """Return what ``haproxy -v`` says."""
        return " ".join(run([str(self.program), "-v"]).splitlines()[0].split()[:3])

    def output(self, setup: Setup) -> Path | None:
        """Its access log: HAProxy writes to a descriptor, not to a file."""
        return setup.access_log

    def prepare(self, setup: Setup, directory: Path) -> list[str]:
        """Write ``haproxy.cfg`` and, for several routes, the map of prefixes."""
        files = setup.open_files or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        connections = min(CONNECTIONS, max(files - SPARE_FILES, SPARE_FILES) // 2)
        bind = f" ssl crt {setup.certificate.both} ssl-min-ver TLSv1.2" if setup.certificate else ""
        if setup.http2:
            bind += " alpn h2,http/1.1"
        values = {
            "WORKERS": str(setup.workers),
            "CONNECTIONS": str(connections),
            "LOG_TARGET": "log stdout format raw local0" if setup.access_log else "",
            "LOG_FORMAT": "log global\noption httplog" if setup.access_log else "",
            "TUNING": "" if setup.defaults else TUNING,
            "FORWARDED": FORWARDED if setup.defaults else "",
            "PORT": str(setup.port),
            "BIND": bind,
            "ROUTING": _routing(setup, directory),
            "RETRIES": RETRIES if len(setup.upstreams) > 1 else "",
            "CHECKS": CHECKS if setup.checks else "",
            "SERVERS": "\n".join(f"server node-{i} 127.0.0.1:{port}" for i, port in enumerate(setup.upstreams)),
        }
        config = directory / "haproxy.cfg"
        config.write_text(self.fill(Path(__file__).with_name("haproxy.cfg"), values, setup))
        # Reloads need the master; a tracer is easier without.
        mode = "-db" if setup.traced else "-W"
        return [str(self.program), mode, "-f", str(config)]


def _routing(setup: Setup, directory: Path) -> str:
    prefixes = service_paths(setup.routes)
    if not prefixes:
        return "default_backend service"
    routes = directory / "routes.map"
    routes.write_text("".join(f"{prefix} service\n" for prefix in prefixes))
    return f"use_backend %[path,map_beg({routes})]"
