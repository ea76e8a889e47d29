"""`gatewright reload`, `stop` and `quit`: signals to the process that holds the pid file."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from gateway.cli.output import Exit, complain, report, say, say_json
from gateway.control.pid_file import default_pid_file, running_pid
from gateway.errors import ConfigError, NotRunningError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_POLL = 0.02  # seconds between two looks at a process that is about to end


def reload(arguments: argparse.Namespace) -> Exit:
    """Have the files read again, once they are known to be right."""
    from gateway import configuration

    try:
        loaded = configuration.load(arguments.config, dict(os.environ))
        errors = loaded.check()
    except ConfigError as error:
        errors = error.problems
    if errors:
        report(errors, [], json=arguments.json)
        complain("not reloaded: the last good configuration is served on")
        return Exit.CONFIGURATION
    return _signal(arguments, signal.SIGHUP, "reloads")


def stop(arguments: argparse.Namespace) -> Exit:
    """End the process once requests under way have finished, and wait for it."""
    return _end(arguments, signal.SIGTERM)


def quit_(arguments: argparse.Namespace) -> Exit:
    """End the process as `stop` does, by the signal that nginx and APISIX quit by."""
    return _end(arguments, signal.SIGQUIT)


def _end(arguments: argparse.Namespace, number: signal.Signals) -> Exit:
    code = _signal(arguments, number, "stops")
    if code is not Exit.OK:
        return code
    deadline = time.monotonic() + arguments.timeout
    while time.monotonic() < deadline:
        try:
            running_pid(_pid_file(arguments))
        except NotRunningError:
            return Exit.OK
        time.sleep(_POLL)
    complain(f"error: still running after {arguments.timeout:g} s")
    return Exit.TIMEOUT


def _signal(arguments: argparse.Namespace, number: signal.Signals, verb: str) -> Exit:
    try:
        pid = running_pid(_pid_file(arguments))
        os.kill(pid, number)
    except (NotRunningError, ProcessLookupError) as error:
        complain(f"error: {error}")
        return Exit.NOT_RUNNING
    except PermissionError as error:
        complain(f"error: the gateway belongs to another user: {error}")
        return Exit.NOT_RUNNING
    if arguments.json:
        say_json({"pid": pid, "signal": number.name})
    else:
        say(f"process {pid} {verb}")
    return Exit.OK


def _pid_file(arguments: argparse.Namespace) -> Path:
    return arguments.pid or default_pid_file(os.environ)
