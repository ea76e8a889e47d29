"""What no field can say alone: addresses that exist, ports used once, sources that this release has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.settings.apisix import Listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.settings.document import Settings

Path = tuple[str | int, ...]
"""Keys from the top of the document to the value."""


def check(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Yield (where, what is wrong)."""
    yield from _source(settings)
    yield from _addresses(settings)
    yield from _ports(settings)
    if settings.apisix.node_listen == () and not (settings.apisix.ssl.enable and settings.apisix.ssl.listen):
        yield ("apisix", "node_listen"), "nothing is listened on"
    if settings.nginx_config.http.access_log.startswith("syslog:"):
        yield ("nginx_config", "http", "access_log"), "syslog is not in this release; name a file, or `/dev/stdout`"
    authorities = settings.apisix.ssl.ssl_trusted_certificate
    if authorities != "system" and not os.access(authorities, os.R_OK):
        yield ("apisix", "ssl", "ssl_trusted_certificate"), f"`{authorities}` cannot be read"
    if not {"TLSv1.2", "TLSv1.3"} & set(settings.apisix.ssl.ssl_protocols.split()):
        yield (
            ("apisix", "ssl", "ssl_protocols"),
            "names neither `TLSv1.2` nor `TLSv1.3`, and older ones are not offered",
        )


def _source(settings: Settings) -> Iterator[tuple[Path, str]]:
    deployment = settings.deployment
    if deployment.role == "control_plane":
        yield ("deployment", "role"), "a control plane is not in this release; every node serves"
    elif (provider := deployment.config_provider) not in (None, "yaml", "json"):
        where = ("deployment", f"role_{deployment.role}", "config_provider")
        yield where, f"the source `{provider}` is not in this release; `yaml` and `json` are, each a file"


def _addresses(settings: Settings) -> Iterator[tuple[Path, str]]:
    apisix, http = settings.apisix, settings.nginx_config.http
    plain = apisix.node_listen if isinstance(apisix.node_listen, tuple) else ()
    listening: list[tuple[Path, str | None]] = [
        (("apisix", "node_listen", index, "ip"), entry.ip)
        for index, entry in enumerate(plain)
        if isinstance(entry, Listen)
    ]
    listening += [(("apisix", "ssl", "listen", index, "ip"), one.ip) for index, one in enumerate(apisix.ssl.listen)]
    if apisix.status:
        listening.append((("apisix", "status", "ip"), apisix.status.ip))
    if apisix.control:
        listening.append((("apisix", "control", "ip"), apisix.control.ip))
    address = settings.plugin_attr.prometheus.export_addr.ip
    listening.append((("plugin_attr", "prometheus", "export_addr", "ip"), address))
    for path, ip in listening:
        if ip is not None and not _is_block(ip.strip("[]"), prefix=False):
            yield path, f"`{ip}` is not an IP address"
    blocks: list[tuple[Path, str]] = [
        (("apisix", "trusted_addresses", index), block) for index, block in enumerate(apisix.trusted_addresses)
    ]
    blocks += [
        (("nginx_config", "http", "real_ip_from", index), block) for index, block in enumerate(http.real_ip_from)
    ]
    for path, block in blocks:
        if block != "unix:" and not _is_block(block):
            yield path, f"`{block}` is neither an IP address nor a CIDR block"


def _is_block(text: str, *, prefix: bool = True) -> bool:
    if text in ("127.0.0.1", "0.0.0.0", "::"):  # noqa: S104 (spares most starts the import)
        return True
    import ipaddress

    try:
        ipaddress.ip_network(text, strict=False) if prefix else ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ports(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Two of our own servers on one port would be told by the kernel too, but not with the names of both."""
    apisix, prometheus = settings.apisix, settings.plugin_attr.prometheus
    taken: dict[int, str] = {}
    plain = apisix.node_listen if isinstance(apisix.node_listen, tuple) else (apisix.node_listen,)
    uses: list[tuple[Path, int]] = []
    for index, entry in enumerate(plain):
        uses.append((("apisix", "node_listen", index), entry.port if isinstance(entry, Listen) else entry))
    clients = len(uses)
    if apisix.ssl.enable:
        uses += [(("apisix", "ssl", "listen", index), one.port) for index, one in enumerate(apisix.ssl.listen)]
    for key in ("listen_http_port", "listen_https_port"):
        if port := getattr(apisix.proxy_protocol, key):
            uses.append((("apisix", "proxy_protocol", key), port))
    if apisix.status:
        uses.append((("apisix", "status", "port"), apisix.status.port))
    if apisix.control and apisix.enable_control:
        uses.append((("apisix", "control", "port"), apisix.control.port))
    if prometheus.enable_export_server:
        uses.append((("plugin_attr", "prometheus", "export_addr", "port"), prometheus.export_addr.port))
    for index, (path, port) in enumerate(uses):
        name = ".".join(key for key in path if isinstance(key, str))
        other = taken.setdefault(port, name)
        # One port may well be listened on at several addresses by the same list.
        if port and other != name and index >= clients:
            yield path, f"port {port} is taken by `{other}`"
