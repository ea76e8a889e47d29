"""The data plane, as Python holds it: the extension's `Engine`, with our types and our exceptions.

    engine = Engine(engine_settings(Settings()))
    engine.publish_file(contents)
    engine.start()
    ...
    engine.drain(240.0)

Every call but `next_event` returns soon, and all of them leave the interpreter to other threads meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gateway import _gateway
from gateway.errors import ConfigError, ListenError, Problem
from gateway.resources import problems_of

if TYPE_CHECKING:
    from gateway.settings import EngineSettings
    from gateway.store import Contents


class Engine:
    """The data plane. Nothing listens and no thread runs before `start`."""

    def __init__(self, settings: EngineSettings) -> None:
        try:
            self._engine = _gateway.Engine(msgspec.json.encode(settings))
        except _gateway.ConfigError as error:
            raise ConfigError([Problem(str(error))]) from None

    def start(self) -> None:
        """Listen and serve; raises `ListenError`, and then nothing is listened on."""
        try:
            self._engine.start()
        except _gateway.ConfigError as error:
            raise ConfigError([Problem(str(error))]) from None
        except OSError as error:
            raise ListenError(error.errno, error.strerror or str(error), error.filename) from None

    def publish_file(self, contents: Contents) -> list[Problem]:
        """Serve a resource file in place of the last one, all of it or nothing.

        Returns what is worth a warning; raises `ConfigError`, and then the last good one is served on.
        """
        try:
            report = self._engine.publish_file(contents.text, contents.format, contents.path)
        except _gateway.Rejected as error:
            raise ConfigError(problems_of(error.args[0], contents.path)) from None
        return problems_of(msgspec.json.encode(msgspec.json.decode(report)["problems"]), contents.path)

    def event_fd(self) -> int:
        """Tell the descriptor that is readable when there is an event."""
        return self._engine.event_fd()

    def next_event(self) -> str | None:
        """Take the next event: `reload`, `reopen` or `stop`; waits for one."""
        return self._engine.next_event()

    def drain(self, timeout: float) -> bool:
        """Stop accepting, let requests finish for `timeout` seconds, end. Tells whether all of them finished."""
        return self._engine.drain(timeout)

    def ask(self, path: str, question: bytes = b"") -> tuple[int, bytes]:
        """Put an operator's question, as the control socket takes it: `/routes`, `/status`, `/try` with a request.

        Returns a status as HTTP has them and the answer; works before `start`, too.
        """
        return self._engine.ask(path, question)

    def status(self) -> dict[str, Any]:
        """Tell what is listened on, which revision is served, how the last change went."""
        status: dict[str, Any] = msgspec.json.decode(self._engine.status())
        return status
