"""`gatewright run`: serve a configuration, or one upstream with no file at all."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from gateway import configuration, resources, settings
from gateway.application import Gateway
from gateway.cli.output import ErrorLog, Exit, UsageError, complain, report, say, say_json
from gateway.control.pid_file import PidFile
from gateway.errors import AlreadyRunningError, ConfigError, ListenError, Problem
from gateway.serve import Plan, serve

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

LISTEN_VARIABLE = "GATEWRIGHT_APISIX__NODE_LISTEN"
"""What `--listen` stands for."""


def run(arguments: argparse.Namespace) -> Exit:
    """Serve until told to stop."""
    environ = dict(os.environ)
    if arguments.listen:
        environ[LISTEN_VARIABLE] = msgspec.json.encode([listen_address(text) for text in arguments.listen]).decode()
    pid_file: Path | None = arguments.pid
    reread = None
    try:
        if arguments.to is not None:
            gateway, ignored, serves = forwarding(arguments.to, environ), [], arguments.to
        else:
            path = arguments.config
            loaded = configuration.load(path, environ)
            ignored = loaded.ignored
            gateway = Gateway.configured(loaded)
            serves = str(loaded.store.path)
            pid_file = pid_file or default_pid_file(environ)

            def reread() -> configuration.Configuration:
                return configuration.load(path, environ)

        if not arguments.json:
            report([], ignored, json=False)
        log = ErrorLog(gateway.engine_settings.error_log)

        def announce() -> None:
            _announce(gateway, serves, ignored, json=arguments.json)

        plan = Plan(log.write, announce, reread)
        return _serve(gateway, plan, pid_file)
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


def _serve(gateway: Gateway, plan: Plan, pid_file: Path | None) -> Exit:
    with contextlib.ExitStack() as held:
        if pid_file is not None:
            try:
                held.enter_context(PidFile(pid_file))
            except OSError as error:  # a read-only file system is no reason not to serve
                reason = (error.strerror or str(error)).lower()
                plan.log(
                    "warn", f"no pid file, so `reload` and `stop` will not find this process: {pid_file}: {reason}"
                )
        return Exit.OK if serve(gateway, plan) else Exit.TIMEOUT


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


def default_pid_file(environ: dict[str, str]) -> Path:
    """Tell where the pid file is without `--pid`: systemd's runtime folder, else `logs`."""
    from pathlib import Path

    return Path(environ.get("RUNTIME_DIRECTORY", "logs").partition(":")[0], "gatewright.pid")


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


def _announce(gateway: Gateway, serves: str, ignored: list[Problem], *, json: bool) -> None:
    version, listening = resources.version(), gateway.status()["listeners"]
    if json:
        told = {"version": version, "pid": os.getpid(), "listeners": listening, "serves": serves, "ignored": ignored}
        say_json(told)
        return
    urls = [
        f"{'https' if listener.tls else 'http'}://{address}"
        for listener, address in zip(gateway.engine_settings.listen, listening, strict=False)
        if listener.ip != "::"  # said by its twin in IPv4
    ]
    verb = "passes {} on to {}; Ctrl-C stops it" if "://" in serves else "listens on {} and serves {}"
    say(f"Gatewright {version} {verb.format(', '.join(urls), serves)}")


def _advise(error: ConfigError, arguments: argparse.Namespace) -> None:
    if arguments.json or arguments.to is not None:
        return
    if arguments.config is None and all(problem.message == "does not exist" for problem in error.problems):
        complain("Name a configuration with --config, or try `gatewright run --to http://127.0.0.1:3000`.")
