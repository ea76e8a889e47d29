"""Settings from the environment: `GATEWRIGHT_SECTION__KEY=value` outranks the file.

`GATEWRIGHT_NGINX_CONFIG__HTTP__ACCESS_LOG=off` is `nginx_config.http.access_log: off`. Two underscores part the
levels, letter case does not count, and a hyphen in a key is written as one underscore. A value that reads as JSON is
taken as such (numbers, `true`, `["1.1.1.1"]`), anything else is text.

What surprises: a variable without `__` (`GATEWRIGHT_HOME`) is none of ours; and `APISIX_WORKER_PROCESSES`, which
containers of APISIX set, is read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "GATEWRIGHT_"


def overrides(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], object]]:
    """Yield (variable, lower-case keys with underscores, value) for each setting in the environment."""
    if (count := environ.get("APISIX_WORKER_PROCESSES")) is not None:
        yield "APISIX_WORKER_PROCESSES", ("nginx_config", "worker_processes"), _value(count)
    for name in sorted(environ):
        if name.startswith(PREFIX) and "__" in name:
            yield name, tuple(name.removeprefix(PREFIX).lower().split("__")), _value(environ[name])


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
