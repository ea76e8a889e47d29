"""The sections `deployment` and `plugin_attr` of `config.yaml`: where resources come from, where metrics go."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from gateway.settings.apisix import Port


class TraditionalRole(Struct, frozen=True):
    """Sources of a node that has the Admin API too."""

    config_provider: Literal["etcd", "sqlite", "memory", "yaml", "json"] | None = None
    """Where resources come from. This release reads files: `yaml` is `apisix.yaml` beside this file, `json` is
    `apisix.json`. Without it, whichever of the two there is."""


class DataPlaneRole(Struct, frozen=True):
    """Sources of a node that only serves."""

    config_provider: Literal["etcd", "yaml", "json", "xds"] | None = None
    """Where resources come from, as in `role_traditional`."""


class ControlPlaneRole(Struct, frozen=True):
    """Sources of a node that serves no traffic."""

    config_provider: Literal["etcd", "sqlite"] | None = None
    """Where resources come from."""


class Deployment(Struct, frozen=True):
    """The part this node plays, and the source of its resources."""

    role: Literal["traditional", "data_plane", "control_plane"] = "traditional"
    """The part this node plays. `control_plane` is not in this release."""

    role_traditional: TraditionalRole = TraditionalRole()
    """Sources when `role` is `traditional`."""

    role_data_plane: DataPlaneRole = DataPlaneRole()
    """Sources when `role` is `data_plane`."""

    role_control_plane: ControlPlaneRole = ControlPlaneRole()
    """Sources when `role` is `control_plane`."""

    @property
    def config_provider(self) -> str | None:
        """The source that the role in force names."""
        if self.role == "data_plane":
            return self.role_data_plane.config_provider
        if self.role == "control_plane":
            return self.role_control_plane.config_provider
        return self.role_traditional.config_provider


class ExportAddress(Struct, frozen=True):
    """Where metrics are served."""

    ip: str = "127.0.0.1"
    """Address to listen on."""

    port: Port = 9091
    """TCP port."""


class Prometheus(Struct, frozen=True):
    """Metrics in Prometheus' text format."""

    enable_export_server: bool = True
    """Serve metrics on a port of their own."""

    export_addr: ExportAddress = ExportAddress()
    """Where they are served: this host only, unless changed."""

    export_uri: str = "/apisix/prometheus/metrics"
    """Path they are served at."""


class PluginAttr(Struct, frozen=True):
    """Process-wide settings of plugins."""

    prometheus: Prometheus = Prometheus()
    """Metrics."""
