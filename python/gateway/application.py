"""The gateway as a whole: settings, resources and the data plane, wired.

    with Gateway({"routes": [{"uri": "/*", "upstream": {"nodes": {"127.0.0.1:3000": 1}}}]}) as gateway:
        print(urlopen(gateway.url + "/hello").read())

Made of a mapping it is for tests and for embedding: it listens on a port of the loopback that the kernel chooses,
writes no log and leaves signals alone. `Gateway.configured` is the one that `gatewright run` serves.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from gateway import settings as settings_package
from gateway.engine import Engine
from gateway.errors import ConfigError, Problem
from gateway.settings import EngineSettings, Settings, engine_settings
from gateway.settings.engine_settings import ErrorLog
from gateway.store import Contents, FileStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.configuration import Configuration

EMBEDDED: dict[str, Any] = {
    "apisix": {"node_listen": [{"ip": "127.0.0.1", "port": 0}], "ssl": {"enable": False}, "status": None},
    "nginx_config": {"worker_processes": 1, "http": {"enable_access_log": False}},
    "plugin_attr": {"prometheus": {"enable_export_server": False}},
}
"""The settings of a gateway that is made without any."""


class Gateway:
    """A gateway that can be started, changed and stopped."""

    def __init__(
        self, resources: Mapping[str, Any] | Path, settings: Mapping[str, Any] | Settings | None = None
    ) -> None:
        """Take resources, as in `apisix.yaml` or from such a file, and settings, as in `config.yaml`."""
        if not isinstance(settings, Settings):
            reading = settings_package.read(dict(EMBEDDED if settings is None else settings), file="settings")
            if reading.problems:
                raise ConfigError(reading.problems)
            settings = reading.settings
        self.settings = settings
        """What it was started with."""
        self.handle_signals = False
        """Whether the data plane acts on SIGTERM, SIGHUP and the others, for the whole process."""
        self.control_socket: Path | None = None
        """Where `gatewright status` and its like ask this process; None: nowhere."""
        self.store: FileStore | None = None
        """The file of the resources, if that is where they are."""
        self.engine: Engine | None = None
        """The data plane, once started."""
        self._given = resources
        if isinstance(resources, Path):
            self.store = FileStore(resources, "json" if resources.suffix == ".json" else "yaml")

    @classmethod
    def configured(cls, configuration: Configuration) -> Self:
        """Make the gateway that a configuration describes; raises `ConfigError` if there are mistakes in it."""
        if configuration.problems:
            raise ConfigError(configuration.problems)
        gateway = cls(configuration.store.path, configuration.settings)
        gateway.store = configuration.store
        return gateway

    def start(self) -> list[Problem]:
        """Publish the resources, then listen; returns what is worth a warning.

        Raises `ConfigError` and `ListenError`, and then nothing is listened on.
        """
        settings = self.engine_settings
        _make_log_folders(settings)
        engine = Engine(settings)
        warnings = engine.publish_file(self._contents())
        engine.start()
        self.engine = engine
        return warnings

    @property
    def engine_settings(self) -> EngineSettings:
        """What the data plane is started with, on this host."""
        told = engine_settings(self.settings, ipv6=_has_ipv6(), handle_signals=self.handle_signals)
        socket_path = None if self.control_socket is None else str(self.control_socket)
        return msgspec.structs.replace(told, control_socket=socket_path)

    def unstarted(self) -> Engine:
        """Publish the resources into a data plane that listens nowhere and writes no log, to be asked about them.

        Raises `ConfigError`.
        """
        quiet = ErrorLog("stderr", "error")
        settings = msgspec.structs.replace(
            self.engine_settings, listen=[], access_log=None, error_log=quiet, status=None, metrics=None
        )
        engine = Engine(settings)
        engine.publish_file(self._contents())
        return engine

    def publish(self, resources: Mapping[str, Any]) -> list[Problem]:
        """Serve other resources from now on, all of them or none; raises `ConfigError`."""
        return self._running().publish_file(_document(resources))

    def reload(self) -> list[Problem]:
        """Read the resource file again; raises `ConfigError`, and then the last good one is served on."""
        return self._running().publish_file(self._contents())

    def stop(self, timeout: float | None = None) -> bool:
        """Let requests finish for `timeout` seconds (the settings' if None) and stop. Tells whether all finished."""
        engine, self.engine = self.engine, None
        if engine is None:
            return True
        return engine.drain(float(self.settings.nginx_config.worker_shutdown_timeout) if timeout is None else timeout)

    def status(self) -> dict[str, Any]:
        """Tell what is listened on, which revision is served, how the last change went."""
        return self._running().status()

    @property
    def url(self) -> str:
        """Where the first listener answers, without a slash at the end."""
        first = self.status()["listeners"][0]
        return f"{first['protocol']}://{first['address']}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _running(self) -> Engine:
        if self.engine is None:
            raise RuntimeError("the gateway is not started")
        return self.engine

    def _contents(self) -> Contents:
        if self.store is not None:
            return self.store.read()
        assert not isinstance(self._given, Path)  # noqa: S101 (a path has a store)
        return _document(self._given)


def _document(resources: Mapping[str, Any]) -> Contents:
    return Contents(msgspec.json.encode(resources), "json", "resources")


def _has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return False
    return True


def _make_log_folders(settings: EngineSettings) -> None:
    """Make the folders of the log files, as `logs/`."""
    for key, log in (("http.access_log", settings.access_log), ("error_log", settings.error_log)):
        if log is None or log.path in ("stderr", "stdout") or log.path.startswith("/dev/"):
            continue
        try:
            Path(log.path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigError([Problem(f"`{log.path}`: {reason}", path=f"nginx_config.{key}")]) from None
