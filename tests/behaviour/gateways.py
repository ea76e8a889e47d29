"""A running gateway as tests see it: in the test's own process, or as `gatewright run`."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from dialogue import PATIENCE, Peer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    import gateway


class Lines:
    """The lines of a file that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0

    def next(self) -> str:
        """Wait for one more whole line."""
        for _ in patiently():
            text = self.path.read_bytes()[self.read :] if self.path.exists() else b""
            if (end := text.find(b"\n")) >= 0:
                self.read += end + 1
                return text[:end].decode("latin-1")
        raise AssertionError(f"no further line in {self.path}")

    def with_text(self, text: str) -> str:
        """Wait for a line that holds `text`."""
        while text not in (line := self.next()):
            pass
        return line


EXPORTER = {"enable_export_server": True, "export_addr": {"ip": "127.0.0.1", "port": 0}}
"""`plugin_attr.prometheus` of a gateway whose last listener is for metrics."""


class Served:
    """A running gateway, as a test sees it."""

    def __init__(self, running: gateway.Gateway, folder: Path) -> None:
        self.gateway = running
        self.log = Lines(folder / "access.log")
        self.errors = Lines(folder / "error.log")
        self.peers: list[Peer] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """What is listened on."""
        return [address(one["address"]) for one in self.gateway.status()["listeners"]]

    def connect(self) -> Peer:
        """A new client."""
        self.peers.append(Peer(socket.create_connection(self.addresses[0], PATIENCE)))
        return self.peers[-1]

    def connect_tls(self, context: ssl.SSLContext, name: str | None) -> Peer:
        """A new client of the first TLS listener."""
        return secured(self.connect(), context, name)

    def ask(self, request: str) -> Peer:
        """A new client that has asked."""
        return self.connect().send(request)

    def metrics(self) -> dict[str, float]:
        """The samples, by name and labels, where the last listener is for metrics."""
        self.peers.append(Peer(socket.create_connection(self.addresses[-1], PATIENCE)))
        answer = self.peers[-1].send("GET /apisix/prometheus/metrics HTTP/1.1\r\nHost: m\r\n\r\n").answer()
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.body.decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}

    def publish(self, *routes: dict[str, Any], **resources: Any) -> None:
        """Serve other resources."""
        self.gateway.publish(document(routes, resources))

    def stop(self) -> bool:
        """End it, without much patience for what is still under way."""
        for peer in self.peers:
            peer.close()
        return self.gateway.stop(5.0)


def secured(peer: Peer, context: ssl.SSLContext, name: str | None) -> Peer:
    """The peer, after a TLS handshake; an end of the connection without `close_notify` raises."""
    peer.socket = context.wrap_socket(
        peer.socket, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
    )
    peer.socket.do_handshake()
    return peer


class Process:
    """`gatewright run` with files of its own."""

    def __init__(self, folder: Path, settings: dict[str, Any], resources: dict[str, Any], **popen: Any) -> None:
        self.folder = folder
        self.log = Lines(folder / "access.log")
        self.errors = Lines(folder / "error.log")
        self.resources = folder / "apisix.yaml"
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        self.resources.write_text(yaml.safe_dump(resources))
        program = "import sys; from gateway.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "run", "--json", "--config", str(folder / "config.yaml")]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
        )
        assert self.process.stdout is not None
        self.told = yaml.safe_load(self.process.stdout.readline() or "{}")
        self.peers: list[Peer] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """What is listened on."""
        return [address(text) for text in self.told["listeners"]]

    def connect(self) -> Peer:
        """A new client."""
        self.peers.append(Peer(socket.create_connection(self.addresses[0], PATIENCE)))
        return self.peers[-1]

    def write(self, resources: dict[str, Any] | str) -> None:
        """Replace the resource file, in one step as editors do."""
        new = self.folder / "apisix.yaml.new"
        new.write_text(resources if isinstance(resources, str) else yaml.safe_dump(resources))
        new.rename(self.resources)

    def settle(self) -> None:
        """Wait until the process has all that it needs: its loop has begun, for it has read the file again."""
        self.signal(signal.SIGHUP)
        self.errors.with_text("serving a new configuration")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(PATIENCE)

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def descriptors(self) -> int:
        """Open descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208

    def kill(self) -> None:
        for peer in self.peers:
            peer.close()
        self.process.kill()
        self.process.communicate()


def route(*nodes: str, **more: Any) -> dict[str, Any]:
    """A route for every path to the nodes; `upstream__retries=1` for keys of its upstream."""
    upstream: dict[str, Any] = {"type": "roundrobin", "nodes": dict.fromkeys(nodes, 1)}
    made: dict[str, Any] = {"id": "all", "uri": "/*", "upstream": upstream}
    for key, value in more.items():
        section, _, name = key.partition("__")
        (upstream if section == "upstream" else made)[name or section] = value
    return made


def document(routes: tuple[dict[str, Any], ...], resources: dict[str, Any]) -> dict[str, Any]:
    """The resource file with these routes."""
    return {"routes": list(routes), **resources}


def address(text: str) -> tuple[str, int]:
    """`host:port` in two parts."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def patiently() -> Iterator[None]:
    """Go round until `PATIENCE` is over, with a short pause between two looks."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        yield
        time.sleep(0.005)
