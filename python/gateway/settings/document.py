"""The whole of `config.yaml` as one value."""

from __future__ import annotations

from msgspec import Struct

from gateway.settings.apisix import Apisix
from gateway.settings.deployment import Deployment, PluginAttr
from gateway.settings.nginx_config import NginxConfig


class Settings(Struct, frozen=True):
    """Everything a process is started with. `Settings()` is what an empty file means."""

    apisix: Apisix = Apisix()
    """What the gateway listens on and how it finds its way."""

    nginx_config: NginxConfig = NginxConfig()
    """Workers, logs and limits."""

    deployment: Deployment = Deployment()
    """The part this node plays, and the source of its resources."""

    plugin_attr: PluginAttr = PluginAttr()
    """Process-wide settings of plugins."""


def differences(before: Struct, after: Struct) -> list[str]:
    """Name the keys, dotted, in which two settings differ."""
    found = []
    for key in before.__struct_fields__:
        old, new = getattr(before, key), getattr(after, key)
        if type(old) is type(new) and isinstance(old, Struct):
            found += [f"{key}.{inner}" for inner in differences(old, new)]
        elif old != new:
            found.append(key)
    return found
