"""`docs/cli.md` tells what the command line has."""

import argparse
from pathlib import Path

from gateway.cli.output import EXIT_CODES
from gateway.cli.parser import build

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def test_every_command_and_option_is_told() -> None:
    parser = build()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        assert f"`{name}`" in PAGE
        for action in command._actions:
            for option in action.option_strings:
                assert option in PAGE or option == "-h", f"{name} {option}"


def test_every_exit_code_is_told() -> None:
    for line in EXIT_CODES.splitlines()[1:]:
        code, meaning = line.split(maxsplit=1)
        assert f"| {code} | {meaning} |" in PAGE
