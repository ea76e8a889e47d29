"""The data plane, written in Rust. Documents cross this boundary as JSON, in UTF-8.

Only `gateway.engine`, `gateway.resources` and `gateway.plugin` import it.
"""

from typing import Self, final

__all__ = [
    "ConfigError",
    "Engine",
    "Exchange",
    "Invalid",
    "ListenError",
    "Rejected",
    "Snapshot",
    "check_file",
    "parse_file",
    "plugins",
    "validate",
    "version",
]

class ConfigError(Exception):
    """Settings that cannot be used. `args` is (message,)."""

class ListenError(OSError):
    """An address that cannot be listened on. `args` is (errno, reason, address); the address is `ip:port`."""

class Rejected(Exception):
    """Changes that were refused whole; what was served before is served on.

    `args` is (problems,): the JSON list of {"line", "column", "path", "message", "suggestion"}; the last two may be
    absent, line and column are 0 when not known.
    """

class Invalid(Exception):
    """A document its schema refuses. `args` is (path, message); the path is a JSON pointer, the wording APISIX's."""

@final
class Engine:
    """The data plane. Nothing listens and no thread runs before `start`."""

    def __new__(cls, settings: bytes) -> Self:
        """Check `settings`, an `EngineSettings` document, block the signals to be handled; raises `ConfigError`."""

    def start(self) -> None:
        """Bind every listener, then start the workers and the signal thread.

        Raises `ListenError` for the first address that cannot be had; then nothing is left bound.
        """

    def publish(self, changes: bytes, revision: int, mode: str) -> bytes:
        """Take changed documents, `[{"kind", "id", "document"}]` (document null: removed), and return the report.

        `mode` is `atomic` (all or nothing, raises `Rejected`) or `each` (bad ones are kept out and reported). The
        report is `{"revision", "problems": […]}`. May be called before `start`.
        """

    def publish_file(self, text: bytes, format: str, path: str) -> bytes:
        """Take the text of a whole resource file (`format` is `yaml` or `json`) in place of the last one, atomically.

        Only what differs is rebuilt. Variables are taken from the environment of the process. Problems name `path`.
        Returns the report, raises `Rejected`.
        """

    def next_event(self) -> str | None:
        """Take the oldest event: `reload` (SIGHUP), `reopen` (SIGUSR1), `stop` (SIGTERM, SIGINT or SIGQUIT).

        At `stop` no new connection is accepted any more. Waits, without the interpreter, while there is none; None
        once the engine has been drained.
        """

    def event_fd(self) -> int:
        """The descriptor that is readable while `next_event` would not wait."""

    def drain(self, timeout: float) -> bool:
        """Stop accepting, let requests finish for at most `timeout` seconds, join the workers.

        True if all finished. The second call returns at once.
        """

    def ask(self, path: str, question: bytes) -> tuple[int, bytes]:
        """Answer an operator's question, as on the control socket: a status as HTTP has them, and what was asked for.

        Paths: `/status`, `/upstreams`, `/nodes/down`, `/metrics` (text), `/routes`, `/routes/requests`; with a question
        `/try`.
        """

    def status(self) -> bytes:
        """`{"ready", "revision", "listeners": [{"address", "protocol"}], "reload": {"ok", "time", "problems"}, …}`.

        Ports that the kernel chose are told in `listeners`, which has the order of the settings.
        """

@final
class Exchange:
    """A request and its response, as a plugin sees them."""

@final
class Snapshot:
    """A published configuration."""

def validate(kind: str, document: bytes) -> bytes:
    """Fill in the defaults of a resource document; raises `Invalid`."""

def check_file(text: bytes, format: str, path: str) -> bytes:
    """Every mistake of a resource file, as the JSON list that `Rejected` carries; empty if there is none."""

def parse_file(text: bytes, format: str, environ: dict[str, str]) -> bytes:
    """Parse a file and substitute `${{VARIABLE}}`: `{"value", "spans": {pointer: [line, column]}}`.

    Raises `Rejected` for text that does not parse.
    """

def version() -> str:
    """The version of this build."""

def plugins() -> list[str]:
    """Names of the plugins in this build, the first to run first."""
