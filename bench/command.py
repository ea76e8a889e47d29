"""What the commands of the harness have in common: what they say, and where reports go."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

RESULTS = Path(__file__).with_name("results")


def say(line: str) -> None:
    """Report progress, beside what a command prints."""
    print(line, file=sys.stderr, flush=True)


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a report goes, and what stays of the run."""
    parser.add_argument("--out", type=Path, default=RESULTS, help="directory of the report")
    add_keep_argument(parser)


def add_keep_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that keeps what a run worked with."""
    parser.add_argument("--keep", type=Path, help="keep configurations and logs in this directory")


def write_files(directory: Path, name: str, report: str, document: object) -> None:
    """Write a report for people, ``name.md``, and what it is made from, ``name.json``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.md").write_text(report)
    (directory / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    say(f"wrote {directory / name}.md and .json")
