"""h2spec's 146 cases against the gateway: ``python -m bench.conformance H2SPEC``.

Strictly, over TLS and without; fails where one case does. ``H2SPEC`` is the program, which
``make h2spec`` installs with Go.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import gateway
from bench.certificate import Certificate
from bench.processes import free_ports
from bench.upstream import start_upstream
from bench.workspace import workspace

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 5
"""How long h2spec waits for what a case expects; nothing takes that long unless it fails."""


def serve(directory: Path, plain: int, secured: int, upstream: int) -> gateway.Gateway:
    """Start a gateway with a plain port and a TLS port in front of an upstream."""
    certificate = Certificate.generate(directory)
    settings = {
        "apisix": {
            "node_listen": [{"ip": "127.0.0.1", "port": plain}],
            "ssl": {"enable": True, "listen": [{"ip": "127.0.0.1", "port": secured}]},
            "status": None,
        },
        "nginx_config": {
            "worker_processes": 1,
            "error_log": str(directory / "error.log"),
            "http": {"access_log": str(directory / "access.log")},
        },
        "plugin_attr": {"prometheus": {"enable_export_server": False}},
    }
    nodes = {f"127.0.0.1:{upstream}": 1}
    resources = {
        "routes": [{"id": "all", "uri": "/*", "upstream": {"type": "roundrobin", "nodes": nodes}}],
        "ssls": [
            {
                "id": "1",
                "snis": ["*"],
                "cert": certificate.chain.read_text(),
                "key": certificate.key.read_text(),
            }
        ],
    }
    running = gateway.Gateway(resources, settings)
    running.start()
    return running


def ask(program: str, plain: int, secured: int) -> int:
    """Run h2spec against both ports; not 0 if a case failed."""
    failed = 0
    for more in (["--port", str(plain)], ["--port", str(secured), "--tls", "--insecure"]):
        command = [program, "--host", "127.0.0.1", "--strict", "--timeout", str(SECONDS), *more]
        failed |= subprocess.run(command, check=False).returncode  # noqa: S603 - who starts this names the program
    return failed


def main() -> int:
    """Run the suite; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="h2spec")
    arguments = parser.parse_args()
    with workspace() as directory:
        plain, secured, upstream = free_ports(3)
        running = serve(directory, plain, secured, upstream)
        try:
            with start_upstream(directory, upstream, sorted(os.sched_getaffinity(0))):
                return ask(arguments.program, plain, secured)
        finally:
            running.stop(1.0)


if __name__ == "__main__":
    sys.exit(main())
