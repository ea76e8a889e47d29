"""What can go wrong, as one exception tree and one value.

A `Problem` is one mistake at one place; a `GatewayError` is why something did not happen::

    try:
        gateway.publish(changes)
    except gateway.ConfigError as error:
        for problem in error.problems:
            print(problem)

The extension raises its own classes; `engine.py` and `resources` turn them into these, so nothing above ever
imports the extension to catch an error.
"""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mistake in a configuration: where it stands, what is wrong with it, what may have been meant."""

    message: str
    """What is wrong, without the place."""

    file: str = ""
    """Path of the file, or the name of the environment variable that holds the value."""

    line: int = 0
    """Line, counted from 1; 0 when it is not known."""

    column: int = 0
    """Column, counted from 1; 0 when it is not known."""

    path: str = ""
    """The field, as `apisix.ssl.listen[0].port`; empty for the file as a whole."""

    suggestion: str = ""
    """The nearest known name, where a name was not known."""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return f"{text} (did you mean `{self.suggestion}`?)" if self.suggestion else text


class GatewayError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(GatewayError):
    """A configuration was refused; what was served before is served on."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        """Every mistake found, in the order of the file."""


class ListenError(GatewayError, OSError):
    """An address cannot be listened on: in use, not allowed, or not of this host. Carries `errno`."""


class NotRunningError(GatewayError):
    """No gateway is running behind a pid file."""


class AlreadyRunningError(GatewayError):
    """Another gateway holds the pid file."""
