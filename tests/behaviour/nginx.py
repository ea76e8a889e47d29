"""A real nginx for upstream nodes: `Nginx(folder, port, "server { listen 127.0.0.1:%d; … }")`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from gateways import patiently

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """
daemon off; master_process {master}; {user} pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
    log_format seen '$host $request_method $uri $http_x_probe'; access_log {folder}/seen.log seen;
    default_type text/plain; client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


def find(name: str) -> str:
    """A program that `make packages` installs."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: `make packages` installs it")
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Nginx:
    """An nginx that can be stopped and started again and, being one process, frozen."""

    def __init__(self, folder: Path, port: int, servers: str, master: str = "off") -> None:
        """Start one with these `server` blocks; `port` is one that they listen on. A master process reloads."""
        self.folder, self.port = folder, port
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        user = "user root;" if os.getuid() == 0 else ""
        text = CONFIGURATION.format(user=user, folder=folder, servers=servers, master=master)
        (folder / "nginx.conf").write_text(text)
        self.start()

    @property
    def node(self) -> str:
        """`host:port`"""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run, and accept connections."""
        log, configuration = self.folder / "nginx.log", self.folder / "nginx.conf"
        self.process = subprocess.Popen([find("nginx"), "-p", self.folder, "-e", log, "-c", configuration])
        for _ in patiently():
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except ConnectionRefusedError:
                assert self.process.poll() is None, log.read_text()

    def freeze(self) -> None:
        """Answer nothing; the kernel accepts connections all the same."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()
