"""The command `gatewright`.

Start-up time is part of the interface: this module imports only what parses the command line, and each command
imports what it needs when it is called.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

_HOMES = {
    "run": "run:run",
    "check": "check:check",
    "test": "check:check",
    "reload": "process:reload",
    "stop": "process:stop",
    "quit": "process:quit_",
    "status": "status:status",
    "top": "top:top",
    "routes": "routes:routes",
    "try": "try_:try_",
    "completion": "completion:completion",
    "version": "version:version",
}
"""Module and function of each command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from gateway.cli.output import Exit, UsageError, complain, report
    from gateway.cli.parser import build
    from gateway.errors import ConfigError, NotRunningError

    arguments = build().parse_args(argv)
    try:
        return _command(arguments.command)(arguments)
    except KeyboardInterrupt:
        return 128 + 2  # as a shell counts SIGINT; it came before anything was served
    except BrokenPipeError:
        # Whoever read has gone; the interpreter must not complain of it again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except UsageError as error:
        complain(f"gatewright {arguments.command}: error: {error}")
        return Exit.USAGE
    except NotRunningError as error:
        complain(f"error: {error}")
        return Exit.NOT_RUNNING
    except ConfigError as error:
        report(error.problems, [], json=arguments.json)
        return Exit.CONFIGURATION


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    module, _, function = _HOMES[name].partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(import_module(f"gateway.cli.{module}"), function)
    return command
