"""Resources as documents: routes, services, upstreams and the rest, in APISIX's model.

Their fields are described once, by the schemas in Rust; nothing here repeats a field list. This package asks the
extension to parse and to judge, and speaks in `Problem` and `ConfigError`:

    parsed = parse(path.read_bytes(), format_of(path), os.environ, file=str(path))
    check(text, "yaml", file="conf/apisix.yaml")    # every mistake, without serving anything
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway import _gateway
from gateway.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS = (
    "routes",
    "services",
    "upstreams",
    "consumers",
    "credentials",
    "consumer_groups",
    "plugin_configs",
    "plugin_metadata",
    "global_rules",
    "ssls",
    "protos",
    "secrets",
    "stream_routes",
)
"""Top-level keys of a resource file."""


class Parsed(msgspec.Struct, frozen=True):
    """A parsed file."""

    value: object
    """What the text says, variables replaced."""

    spans: dict[str, tuple[int, int]]
    """Line and column of each value, by JSON pointer."""


def format_of(path: Path) -> str:
    """Tell the format by the name: `json`, or else `yaml`."""
    return "json" if path.suffix == ".json" else "yaml"


def parse(text: bytes, format: str, environ: Mapping[str, str], *, file: str) -> Parsed:  # noqa: A002
    """Parse a file of settings, `${{VARIABLE}}` replaced first; raises `ConfigError`."""
    try:
        answer = _gateway.parse_file(text, format, dict(environ))
    except _gateway.Rejected as error:
        raise ConfigError(problems_of(error.args[0], file)) from None
    return msgspec.json.decode(answer, type=Parsed)


def check(text: bytes, format: str, *, file: str) -> list[Problem]:  # noqa: A002
    """List every mistake in a resource file."""
    return problems_of(_gateway.check_file(text, format, file), file)


def problems_of(answer: bytes | str, file: str) -> list[Problem]:
    """Read the extension's list of problems, all of them in `file`."""
    found = msgspec.json.decode(answer, type=list[Problem])
    return [problem if problem.file else msgspec.structs.replace(problem, file=file) for problem in found]


def version() -> str:
    """Tell the version of this build."""
    return _gateway.version()


def plugins() -> list[str]:
    """Name the plugins of this build, the first to run first."""
    return _gateway.plugins()
