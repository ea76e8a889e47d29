"""`gatewright routes`: every route, in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.output import Exit, printable, say, say_json
from gateway.cli.source import source
from gateway.cli.table import table, terminal_width

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_HEAD = ("ID", "NAME", "METHODS", "HOSTS", "URIS", "PRIORITY", "UPSTREAM", "STATUS", "SOURCE")


def routes(arguments: argparse.Namespace) -> Exit:
    """List them."""
    rows = source(arguments).json("/routes")
    if arguments.json:
        say_json(rows)
    elif rows:
        for line in table(_HEAD, [_row(route) for route in rows], width=terminal_width()):
            say(line)
    else:
        say("no routes")
    return Exit.OK


def _row(route: Mapping[str, Any]) -> tuple[str, ...]:
    cells = (
        route["id"],
        route["name"] or "",
        ",".join(route["methods"]) or "any",
        ",".join(route["hosts"]) or "any",
        ",".join(route["uris"]),
        str(route["priority"]),
        destination(route["upstream"]),
        "on" if route["enabled"] else "off",
        place(route["source"]),
    )
    return tuple(map(printable, cells))


def destination(upstream: Mapping[str, Any]) -> str:
    """Name an upstream: by its id, or by its nodes where it is written out; or say why there is none."""
    if upstream["error"]:
        return f"{upstream['id']}: {upstream['error']}" if upstream["id"] else str(upstream["error"])
    return str(upstream["id"] or ",".join(upstream["nodes"]) or "no nodes")


def place(written: Mapping[str, Any] | None) -> str:
    """Tell where a resource was written: `conf/apisix.yaml:3`."""
    return f"{written['file']}:{written['line']}" if written else ""
