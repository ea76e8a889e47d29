"""Gatewright: an API and AI gateway that speaks Apache APISIX's configuration.

    import gateway

    with gateway.Gateway({"routes": [{"uri": "/*", "upstream": {"nodes": {"127.0.0.1:3000": 1}}}]}) as running:
        print(running.url)

The command `gatewright` is the same, from files. Importing the package costs nothing: what is named below is loaded
when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.application import Gateway
    from gateway.errors import AlreadyRunningError, ConfigError, GatewayError, ListenError, NotRunningError, Problem

__all__ = [
    "AlreadyRunningError",
    "ConfigError",
    "Gateway",
    "GatewayError",
    "ListenError",
    "NotRunningError",
    "Problem",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "gateway.application" if name == "Gateway" else "gateway.errors"
    return getattr(importlib.import_module(home), name)
