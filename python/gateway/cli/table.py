"""Tables of text, as wide as the terminal, or as what is in them where the reader is no terminal.

for line in table(("ID", "URIS"), [("1", "/a"), ("orders", "/orders/*")], width=terminal_width()):
    say(line)
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NARROWEST = 4
"""Columns are not cut below this."""

_GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None) -> list[str]:
    """Lay rows out under a head. The widest columns are cut, with `…`, to fit `width`; None cuts nothing."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    if width is not None:
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
        while excess > 0 and max(widths) > NARROWEST:
            widths[widths.index(max(widths))] -= 1
            excess -= 1
    return [_GAP.join(_cell(text, room) for text, room in zip(line, widths, strict=True)).rstrip() for line in lines]


def terminal_width() -> int | None:
    """Tell how wide the terminal is; None where standard output is none, so that nothing is cut in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _cell(text: str, room: int) -> str:
    if len(text) > room:
        text = text[: room - 1] + "…"
    return text.ljust(room)
