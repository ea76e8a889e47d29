"""`gatewright version`."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from gateway import resources
from gateway.cli.output import Exit, say, say_json

if TYPE_CHECKING:
    import argparse


def version(arguments: argparse.Namespace) -> Exit:
    """Tell what this is."""
    if arguments.json:
        python = platform.python_version()
        say_json({"version": resources.version(), "python": python, "plugins": resources.plugins()})
    else:
        say(f"gatewright {resources.version()}")
    return Exit.OK
