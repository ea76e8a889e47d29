"""`gatewright top`: what the running gateway is doing, as it does it.

At a terminal it is drawn anew each `--interval` until q or Ctrl-C; in a pipe each view follows the last, and with
`--json` each is a document on a line. Everything shown is what happened between two readings of the metrics.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gateway.cli.metrics import Change, Metrics
from gateway.cli.output import Exit, printable, say, say_json
from gateway.cli.source import Source, running
from gateway.cli.status import CONNECTIONS, REQUESTS, interval, span
from gateway.cli.table import table
from gateway.control.pid_file import default_pid_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SHARES = (0.5, 0.9, 0.99)
"""Quantiles of durations that are shown."""

LISTED = 10
"""Routes and nodes named where no terminal's height says how many."""

_WIDTH = 80


class Reading(Struct, frozen=True):
    """Everything that is asked for one view."""

    at: float
    status: Mapping[str, Any]
    metrics: Metrics
    routes: Mapping[str, Mapping[str, int]]
    down: Mapping[str, str]
    """States of the nodes that are not up."""

    @classmethod
    def take(cls, source: Source) -> Reading:
        """Ask the process."""
        metrics, at = Metrics.parse(source.text("/metrics")), time.monotonic()
        return cls(at, source.json("/status"), metrics, source.json("/routes/requests"), source.json("/nodes/down"))


def top(arguments: argparse.Namespace) -> Exit:
    """Show it until told to end, or once."""
    source, pause = running(arguments.pid or default_pid_file(os.environ)), interval(arguments)
    if sys.stdin.isatty() and sys.stdout.isatty() and not (arguments.once or arguments.json):
        return _live(source, pause)
    views = _views(source, pause)
    for number, told in enumerate(itertools.islice(views, 1) if arguments.once else views):
        if arguments.json:
            say_json(told)
        else:
            say(("\n" if number else "") + "\n".join(lines(told, _WIDTH, LISTED)))
    return Exit.OK


def _views(source: Source, pause: float) -> Iterator[dict[str, Any]]:
    before = Reading.take(source)
    while True:
        time.sleep(pause)
        now = Reading.take(source)
        yield view(before, now)
        before = now


def _live(source: Source, pause: float) -> Exit:
    from gateway.cli.screen import QUIT, Screen

    with Screen() as screen:
        before = Reading.take(source)
        screen.draw([f"reading for {pause:g} s; q ends it"])
        try:
            while screen.pressed(pause) not in QUIT:
                now = Reading.take(source)
                columns, height = screen.size
                told = view(before, now)
                screen.draw(lines(told, columns, max((height - len(_summary(told)) - 4) // 2, 1)))
                before = now
        except KeyboardInterrupt:
            pass
    return Exit.OK


def view(before: Reading, now: Reading) -> dict[str, Any]:
    """Compute what is shown, for a machine: rates a second, durations in seconds, sizes in bytes."""
    change = Change(before.metrics, now.metrics, max(now.at - before.at, 1e-3))
    gauge = now.metrics.total
    sent = change.rate("gateway_upstream_requests_total")
    return {
        "time": time.time(),
        "interval": change.seconds,
        "process": {name: now.status[name] for name in ("version", "pid", "ready", "draining", "revision", "started")}
        | {
            "cpu": change.rate("process_cpu_seconds_total"),
            "resident_bytes": int(gauge("process_resident_memory_bytes")),
        },
        "requests": {
            "rate": change.rate(REQUESTS),
            "active": int(gauge("gateway_http_requests_active")),
            "seconds": _quantiles(change, "gateway_http_request_seconds"),
            "statuses": change.rates(REQUESTS, "code"),
            "flags": change.rates("gateway_http_response_flags_total", "flag"),
            "received_bytes": change.rate("gateway_http_received_bytes_total"),
            "sent_bytes": change.rate("gateway_http_sent_bytes_total"),
        },
        "connections": {
            "states": {state: int(count) for state, count in now.metrics.by(*CONNECTIONS).items()},
            "accepted": change.rate("gateway_client_connections_accepted_total"),
            "refused": change.rate("gateway_client_connections_refused_total"),
        },
        "upstreams": {
            "rate": sent,
            "reused": change.rate("gateway_upstream_requests_reused_total") / sent if sent else None,
            "retries": change.rate("gateway_upstream_retries_total"),
            "failures": change.rates("gateway_upstream_failures_total", "kind"),
            "first_byte_seconds": _quantiles(change, "gateway_upstream_first_byte_seconds"),
            "open": int(gauge("gateway_upstream_connections_open")),
            "idle": int(gauge("gateway_upstream_connections_idle")),
        },
        "routes": _routes(before, now, change.seconds),
        "nodes": _nodes(change, now.down),
    }


def _quantiles(change: Change, name: str) -> dict[str, float | None]:
    return {f"p{share * 100:g}": change.quantile(name, share) for share in SHARES}


def _routes(before: Reading, now: Reading, seconds: float) -> list[dict[str, Any]]:
    """List the routes that had requests, the busiest first."""
    none = {"requests": 0, "errors": 0}
    busy = []
    for name, counts in now.routes.items():
        last = before.routes.get(name, none)
        rates = {key: max(counts[key] - last[key], 0) / seconds for key in none}
        if rates["requests"]:
            busy.append({"id": name, "rate": rates["requests"], "errors": rates["errors"]})
    return sorted(busy, key=lambda route: (-route["rate"], route["id"]))


def _nodes(change: Change, down: Mapping[str, str]) -> list[dict[str, Any]]:
    """List the nodes in trouble, then those that were sent requests, the busiest first."""
    requests = change.rates("gateway_upstream_node_requests_total", "node")
    failures = change.rates("gateway_upstream_node_failures_total", "node")
    names = requests.keys() | failures.keys() | down.keys()
    rows = [
        {
            "node": name,
            "state": down.get(name, "up"),
            "rate": requests.get(name, 0.0),
            "failures": failures.get(name, 0.0),
        }
        for name in names
    ]
    return sorted(rows, key=lambda node: (node["state"] == "up", -node["rate"], node["node"]))


def lines(told: Mapping[str, Any], width: int, listed: int) -> list[str]:
    """Lay a view out for people, with so many routes and nodes."""
    routes = [(route["id"], _number(route["rate"]), _number(route["errors"])) for route in told["routes"][:listed]]
    nodes = [
        (node["node"], node["state"], _number(node["rate"]), _number(node["failures"]))
        for node in told["nodes"][:listed]
    ]
    text = [
        *_summary(told),
        "",
        *table(("ROUTE", "REQUESTS/S", "5XX/S"), routes, width=width),
        "",
        *table(("NODE", "STATE", "REQUESTS/S", "FAILURES/S"), nodes, width=width),
    ]
    return [printable(line)[:width] for line in text]


def _summary(told: Mapping[str, Any]) -> list[str]:
    process, requests = told["process"], told["requests"]
    connections, upstreams = told["connections"], told["upstreams"]
    state = "stops" if process["draining"] else "ready" if process["ready"] else "not ready"
    up = span(told["time"] - process["started"])
    classes: dict[str, float] = {}
    for code, rate in requests["statuses"].items():
        classes[f"{code[0]}xx"] = classes.get(f"{code[0]}xx", 0.0) + rate
    reused = "" if upstreams["reused"] is None else f", {upstreams['reused']:.0%} on kept connections"
    states = ", ".join(f"{count} {name}" for name, count in connections["states"].items() if count)
    return [
        f"Gatewright {process['version']}, process {process['pid']}, up {up}: {state}, revision {process['revision']}",
        f"requests   {_number(requests['rate'])}/s, {requests['active']} under way; {_durations(requests['seconds'])}",
        f"statuses   {_rates(classes)}",
        f"flags      {_rates(requests['flags'])}",
        f"traffic    {_size(requests['received_bytes'])}/s in, {_size(requests['sent_bytes'])}/s out; "
        f"{process['cpu']:.0%} of a core, {_size(process['resident_bytes'])} of memory",
        f"clients    {sum(connections['states'].values())} connections{f' ({states})' if states else ''}, "
        f"{_number(connections['accepted'])}/s new, {_number(connections['refused'])}/s refused",
        f"upstreams  {_number(upstreams['rate'])}/s{reused}, {_number(upstreams['retries'])}/s retried; "
        f"{upstreams['open']} open, {upstreams['idle']} idle",
        f"answers    {_durations(upstreams['first_byte_seconds'])} to the first byte",
        f"failures   {_rates(upstreams['failures'])}",
    ]


def _rates(rates: Mapping[str, float]) -> str:
    ranked = sorted(rates.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {_number(rate)}/s" for name, rate in ranked) or "none"


def _durations(quantiles: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {_duration(seconds)}" for name, seconds in quantiles.items())


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.3g} {unit}"
