"""`gatewright try METHOD URL`: which route a request would take, and why. Nothing is sent."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec

from gateway.cli.output import Exit, UsageError, printable, say, say_json
from gateway.cli.routes import place
from gateway.cli.source import source
from gateway.cli.table import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

_FORM = "application/x-www-form-urlencoded"


def try_(arguments: argparse.Namespace) -> Exit:
    """Try a request out."""
    asked = question(arguments)
    told = source(arguments).json("/try", asked)
    if arguments.json:
        say_json(told)
    else:
        for line in explanation(told):
            say(printable(line))
    return Exit.OK if told["matched"] else Exit.NO_ROUTE


def question(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the request that the command line describes; raises `UsageError`."""
    https, host, target = _parts(arguments.url)
    headers = [_field(text) for text in arguments.header]
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        headers.insert(0, ("Host", host))
    if arguments.data is not None:  # as curl does
        size = str(len(arguments.data.encode()))
        for name, value in (("Content-Type", _FORM), ("Content-Length", size)):
            if name.lower() not in names:
                headers.append((name, value))
    return {
        "method": arguments.method,
        "target": target,
        "headers": headers,
        "https": https,
        "remote_addr": _address(arguments.remote_addr),
        "body": arguments.data,
    }


def _parts(url: str) -> tuple[bool, str, str]:
    """Split a URL into whether it is https, host and target. What a browser would encode is encoded."""
    if url.startswith("/") or url == "*":
        return False, "localhost", _encoded(url)
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.username is not None:
        raise UsageError(f"{url}: write a URL as http://api.example.com/orders?x=1, or a path as /orders")
    query = f"?{parts.query}" if parts.query else ""
    return parts.scheme == "https", parts.netloc, _encoded((parts.path or "/") + query)


def _encoded(target: str) -> str:
    return quote(target, safe=string.punctuation)


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name:
        raise UsageError(f"-H {text}: write a field as 'Name: value'")
    return name, value.strip()


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(f"--remote-addr {text}: write an IP address") from None


def explanation(told: Mapping[str, Any]) -> list[str]:
    """Put what the gateway told into words."""
    request, matched, answer = told["request"], told["matched"], told["answer"]
    lines = [f"{request['method']} {request['path']} on {request['host'] or 'no host'} from {request['remote_addr']}"]
    if matched:
        lines.append(f"takes route {_name(matched)}, by {matched['uri']}{_from(matched)}")
        if answer is None:
            lines.append(f"goes to {_upstream(matched['upstream'])}")
        lines += [f"with {name} = {value}" for name, value in matched["params"]]
    elif answer is None:
        lines.append("hangs on the request's body; give it with --data")
    else:
        lines.append("takes no route")
    if answer is not None:
        lines.append(f"is answered {answer['status']}: {answer['reason']}")
    if told["candidates"]:
        lines += ["", "considered, in this order:", *_rows(told["candidates"])]
    if told["near"]:
        lines += ["", "not considered, but near:", *_rows(told["near"])]
    return lines


def _name(route: Mapping[str, Any]) -> str:
    return f"{route['id']} ({route['name']})" if route["name"] else str(route["id"])


def _from(route: Mapping[str, Any]) -> str:
    return f", from {place(route['source'])}" if route["source"] else ""


def _upstream(upstream: Mapping[str, Any]) -> str:
    nodes = f"{upstream['scheme']} {', '.join(upstream['nodes']) or 'no nodes'}"
    return f"upstream {upstream['id']}: {nodes}" if upstream["id"] else nodes


def _rows(routes: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [(_name(route), route["uri"], place(route["source"]), verdict(route)) for route in routes]
    return [f"  {line}" for line in table(("ROUTE", "URI", "SOURCE", "VERDICT"), rows, width=None)]


def verdict(route: Mapping[str, Any]) -> str:
    """Say what came of a route: it matches, or which condition failed, the value found and the one wanted."""
    if route.get("outcome") == "matches":
        return "matches"
    if route.get("decisive"):
        return "vars: " + "; ".join(map(_condition, route["decisive"]))
    condition, wanted, found = route["condition"], route["wanted"], route["found"]
    if condition == "status":
        return "status: it is off"
    return f"{condition}: {found or 'none'} found, {_list(wanted)} wanted"


def _condition(decided: Mapping[str, Any]) -> str:
    variable, *operators, value = decided["condition"]
    condition = " ".join([variable, *operators, _value(value)])
    if decided["holds"] is None:
        return f"{condition} hangs on the body"
    wish = "not wanted" if decided["holds"] else "wanted"  # a condition that holds decides where it is negated
    return f"{_value(decided['found'])} found, {condition} {wish}"


def _value(value: object) -> str:
    return "none" if value is None else msgspec.json.encode(value).decode()


def _list(wanted: object) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
