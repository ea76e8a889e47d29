"""From the path of a `config.yaml` to everything a gateway is started with.

    configuration = load(Path("conf/config.yaml"), os.environ)
    if configuration.problems: ...          # nothing of it may be used

Resources stand in `config.yaml` itself if it holds any, else in `apisix.yaml` or `apisix.json` beside it. A file of
resources alone is a configuration too: its settings are the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from gateway import resources, settings
from gateway.errors import ConfigError, Problem
from gateway.settings import Settings
from gateway.store import FileStore
from gateway.store.file import unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PATH = Path("conf/config.yaml")
"""Where the settings are looked for when no path is given."""


class Configuration(Struct, frozen=True):
    """What a file came to."""

    path: Path
    """The file."""

    settings: Settings
    """What the process is started with."""

    store: FileStore
    """Where its resources are."""

    problems: list[Problem] = []
    """Mistakes in the settings. With any of them the configuration must not be used."""

    ignored: list[Problem] = []
    """Keys that nothing is done with, and why."""

    def check(self) -> list[Problem]:
        """List every mistake, those of the resources included."""
        try:
            contents = self.store.read()
        except ConfigError as error:
            return [*self.problems, *error.problems]
        found = resources.check(contents.text, contents.format, file=contents.path)
        return [*self.problems, *(problem for problem in found if problem not in self.problems)]


def load(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """Read the settings at `path`, or at the usual place; raises `ConfigError` where there are none to read."""
    if path is None:
        path = DEFAULT_PATH
        if not path.exists() and (found := _beside(path)):
            path = found
    file = str(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError([unreadable(path, error)]) from None
    parsed = resources.parse(text, resources.format_of(path), environ, file=file)
    reading = settings.read(
        parsed.value, parsed.spans, file=file, environ=environ, resource_kinds=frozenset(resources.KINDS)
    )
    store, doubt = _store(path, parsed.value, reading.settings)
    return Configuration(path, reading.settings, store, reading.problems, [*reading.ignored, *doubt])


def _store(path: Path, document: object, chosen: Settings) -> tuple[FileStore, list[Problem]]:
    other = _beside(path)
    if isinstance(document, dict) and not document.keys().isdisjoint(resources.KINDS):
        text = f"not read, because {path} holds resources itself"
        doubt = [Problem(text, file=str(other))] if other and not other.samefile(path) else []
        return FileStore(path, resources.format_of(path)), doubt
    provider = chosen.deployment.config_provider
    if provider in ("yaml", "json"):
        return FileStore(path.with_name(f"apisix.{provider}"), provider), []
    other = other or path.with_name("apisix.yaml")
    return FileStore(other, resources.format_of(other)), []


def _beside(path: Path) -> Path | None:
    return next((one for name in ("apisix.yaml", "apisix.json") if (one := path.with_name(name)).exists()), None)
