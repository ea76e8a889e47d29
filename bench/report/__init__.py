"""Reports of a run: Markdown for people, JSON for machines, SVG for the eye."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.report.markdown import render_markdown
from bench.report.svg import render_svg

if TYPE_CHECKING:
    from pathlib import Path

    from bench.rows import Results


def write_report(results: Results, directory: Path) -> list[Path]:
    """Write ``results.md``, ``.json`` and ``.svg`` into a directory; the paths written."""
    directory.mkdir(parents=True, exist_ok=True)
    texts = {
        "results.md": render_markdown(results),
        "results.json": json.dumps(results.as_json(), indent=1) + "\n",
        "results.svg": render_svg(results),
    }
    for name, text in texts.items():
        (directory / name).write_text(text)
    return [directory / name for name in texts]
