"""The command `gatewright`.

Start-up time is part of the interface: this module imports only what parses the command line, and each command
imports what it needs when it is called.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUN = """\
Serve a configuration until told to stop. Without --config, conf/config.yaml is taken, with conf/apisix.yaml beside it.

With --to, everything is passed on to one URL and no file is needed; the access log goes to the terminal, and the
servers for status and metrics are off.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from gateway.cli.output import Exit, UsageError, complain

    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        return _command(arguments)
    except KeyboardInterrupt:
        return 128 + 2  # as a shell counts SIGINT; it came before anything was served
    except BrokenPipeError:
        # Whoever read has gone; the interpreter must not complain of it again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except UsageError as error:
        complain(f"gatewright {arguments.command}: error: {error}")
        return Exit.USAGE


def _command(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "run":
            from gateway.cli.run import run

            return run(arguments)
        case "check" | "test":
            from gateway.cli.check import check

            return check(arguments)
        case "version":
            from gateway.cli.version import version

            return version(arguments)
        case _:
            from gateway.cli import process

            return {"reload": process.reload, "stop": process.stop, "quit": process.quit_}[arguments.command](arguments)


def _parser() -> argparse.ArgumentParser:
    from gateway.cli.output import EXIT_CODES

    parser = argparse.ArgumentParser(
        prog="gatewright",
        description="An API and AI gateway that speaks Apache APISIX's configuration.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, summary: str, *, description: str = "", aliases: Sequence[str] = ()) -> _Parser:
        made = commands.add_parser(
            name,
            help=summary,
            description=description or summary,
            aliases=aliases,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.add_argument("--json", action="store_true", help="print JSON for a machine")
        return made

    run = command("run", "serve until told to stop", description=_RUN)
    source = run.add_mutually_exclusive_group()
    _config(source)
    source.add_argument("--to", metavar="URL", help="pass everything on to URL, as http://127.0.0.1:3000")
    run.add_argument(
        "--listen",
        metavar="ADDRESS",
        action="append",
        help="port, or address and port, in place of apisix.node_listen; may be repeated",
    )
    _pid(run)
    _config(command("check", "tell every mistake and every ignored key", aliases=["test"]))
    reload = command("reload", "have the running gateway read its files again")
    _config(reload)
    _pid(reload)
    for name, summary in (
        ("stop", "stop the running gateway once requests have finished (SIGTERM)"),
        ("quit", "the same, by the signal nginx quits by (SIGQUIT)"),
    ):
        ending = command(name, summary)
        _pid(ending)
        ending.add_argument("--timeout", metavar="SECONDS", type=float, default=300.0, help="how long to wait for it")
    command("version", "tell the version")
    return parser


_Parser = argparse.ArgumentParser


class _Version(argparse.Action):
    """Loads the extension only when it is asked for its version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from gateway.resources import version

        parser.exit(message=f"gatewright {version()}\n")


def _config(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--config", "-c", metavar="FILE", type=Path, help="settings, and perhaps resources (conf/config.yaml)"
    )


def _pid(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--pid", metavar="FILE", type=Path, help="pid file ($RUNTIME_DIRECTORY/gatewright.pid or logs/gatewright.pid)"
    )
