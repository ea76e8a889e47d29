"""The grammar of the command line: what `--help` tells, shells complete and `docs/cli.md` is tested against."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.output import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_RUN = """\
Serve a configuration until told to stop. Without --config, conf/config.yaml is taken, with conf/apisix.yaml beside it.

With --to, everything is passed on to one URL and no file is needed; the access log goes to the terminal, and the
servers for status and metrics are off.
"""

_ROUTES = """\
List every route, in the order in which they are tried: of the running gateway, or with --config of a configuration
that nobody serves.
"""

_TRY = """\
Tell which route a request would take, and of each route considered before it which condition failed. Nothing is sent.
The running gateway is asked, or with --config a configuration that nobody serves.
"""

_COMPLETION = """\
Print a script that has a shell complete commands and options:

  bash  gatewright completion bash > ~/.local/share/bash-completion/completions/gatewright
  zsh   gatewright completion zsh > "${fpath[1]}/_gatewright"
  fish  gatewright completion fish > ~/.config/fish/completions/gatewright.fish
"""

SHELLS = ("bash", "zsh", "fish")
"""Shells that `completion` knows."""


def build() -> argparse.ArgumentParser:
    """Make the parser."""
    parser = argparse.ArgumentParser(
        prog="gatewright",
        description="An API and AI gateway that speaks Apache APISIX's configuration.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _serving(commands)
    _asking(commands)
    completion = _command(commands, "completion", "print a script that has a shell complete this command", _COMPLETION)
    completion.add_argument("shell", choices=SHELLS, help="the shell")
    _json(_command(commands, "version", "tell the version"))
    return parser


def _serving(commands: Commands) -> None:
    """Add what starts, checks and ends a gateway."""
    run = _json(_command(commands, "run", "serve until told to stop", _RUN))
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
    _config(_json(_command(commands, "check", "tell every mistake and every ignored key", aliases=["test"])))
    reload = _json(_command(commands, "reload", "have the running gateway read its files again"))
    _config(reload)
    _pid(reload)
    for name, summary in (
        ("stop", "stop the running gateway once requests have finished (SIGTERM)"),
        ("quit", "the same, by the signal nginx quits by (SIGQUIT)"),
    ):
        ending = _json(_command(commands, name, summary))
        _pid(ending)
        ending.add_argument("--timeout", metavar="SECONDS", type=float, default=300.0, help="how long to wait for it")


def _asking(commands: Commands) -> None:
    """Add what asks a gateway."""
    status = _json(_command(commands, "status", "tell how the running gateway is doing"))
    _pid(status)
    _interval(status)
    top = _json(_command(commands, "top", "show what the running gateway is doing, as it does it"))
    _pid(top)
    _interval(top)
    top.add_argument("--once", action="store_true", help="show it once, and end")
    routes = _json(_command(commands, "routes", "list every route, in the order in which they are tried", _ROUTES))
    _one_of_both(routes)
    trying = _json(_command(commands, "try", "tell which route a request would take, and why", _TRY))
    trying.add_argument("method", metavar="METHOD", help="GET, POST …")
    trying.add_argument("url", metavar="URL", help="http://api.example.com/orders?x=1, or a path alone")
    trying.add_argument(
        "--header", "-H", metavar="FIELD", action="append", default=[], help="'Name: value'; may be repeated"
    )
    trying.add_argument("--data", "-d", metavar="BODY", help="the request's body, for routes that look into it")
    trying.add_argument("--remote-addr", metavar="IP", help="address of the connection's other end (127.0.0.1)")
    _one_of_both(trying)


def _command(
    commands: Commands, name: str, summary: str, description: str = "", aliases: Sequence[str] = ()
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=description or summary,
        aliases=aliases,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _json(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--json", action="store_true", help="print JSON for a machine")
    return parser


def _config(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--config", "-c", metavar="FILE", type=Path, help="settings, and perhaps resources (conf/config.yaml)"
    )


def _pid(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--pid", metavar="FILE", type=Path, help="pid file ($RUNTIME_DIRECTORY/gatewright.pid or logs/gatewright.pid)"
    )


def _one_of_both(parser: argparse.ArgumentParser) -> None:
    """Add the choice between a running process and a configuration."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--config", "-c", metavar="FILE", type=Path, help="look at this configuration, not at the running gateway"
    )
    _pid(source)


def _interval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interval", metavar="SECONDS", type=float, default=1.0, help="time between two readings (1 second)"
    )


class _Version(argparse.Action):
    """Loads the extension only when it is asked for its version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from gateway.resources import version

        parser.exit(message=f"gatewright {version()}\n")
