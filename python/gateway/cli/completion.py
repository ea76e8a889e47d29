"""`gatewright completion`: a script that has a shell complete the command line.

The script is static: a Tab starts no Python. `shtab` writes it from the parser, so it knows what `--help` knows.
"""

from __future__ import annotations

import argparse

import shtab

from gateway.cli.output import Exit, say
from gateway.cli.parser import build


def completion(arguments: argparse.Namespace) -> Exit:
    """Print the script."""
    parser = build()
    _complete_files(parser)
    say(shtab.complete(parser, shell=arguments.shell))
    return Exit.OK


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Have every argument that is a file completed as one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command)
        elif action.metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # how shtab is told
