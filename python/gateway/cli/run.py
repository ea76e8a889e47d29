"""`gatewright run`: serve a configuration, or one upstream with no file at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from gateway import resources, settings
from gateway.application import Gateway
from gateway.cli.output import ErrorLog, Exit, UsageError, complain, report, say, say_json
from gateway.configuration import Configuration, load
from gateway.control.pid_file import PidFile, default_pid_file, socket_beside
from gateway.errors import AlreadyRunningError, ConfigError, ListenError, Problem
from gateway.serve import Plan, serve

if TYPE_CHECKING:
    import argparse

LISTEN_VARIABLE = "GATEWRIGHT_APISIX__NODE_LISTEN"
"""What `--listen` stands for."""


class Start(msgspec.Struct, frozen=True):
    """What a command line asks for."""

    gateway: Gateway
    """The gateway to serve."""

    serves: str
    """Its URL or file, as it was named."""

    pid_file: Path | None = None
    """Where the process is to be found; None: nowhere."""

    ignored: list[Problem] = []
    """Keys that nothing is done with."""

    reread: Callable[[], Configuration] | None = None
    """Reads the settings again."""


def run(arguments: argparse.Namespace) -> Exit:
    """Serve until told to stop."""
    environ = dict(os.environ)
    if arguments.listen:
        environ[LISTEN_VARIABLE] = msgspec.json.encode([listen_address(text) for text in arguments.listen]).decode()
    try:
        start = _from_url(arguments, environ) if arguments.to is not None else _from_files(arguments, environ)
        if not arguments.json:
            report([], start.ignored, json=False)
        return _serve(start, json=arguments.json)
    except ConfigError as error:
        report(error.problems, [], json=arguments.json)
        _advise(error, arguments)
        return Exit.CONFIGURATION
    except AlreadyRunningError as error:
        report([Problem(str(error))], [], json=arguments.json)
        return Exit.ALREADY_RUNNING
    except ListenError as error:
        report([Problem(listen_advice(error))], [], json=arguments.json)
        return Exit.LISTEN


def _from_url(arguments: argparse.Namespace, environ: dict[str, str]) -> Start:
    return Start(forwarding(arguments.to, environ), arguments.to, arguments.pid)


def _from_files(arguments: argparse.Namespace, environ: dict[str, str]) -> Start:
    loaded = load(arguments.config, environ)
    return Start(
        gateway=Gateway.configured(loaded),
        serves=str(loaded.store.path),
        pid_file=arguments.pid or default_pid_file(environ),
        ignored=loaded.ignored,
        reread=lambda: load(arguments.config, environ),
    )


def _serve(start: Start, *, json: bool) -> Exit:
    log = ErrorLog(start.gateway.engine_settings.error_log)
    plan = Plan(log.write, started=lambda: _announce(start, json=json), reread=start.reread)
    with contextlib.ExitStack() as held:
        if start.pid_file is not None:
            try:
                held.enter_context(PidFile(start.pid_file))
                start.gateway.control_socket = socket_beside(start.pid_file)
            except OSError as error:  # a read-only file system is no reason not to serve
                reason = (error.strerror or str(error)).lower()
                log.write(
                    "warn", f"no pid file, so no other command can reach this process: {start.pid_file}: {reason}"
                )
        return Exit.OK if serve(start.gateway, plan) else Exit.TIMEOUT


def forwarding(to: str, environ: dict[str, str]) -> Gateway:
    """Make the gateway that passes everything on to one URL, its log on the terminal."""
    document = {
        "apisix": {"ssl": {"enable": False}, "status": None},
        "nginx_config": {"http": {"access_log": "/dev/stdout"}},
        "plugin_attr": {"prometheus": {"enable_export_server": False}},
    }
    reading = settings.read(document, environ=environ)
    if reading.problems:
        raise ConfigError(reading.problems)
    return Gateway({"routes": [route_to(to)]}, reading.settings)


def route_to(url: str) -> dict[str, Any]:
    """Make the route of `--to`; raises `UsageError` for a URL that names no server."""
    if "//" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"--to {url}: {error}") from None
    if problem := _unusable(parts):
        raise UsageError(f"--to {url}: {problem}")
    host = parts.hostname or ""
    node = {"host": host, "port": port or (443 if parts.scheme == "https" else 80), "weight": 1}
    upstream: dict[str, Any] = {"type": "roundrobin", "scheme": parts.scheme, "nodes": [node]}
    if parts.scheme == "https":
        upstream |= {"pass_host": "node"}  # its certificate, and most often its virtual host, go by its own name
    return {"id": "to", "uri": "/*", "enable_websocket": True, "upstream": upstream}


def _unusable(parts: SplitResult) -> str:
    if parts.scheme not in ("http", "https"):
        return "only http and https can be passed on to"
    if not parts.hostname:
        return "names no host"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "paths are passed on as they come, so the URL ends after the port; write a route for anything else"
    if parts.username is not None:
        return "a password does not belong in a URL"
    return ""


def listen_address(text: str) -> dict[str, Any] | int:
    """Read `--listen`: a port, or an address and a port; raises `UsageError`."""
    ip, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--listen {text}: write a port, or an address and a port, as 127.0.0.1:9080 or [::1]:9080")
    if not ip:
        return int(port)
    import ipaddress

    try:
        address = ipaddress.ip_address("127.0.0.1" if ip == "localhost" else ip.strip("[]"))
    except ValueError:
        raise UsageError(f"--listen {text}: `{ip}` is not an IP address") from None
    return {"ip": str(address), "port": int(port)}


def listen_advice(error: ListenError) -> str:
    """Say which address cannot be listened on, why, and what to do."""
    address = str(error.filename or "an address")
    port = address.rpartition(":")[2]
    advice = {
        errno.EADDRINUSE: f"it is in use; `ss -ltnp 'sport = :{port}'` tells by whom",
        errno.EACCES: "this user may not; ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "this host does not have that address",
    }
    reason = advice.get(error.errno or 0, (error.strerror or "").lower())
    return f"cannot listen on {address}: {reason}"


def _announce(start: Start, *, json: bool) -> None:
    version, listening = resources.version(), start.gateway.status()["listeners"]
    if json:
        told = {"version": version, "pid": os.getpid(), "listeners": [one["address"] for one in listening]}
        say_json(told | {"serves": start.serves, "ignored": start.ignored})
        return
    urls = ", ".join(
        f"{one['protocol']}://{one['address']}"
        for one in listening
        if one["protocol"] != "status" and not one["address"].startswith("[::]:")  # said by its twin in IPv4
    )
    if "://" in start.serves:
        say(f"Gatewright {version} passes {urls} on to {start.serves}; Ctrl-C stops it")
    else:
        say(f"Gatewright {version} listens on {urls} and serves {start.serves}")


def _advise(error: ConfigError, arguments: argparse.Namespace) -> None:
    if arguments.json or arguments.to is not None:
        return
    if arguments.config is None and all(problem.message == "does not exist" for problem in error.problems):
        complain("Name a configuration with --config, or try `gatewright run --to http://127.0.0.1:3000`.")
