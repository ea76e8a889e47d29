"""From a parsed `config.yaml` to `Settings`, with every mistake and every ignored key on the way.

>>> reading = read({"apisix": {"node_lsten": 9081}}, file="config.yaml")
>>> str(reading.problems[0])
'config.yaml: apisix.node_lsten: unknown key (did you mean `node_listen`?)'

A key that is not known is a mistake: a setting that silently does nothing is worse than a start that is refused. A
section without content (`apisix:`) counts as absent, as does `null`, except where a field allows `null`.
"""

from __future__ import annotations

import contextlib
import types
import typing
from collections.abc import Collection, Mapping

import msgspec
from msgspec import Struct

from gateway.errors import Problem
from gateway.settings.checks import check
from gateway.settings.document import Settings
from gateway.settings.ignored import IGNORED
from gateway.settings.overrides import overrides
from gateway.settings.units import Duration, Size, Switch

Spans = Mapping[str, tuple[int, int]]
"""Line and column of each value, by JSON pointer."""


class Reading(Struct, frozen=True):
    """What reading a file came to."""

    settings: Settings
    """The settings; where there was a mistake, the default stands."""

    problems: list[Problem]
    """Mistakes. With any of them the settings must not be used."""

    ignored: list[Problem]
    """Keys that are not acted on, with the reason as the message."""


def read(
    document: object,
    spans: Spans | None = None,
    *,
    file: str = "",
    environ: Mapping[str, str] | None = None,
    resource_kinds: Collection[str] = (),
) -> Reading:
    """Read a parsed file; `resource_kinds` are the top-level keys that belong to somebody else."""
    reader = _Reader(file, spans or {})
    if document is None:
        document = {}
    if not isinstance(document, dict):
        reader.problem((), "must be a mapping of sections")
        document = {}
    document = {key: value for key, value in document.items() if key not in resource_kinds}
    for variable, keys, value in overrides(environ or {}):
        reader.override(document, variable, keys, value)
    settings = reader.struct(Settings, document, ())
    for path, message in check(settings):
        reader.problem(path, message)
    return Reading(settings, reader.problems, reader.ignored)


T = typing.TypeVar("T", bound=Struct)
_Path = tuple[str | int, ...]


class _Reader:
    def __init__(self, file: str, spans: Spans) -> None:
        self.file = file
        self.spans = spans
        self.variables: dict[_Path, str] = {}
        self.problems: list[Problem] = []
        self.ignored: list[Problem] = []

    def override(self, document: dict[str, object], variable: str, keys: tuple[str, ...], value: object) -> None:
        """Put the value of an environment variable where its name says."""
        path: _Path = ()
        target: dict[str, object] = document
        model: object = Settings
        for position, key in enumerate(keys):
            names = _names(model, path) | set(target)
            key = next((name for name in names if str(name).lower().replace("-", "_") == key), key)
            path += (key,)
            if position == len(keys) - 1:
                self.variables[path] = variable
                target[key] = value
                return
            model = _struct_in(typing.get_type_hints(model).get(key)) if isinstance(model, type) else None
            inner = target.get(key)
            # Copied: the parsed document belongs to the caller.
            target[key] = target = dict(inner) if isinstance(inner, dict) else {}

    def struct(self, model: type[T], document: dict[str, object], path: _Path) -> T:
        """Read a mapping into `model`, field by field."""
        hints = typing.get_type_hints(model, include_extras=True)
        values: dict[str, object] = {}
        for key, value in document.items():
            here = (*path, key)
            dotted = _dotted(here, index="[]")
            if reason := IGNORED.get(dotted):
                if reason.applies(value):
                    self.ignored.append(self._at(here, reason.text))
            elif key not in hints:
                self.problem(here, "unknown key", _nearest(str(key), _names(model, path)))
            elif value is not None or _allows_none(hints[key]):
                try:
                    values[key] = self.value(hints[key], value, here)
                except _Refused:
                    continue
        return model(**values)

    def value(self, model: object, value: object, path: _Path) -> object:
        """Read one value of any type; what is wrong is recorded, and then `_Refused` raised."""
        if isinstance(value, dict) and (inner := _struct_in(model)):
            return self.struct(inner, value, path)
        if isinstance(value, list) and (item := _item_of(model)):
            return self.items(item, value, path)
        try:
            return msgspec.convert(value, model, strict=False, dec_hook=_unit)
        except msgspec.ValidationError as error:
            text = str(error).partition(" - at `")[0]
            self.problem(path, text[0].lower() + text[1:])
            raise _Refused from None

    def items(self, model: object, values: list[object], path: _Path) -> tuple[object, ...]:
        """Read every entry of a list before giving up on it, so that all mistakes are told at once."""
        done: list[object] = []
        for index, entry in enumerate(values):
            with contextlib.suppress(_Refused):
                done.append(self.value(model, entry, (*path, index)))
        if len(done) < len(values):
            raise _Refused
        return tuple(done)

    def problem(self, path: _Path, message: str, suggestion: str = "") -> None:
        """Record a mistake."""
        self.problems.append(self._at(path, message, suggestion))

    def _at(self, path: _Path, message: str, suggestion: str = "") -> Problem:
        dotted = _dotted(path)
        for length in range(len(path), 0, -1):
            if variable := self.variables.get(path[:length]):
                return Problem(message, file=variable, path=dotted, suggestion=suggestion)
            if span := self.spans.get(_pointer(path[:length])):
                return Problem(message, self.file, span[0], span[1], dotted, suggestion)
        for written, variable in self.variables.items():
            if written[: len(path)] == path:  # a variable made this section
                return Problem(message, file=variable, path=dotted, suggestion=suggestion)
        return Problem(message, file=self.file, path=dotted, suggestion=suggestion)


class _Refused(Exception):
    """The value was recorded as a mistake; the default stands."""


def _unit(model: type, value: object) -> object:
    if issubclass(model, Duration | Size | Switch):
        return model.parse(value)
    raise NotImplementedError(model)


def _names(model: object, path: _Path) -> set[str]:
    """Every key known at `path`: the fields, and the ignored keys one level below it."""
    prefix = _dotted(path, index="[]")
    prefix = f"{prefix}." if prefix else ""
    below = {key.removeprefix(prefix).partition(".")[0] for key in IGNORED if key.startswith(prefix)}
    fields = set(model.__struct_fields__) if isinstance(model, type) and issubclass(model, Struct) else set()
    return below | fields


def _nearest(name: str, known: set[str]) -> str:
    import difflib  # only when there is a mistake to explain

    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), "")


def _dotted(path: _Path, index: str = "") -> str:
    text = ""
    for key in path:
        text += (index or f"[{key}]") if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def _pointer(path: _Path) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def _alternatives(model: object) -> tuple[object, ...]:
    if typing.get_origin(model) in (typing.Union, types.UnionType):
        return typing.get_args(model)
    return (model,)


def _struct_in(model: object) -> type[Struct] | None:
    for option in _alternatives(model):
        if isinstance(option, type) and issubclass(option, Struct):
            return option
    return None


def _item_of(model: object) -> object | None:
    for option in _alternatives(model):
        if typing.get_origin(option) is tuple:
            item: object = typing.get_args(option)[0]
            return item
    return None


def _allows_none(model: object) -> bool:
    return types.NoneType in _alternatives(model)
