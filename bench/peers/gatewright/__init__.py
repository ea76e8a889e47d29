"""Gatewright: the installed command, with APISIX's files."""

from __future__ import annotations

import sys
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.peers.peer import Peer, Setup, service_paths
from bench.processes import free_ports, run

if TYPE_CHECKING:
    from bench.certificate import Certificate

# Serves, then sleeps in C without giving the interpreter away, as an extension that computes would.
STUCK = """\
import ctypes, os, sys
from pathlib import Path
from gateway import Gateway
from gateway.configuration import load
gateway = Gateway.configured(load(Path(sys.argv[1]), os.environ))
gateway.handle_signals = True
gateway.start()
ctypes.PyDLL(None).sleep(600)
"""
CHECKS = """\
checks:
  active:
    timeout: 0.5
    healthy: {interval: 1, successes: 1}
    unhealthy: {interval: 1, http_failures: 1, tcp_failures: 1, timeouts: 1}"""
# Requests on one upstream connection: APISIX's default, and "no limit".
DEFAULT_POOL_REQUESTS = 1000
TUNED_POOL_REQUESTS = 100_000_000


class Gatewright(Peer):
    """Gatewright in front of the upstream."""

    name = "gatewright"
    title = "Gatewright"
    install = "make setup"
    optional = ("SETTINGS", "RESOURCES", "ROUTE")
    reload_signal = Signals.SIGHUP
    runs_python = True
    watched_file = "apisix.yaml"
    metrics_path = "/apisix/prometheus/metrics"

    @classmethod
    def elsewhere(cls) -> Path | None:
        """Return the program beside this Python, which need not be on PATH."""
        beside = Path(sys.executable).with_name("gatewright")
        return beside if beside.exists() else None

    def version(self) -> str:
        """Return what ``gatewright version`` says."""
        return run([str(self.program), "version"]).strip().splitlines()[0]

    def prepare(self, setup: Setup, directory: Path) -> list[str]:
        """Write ``config.yaml`` and ``apisix.yaml``."""
        here = Path(__file__).parent
        control, status, metrics = free_ports(3)
        log = f"access_log: {setup.access_log}" if setup.access_log else ""
        settings = {
            "LISTEN": _listen(setup),
            # Beside a gateway that already has the default ports.
            "CONTROL_PORT": str(control),
            "STATUS_PORT": str(status),
            "METRICS_PORT": str(setup.metrics or metrics),
            "WORKERS": str(setup.workers),
            "LOGGING": "true" if setup.access_log else "false",
            "ACCESS_LOG": log,
        }
        pool = DEFAULT_POOL_REQUESTS if setup.defaults else TUNED_POOL_REQUESTS
        resources = {
            "NODES": "\n".join(f'"127.0.0.1:{port}": 1' for port in setup.upstreams),
            "POOL_REQUESTS": str(pool),
            "CHECKS": CHECKS if setup.checks else "",
            "ROUTES": "\n".join(_route(setup, path) for path in service_paths(setup.routes) or "/"),
            "SSLS": _ssls(setup.certificate) if setup.certificate else "",
        }
        config = directory / "config.yaml"
        config.write_text(self.fill(here / "config.yaml", settings, setup))
        (directory / "apisix.yaml").write_text(self.fill(here / "apisix.yaml", resources, setup))
        if setup.stuck:
            return [_interpreter(self.program), "-c", STUCK, str(config)]
        return [str(self.program), "run", "--config", str(config), "--pid", str(directory / "gatewright.pid")]


def _interpreter(program: Path) -> str:
    """Return the Python that an installed command names in its first line."""
    with program.open("rb") as file:
        first = file.readline().decode(errors="replace").strip()
    if not first.startswith("#!") or "python" not in first:
        message = f"{program} does not say which Python it runs in"
        raise BenchError(message)
    return first.removeprefix("#!").strip()


def _listen(setup: Setup) -> str:
    address = f"{{ip: 127.0.0.1, port: {setup.port}}}"
    if setup.certificate is None:
        return f"node_listen: [{address}]\nssl: {{enable: false}}"
    # The default is a plain listener on 9080; an empty list says that there is none.
    return f"node_listen: []\nssl:\n  enable: true\n  fallback_sni: localhost\n  listen: [{address}]"


def _route(setup: Setup, prefix: str) -> str:
    identity = prefix.strip("/") or "all"
    extra = "".join(f"\n  {line}" for line in setup.additions.get("ROUTE", "").splitlines())
    return f'- id: {identity}\n  uri: "{prefix}*"\n  upstream_id: service{extra}'


def _ssls(certificate: Certificate) -> str:
    def inline(pem: Path) -> str:
        return "\n".join(f"      {line}" for line in pem.read_text().splitlines())

    return (
        "ssls:\n  - id: localhost\n    snis: [localhost]\n"
        f"    cert: |\n{inline(certificate.chain)}\n    key: |\n{inline(certificate.key)}"
    )
