"""`gatewright check`: every mistake and every ignored key, without serving anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway import configuration
from gateway.cli.output import Exit, complain, report, say
from gateway.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def check(arguments: argparse.Namespace) -> Exit:
    """Judge a configuration."""
    try:
        loaded = configuration.load(arguments.config, dict(os.environ))
    except ConfigError as error:
        report(error.problems, [], json=arguments.json)
        return Exit.CONFIGURATION
    errors = loaded.check()
    report(errors, loaded.ignored, json=arguments.json)
    if not arguments.json:
        files = str(loaded.path) if loaded.path == loaded.store.path else f"{loaded.path} and {loaded.store.path}"
        if errors:
            complain(f"{files}: {_count(len(errors), 'mistake')}")
        else:
            say(f"{files}: no mistake, {_count(len(loaded.ignored), 'ignored key')}")
    return Exit.CONFIGURATION if errors else Exit.OK


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
