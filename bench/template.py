"""Templates of configuration files.

A placeholder is ``@{NAME}``: ``$`` and ``%`` belong to nginx and HAProxy. A line that holds only
a placeholder takes its indentation for every line put there, and goes away when that is empty.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = re.compile(r"^([ \t]*)@\{(\w+)\}[ \t]*\n", re.MULTILINE)
INLINE = re.compile(r"@\{(\w+)\}")


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill a template in; KeyError names a placeholder without a value."""

    def block(match: re.Match[str]) -> str:
        indent, name = match.groups()
        return "".join(f"{indent}{line}\n" for line in values[name].splitlines())

    return INLINE.sub(lambda match: values[match[1]], BLOCK.sub(block, template))
