"""Whom an operator's questions are put to: the running process, or a configuration that nobody serves.

    source = running(Path("logs/gatewright.pid"))     # by the control socket beside its pid file
    source = configured(Path("conf/config.yaml"))     # by a data plane that is never started
    source.json("/routes")

Both are answered by the same code of the data plane, so a configuration is told of in the words of a live process.
"""

from __future__ import annotations

import http.client
import os
import socket
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.cli.output import UsageError
from gateway.control.pid_file import default_pid_file, running_pid, socket_beside
from gateway.errors import NotRunningError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 30.0
"""Seconds to wait for an answer of the process."""


class Source:
    """Answers questions."""

    def __init__(self, ask: Callable[[str, bytes], tuple[int, bytes]]) -> None:
        self._ask = ask

    def json(self, path: str, question: object = None) -> Any:  # noqa: ANN401 (a document)
        """Put a question; raises `UsageError` where it is not one, and `NotRunningError` where nobody answers."""
        return msgspec.json.decode(self._answer(path, question))

    def text(self, path: str) -> str:
        """Ask for a page of text."""
        return self._answer(path, None).decode()

    def _answer(self, path: str, question: object) -> bytes:
        status, answer = self._ask(path, b"" if question is None else msgspec.json.encode(question))
        if status != http.client.OK:
            reason = msgspec.json.decode(answer)["error"]
            if status == http.client.NOT_FOUND:
                raise NotRunningError(f"the process is of another version than this command: {path}: {reason}")
            raise UsageError(reason)
        return answer


def source(arguments: argparse.Namespace) -> Source:
    """Take the configuration that the command line names with `--config`, or else the running process.

    Raises `ConfigError` and `NotRunningError`.
    """
    if arguments.config is not None:
        return configured(arguments.config)
    return running(arguments.pid or default_pid_file(os.environ), advice=", or name a file with --config")


def running(pid_file: Path, *, advice: str = "") -> Source:
    """Find the process that holds a pid file; raises `NotRunningError`, with what to do."""
    try:
        pid = running_pid(pid_file)
    except NotRunningError as error:
        hint = f"start one with `gatewright run`, name its pid file with --pid{advice}"
        raise NotRunningError(f"{error}; {hint}") from None
    path = socket_beside(pid_file)

    def ask(question_path: str, question: bytes) -> tuple[int, bytes]:
        connection = _Connection(path)
        try:
            connection.request("POST" if question else "GET", question_path, question or None)
            response = connection.getresponse()
            return response.status, response.read()
        except PermissionError:
            raise NotRunningError(f"process {pid} belongs to another user: {path} is open to it and to root") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise NotRunningError(f"process {pid} does not answer on {path}: {reason.lower()}") from None
        finally:
            connection.close()

    return Source(ask)


def configured(path: Path) -> Source:
    """Read a configuration, without serving it; raises `ConfigError`."""
    from gateway.application import Gateway
    from gateway.configuration import load

    engine = Gateway.configured(load(path, dict(os.environ))).unstarted()
    return Source(engine.ask)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("gateway", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
