"""Values in nginx's syntax, as APISIX's `config.yaml` writes them.

>>> Duration.parse("1m 30s"), Duration.parse(2)
(90.0, 2.0)
>>> Size.parse("16k")
16384

A bare number is seconds or bytes. `M` is a month in a duration and a mebibyte in a size, as in nginx.
"""

from __future__ import annotations

import re

_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "M": 2592000.0,  # 30 days
    "y": 31536000.0,  # 365 days
}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwMy])\s*)+|\d+(?:\.\d+)?")
_DURATION_PART = re.compile(r"(\d+)(ms|[smhdwMy])")
_LONGEST = 1e9  # seconds: 31 years, so that a deadline never overflows a clock
_LARGEST = 2**63 - 1  # bytes
_LONGEST_TEXT = 64  # characters
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIZE = re.compile(r"(\d+)([kmg]?)", re.IGNORECASE)


class Duration(float):
    """A length of time in seconds."""

    @classmethod
    def parse(cls, value: object) -> Duration:
        """Read `60s`, `1h 30m`, `500ms` or a number of seconds; raises `ValueError`."""
        seconds: float = -1
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value
        elif isinstance(value, str) and len(value) < _LONGEST_TEXT and _DURATION.fullmatch(text := value.strip()):
            parts = _DURATION_PART.findall(text)
            seconds = sum(int(count) * _SECONDS[unit] for count, unit in parts) if parts else float(text)
        if 0 <= seconds <= _LONGEST:
            return cls(seconds)
        raise ValueError(f"`{value}` is not a duration: write seconds, or a number with ms, s, m, h, d, as `60s`")


class Size(int):
    """A number of bytes."""

    @classmethod
    def parse(cls, value: object) -> Size:
        """Read `16k`, `10m`, `1g` or a number of bytes; raises `ValueError`."""
        count = -1
        if isinstance(value, int) and not isinstance(value, bool):
            count = value
        elif isinstance(value, str) and len(value) < _LONGEST_TEXT and (match := _SIZE.fullmatch(value.strip())):
            count = int(match[1]) * _BYTES[match[2].lower()]
        if 0 <= count <= _LARGEST:
            return cls(count)
        raise ValueError(f"`{value}` is not a size: write bytes, or a number with k, m or g, as `16k`")


class Switch:
    """nginx's `on` and `off`. YAML 1.1 reads the bare words as booleans, so both are taken."""

    __slots__ = ("on",)

    def __init__(self, on: bool) -> None:
        self.on = on
        """Whether it is on."""

    @classmethod
    def parse(cls, value: object) -> Switch:
        """Read `on`, `off` or a boolean; raises `ValueError`."""
        if isinstance(value, bool):
            return cls(value)
        if isinstance(value, str) and value.lower() in ("on", "off", "true", "false"):
            return cls(value.lower() in ("on", "true"))
        raise ValueError(f"`{value}` is neither `on` nor `off`")

    def __bool__(self) -> bool:
        return self.on

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Switch) and self.on == other.on

    def __hash__(self) -> int:
        return hash(self.on)

    def __repr__(self) -> str:
        return "on" if self.on else "off"
