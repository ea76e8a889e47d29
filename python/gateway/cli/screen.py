"""The terminal, taken over for a view that is drawn again and again, and given back as it was.

with Screen() as screen:
    while screen.pressed(1.0) not in QUIT:
        screen.draw(lines)
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import tty
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

QUIT = frozenset(("q", "Q", "\x1b", ""))
"""Keys that end a view: q, escape, and the end of the input."""

_ENTER = "\x1b[?1049h\x1b[?25l"  # the other screen, no cursor
_LEAVE = "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """A terminal's other screen; what stood on it before is back when it is left."""

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)  # keys come at once, and Ctrl-C stays a signal
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_LEAVE)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        size = shutil.get_terminal_size()
        return size.columns, size.lines

    def draw(self, lines: Sequence[str]) -> None:
        """Draw lines over what stands there, from the top; a terminal has no time to flicker."""
        columns, height = self.size
        drawn = (line[:columns] + _END_OF_LINE for line in lines[:height])
        self._write(_HOME + "\r\n".join(drawn) + _END_OF_SCREEN)

    def pressed(self, seconds: float) -> str | None:
        """Wait for a key; None if none was pressed in time."""
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return None
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
