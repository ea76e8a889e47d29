"""A stand-in for the extension, so that the Python side is tested where it has not been built.

It keeps the contract of `_gateway.pyi` in the smallest way: PyYAML parses, a route needs a `uri`, listeners are bound
and never accepted from, signals are taken by a thread of its own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
import types
from typing import Any

import yaml

SIGNALS = {
    signal.SIGHUP: "reload",
    signal.SIGUSR1: "reopen",
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGQUIT: "stop",
}


class ConfigError(Exception):
    pass


class Rejected(Exception):
    pass


class Invalid(Exception):
    pass


class Engine:
    def __init__(self, settings: bytes) -> None:
        self.settings = json.loads(settings)
        self.revision = 0
        self.published: Any = None
        self.sockets: list[socket.socket] = []
        self.reader, self.writer = os.pipe()
        if self.settings["handle_signals"]:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            threading.Thread(target=self._take_signals, daemon=True).start()

    def _take_signals(self) -> None:
        while True:
            self.emit(SIGNALS[signal.Signals(signal.sigwait(SIGNALS))])

    def emit(self, event: str) -> None:
        os.write(self.writer, event[:3].encode())

    def start(self) -> None:
        for listen in self.settings["listen"]:
            one = socket.socket(socket.AF_INET6 if ":" in listen["ip"] else socket.AF_INET)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if ":" in listen["ip"]:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.sockets.append(one)
            try:
                one.bind((listen["ip"], listen["port"]))
                one.listen()
            except OSError as error:
                self._close()
                raise OSError(error.errno, error.strerror, f"{listen['ip']}:{listen['port']}") from None

    def _close(self) -> None:
        for one in self.sockets:
            one.close()
        self.sockets = []

    def publish_file(self, text: bytes, format: str, path: str) -> bytes:
        if problems := json.loads(check_file(text, format, path)):
            raise Rejected(json.dumps(problems).encode())
        self.published = load(text)
        self.revision += 1
        return json.dumps({"revision": self.revision, "problems": []}).encode()

    def next_event(self) -> str | None:
        return {"rel": "reload", "reo": "reopen", "sto": "stop"}[os.read(self.reader, 3).decode()]

    def event_fd(self) -> int:
        return self.reader

    def drain(self, timeout: float) -> bool:
        self._close()
        return True

    def status(self) -> bytes:
        names = [one.getsockname() for one in self.sockets]
        return json.dumps(
            {"ready": True, "revision": self.revision, "listeners": [f"{n[0]}:{n[1]}" for n in names]}
        ).encode()


def load(text: bytes) -> Any:
    return yaml.safe_load(re.sub(rb"\t", b" ", text))


def check_file(text: bytes, format: str, path: str) -> bytes:
    try:
        document = load(text) or {}
    except yaml.YAMLError as error:
        return json.dumps([_problem(error)]).encode()
    problems = [
        {"line": 1, "column": 1, "path": f"routes[{index}]", "message": "value should match only one schema"}
        for index, route in enumerate(document.get("routes") or [])
        if "uri" not in route
    ]
    return json.dumps(problems).encode()


def parse_file(text: bytes, format: str, environ: dict[str, str]) -> bytes:
    replaced = re.sub(
        r"\$\{\{\s*(\w+)(?::=(.*?))?\s*\}\}", lambda found: environ.get(found[1], found[2] or ""), text.decode()
    )
    try:
        node = yaml.compose(replaced)
    except yaml.YAMLError as error:
        raise Rejected(json.dumps([_problem(error)]).encode()) from None
    spans: dict[str, list[int]] = {}
    _walk(node, "", spans)
    return json.dumps({"value": yaml.safe_load(replaced), "spans": spans}).encode()


def _walk(node: Any, pointer: str, spans: dict[str, list[int]]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            spans[f"{pointer}/{key.value}"] = [key.start_mark.line + 1, key.start_mark.column + 1]
            _walk(value, f"{pointer}/{key.value}", spans)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            spans[f"{pointer}/{index}"] = [value.start_mark.line + 1, value.start_mark.column + 1]
            _walk(value, f"{pointer}/{index}", spans)


def _problem(error: yaml.YAMLError) -> dict[str, Any]:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return {"line": line, "column": column, "message": f"invalid YAML: {getattr(error, 'problem', error)}"}


def version() -> str:
    return "0.1.0"


def plugins() -> list[str]:
    return []


def install() -> None:
    """Stand in for the extension, unless it has been built."""
    try:
        import gateway._gateway
    except ImportError:
        module = types.ModuleType("gateway._gateway")
        module.__dict__.update({key: value for key, value in globals().items() if not key.startswith("__")})
        module.__dict__["ListenError"] = OSError
        sys.modules["gateway._gateway"] = module
        import gateway

        gateway._gateway = module
