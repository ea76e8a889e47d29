"""`gatewright status`: how the running gateway is doing."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from gateway.cli.metrics import Change, Metrics
from gateway.cli.output import Exit, UsageError, printable, say, say_json
from gateway.cli.source import Source, running
from gateway.control.pid_file import default_pid_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

NODES_SHOWN = 20
"""Nodes named one by one; those that are not up come first."""

DAY = 86400

_UNITS = ((DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def status(arguments: argparse.Namespace) -> Exit:
    """Tell it, once."""
    source = running(arguments.pid or default_pid_file(os.environ))
    told: dict[str, Any] = source.json("/status")
    change = _between(source, interval(arguments))
    told["upstreams"] = source.json("/upstreams")
    told["uptime"] = max(time.time() - told["started"], 0.0)
    told["connections"] = {state: int(count) for state, count in change.now.by(*CONNECTIONS).items()}
    told["requests"] = {
        "total": int(change.now.total(REQUESTS)),
        "active": int(change.now.total("gateway_http_requests_active")),
        "per_second": round(change.rate(REQUESTS), 3),
    }
    if arguments.json:
        say_json(told)
    else:
        for line in summary(told):
            say(printable(line))
    return Exit.OK


REQUESTS = "gateway_http_requests_total"
CONNECTIONS = ("gateway_client_connections", "state")


def interval(arguments: argparse.Namespace) -> float:
    """Tell the time between two readings, in seconds; raises `UsageError` where there is none."""
    seconds: float = arguments.interval
    if not 0 < seconds <= DAY:
        raise UsageError(f"--interval {seconds:g}: write a number of seconds above 0")
    return seconds


def _between(source: Source, seconds: float) -> Change:
    before, began = Metrics.parse(source.text("/metrics")), time.monotonic()
    time.sleep(seconds)
    now = Metrics.parse(source.text("/metrics"))
    return Change(before, now, time.monotonic() - began)


def summary(told: Mapping[str, Any]) -> list[str]:
    """Put it into words, a subject a line."""
    state = "stops" if told["draining"] else "ready" if told["ready"] else "not ready"
    connections, requests = told["connections"], told["requests"]
    lines = [
        f"Gatewright {told['version']}, process {told['pid']}, up {span(told['uptime'])}: {state}",
        *_configuration(told),
        _line("listens on", ", ".join(map(_listener, told["listeners"])) or "nothing"),
        _line("workers", str(told["workers"])),
        _line(
            "connections",
            f"{sum(connections.values())}: " + ", ".join(f"{count} {name}" for name, count in connections.items()),
        ),
        _line(
            "requests",
            f"{requests['per_second']:g} a second, {requests['active']} under way, {requests['total']} since the start",
        ),
    ]
    lines += [_line("certificate", f"{one['name']}, {_expiry(one['not_after'])}") for one in told["certificates"]]
    return lines + _nodes(told["upstreams"])


def _configuration(told: Mapping[str, Any]) -> list[str]:
    reload = told["reload"]
    when = _moment(reload["time"])
    if reload["ok"]:
        return [_line("revision", f"{told['revision']}, since {when}")]
    lines = [_line("revision", f"{told['revision']}; a newer configuration was refused at {when}:")]
    return lines + [_line("", problem) for problem in reload["problems"]]


def _listener(one: Mapping[str, str]) -> str:
    if one["protocol"] == "status":
        return f"http://{one['address']} (status and metrics)"
    return f"{one['protocol']}://{one['address']}"


def _nodes(upstreams: Sequence[Mapping[str, Any]]) -> list[str]:
    """Count the nodes by state, and name them with the upstreams that have them, those in trouble first."""
    states: dict[str, str] = {}
    users: dict[str, list[str]] = {}
    for upstream in upstreams:
        for node in upstream["nodes"]:
            states[node["node"]] = node["state"]
            users.setdefault(node["node"], []).append(upstream["name"])
    if not states:
        return [_line("upstream nodes", "none")]
    counts = {state: list(states.values()).count(state) for state in dict.fromkeys(states.values())}
    lines = [_line("upstream nodes", f"{len(states)}: " + ", ".join(f"{n} {state}" for state, n in counts.items()))]
    ranked = sorted(states, key=lambda node: (states[node] == "up", node))
    for node in ranked[:NODES_SHOWN]:
        names = users[node]
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        lines.append(_line("", f"{node}  {states[node]}  ({names[0]}{others})"))
    if len(ranked) > NODES_SHOWN:
        lines.append(_line("", f"… and {len(ranked) - NODES_SHOWN} more; --json has all"))
    return lines


def _line(subject: str, text: str) -> str:
    return f"  {subject:<16}{text}"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _expiry(not_after: float) -> str:
    left = not_after - time.time()
    when = time.strftime("%Y-%m-%d", time.gmtime(not_after))
    return f"valid until {when}, for {span(left)}" if left > 0 else f"EXPIRED on {when}"


def span(seconds: float) -> str:
    """Say how long, in the two largest units: `2 days 5 hours`."""
    left = int(seconds)
    parts = []
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"
