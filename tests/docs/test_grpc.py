"""docs/grpc.md, run: its server behind its route, asked by its client."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

import gateway

PAGE = Path(__file__).parents[2] / "docs/grpc.md"
BLOCK = re.compile(r"^```(?:python|yaml)\n# (?:conf/)?([a-z.]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATIENCE = 20.0


def test_the_example_runs(tmp_path: Path) -> None:
    shown = dict(BLOCK.findall(PAGE.read_text()))
    listen = 'server.add_insecure_port("127.0.0.1:50051")'
    assert listen in shown["greeter.py"]
    listens = "print(server.add_insecure_port('127.0.0.1:0'), flush=True)"
    greeter = [sys.executable, "-c", shown["greeter.py"].replace(listen, listens)]
    server = subprocess.Popen(greeter, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        document = yaml.safe_load(shown["apisix.yaml"].replace("50051", port))
        settings = {
            "apisix": {"node_listen": [{"ip": "127.0.0.1", "port": 0}], "ssl": {"enable": False}, "status": None},
            "nginx_config": {"error_log": str(tmp_path / "error.log")},
            "plugin_attr": {"prometheus": {"enable_export_server": False}},
        }
        with gateway.Gateway(document, settings) as running:
            client = shown["greet.py"].replace("127.0.0.1:9080", running.url.removeprefix("http://"))
            asked = subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, timeout=PATIENCE)
        assert asked.stdout == "Hello, gateway\n", asked.stderr
    finally:
        server.kill()
        server.communicate()
