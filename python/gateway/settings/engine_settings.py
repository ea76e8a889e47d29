"""What the data plane is started with: `Settings` made plain, one JSON document across the boundary.

No choice is left to the reader of it: every address is listed, every duration is a float of seconds, every size an
integer of bytes. The golden file `tests/unit/settings/engine_settings.json` shows it whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from gateway.settings.apisix import Apisix, Listen

if TYPE_CHECKING:
    from gateway.settings.document import Settings
    from gateway.settings.nginx_config import Http, NginxConfig

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (what an address that is not given means, as in APISIX)
"""Every address of the host, in IPv4 and in IPv6."""

_LEVELS = {"notice": "info", "crit": "error", "alert": "error", "emerg": "error"}
_TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
_NGINX_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}


class Listener(Struct, frozen=True):
    """One address to accept connections on. `::` is bound for IPv6 alone, beside `0.0.0.0`."""

    ip: str
    port: int
    tls: bool = False
    http2: bool = True
    proxy_protocol: bool = False


class AccessLog(Struct, frozen=True):
    """Where the access log goes and how a line looks; `buffer` is bytes per worker."""

    path: str
    format: str
    escape: str
    buffer: int


class ErrorLog(Struct, frozen=True):
    """Where the error log goes (`stderr` or a file) and the least level: debug, info, warn or error."""

    path: str
    level: str


class RealIp(Struct, frozen=True, rename={"from_": "from"}):
    """Whose header with the client's address is believed."""

    header: str
    from_: list[str]
    recursive: bool


class Ssl(Struct, frozen=True):
    """TLS with clients; `trusted_certificate` (a file, null: the system's) is for upstreams."""

    protocols: list[str]
    session_tickets: bool
    fallback_sni: str | None
    trusted_certificate: str | None


class Resolver(Struct, frozen=True):
    """DNS; `valid` overrides the answers' TTL, no servers means the system's."""

    servers: tuple[str, ...]
    valid: float | None
    timeout: float
    ipv6: bool
    search: bool


class Upstream(Struct, frozen=True):
    """Idle upstream connections: how many per worker, for how many requests, for how long."""

    keepalive: int
    keepalive_requests: int
    keepalive_timeout: float


class Address(Struct, frozen=True):
    """Where `/status` or the Control API is answered."""

    ip: str
    port: int


class Metrics(Struct, frozen=True):
    """Where metrics are served."""

    ip: str
    port: int
    path: str


class EngineSettings(Struct, frozen=True):
    """The document. Seconds are floats, sizes bytes; 0 is no limit."""

    listen: list[Listener]
    handle_signals: bool
    workers: int | None
    rlimit_nofile: int | None
    shutdown_timeout: float
    keepalive_timeout: float
    client_header_timeout: float
    client_body_timeout: float
    send_timeout: float
    client_max_body_size: int
    underscores_in_headers: bool
    access_log: AccessLog | None
    error_log: ErrorLog
    router: str
    delete_uri_tail_slash: bool
    normalize_uri_like_servlet: bool
    match_uri_encoded_slash: bool
    max_post_args_readable_size: int
    trusted_addresses: tuple[str, ...]
    real_ip: RealIp | None
    ssl: Ssl
    resolver: Resolver
    upstream: Upstream
    upstream_checks: bool
    status: Address | None
    control: Address | None
    metrics: Metrics | None
    control_socket: str | None
    server_tokens: bool
    proxy_status: bool
    via: bool
    show_upstream_status: bool


def engine_settings(settings: Settings, *, ipv6: bool = True, handle_signals: bool = True) -> EngineSettings:
    """Say what `settings` mean. `ipv6` tells whether this host has it; a library leaves signals to its program."""
    apisix, nginx = settings.apisix, settings.nginx_config
    http, prometheus = nginx.http, settings.plugin_attr.prometheus
    return EngineSettings(
        listen=listeners(apisix, ipv6=ipv6),
        handle_signals=handle_signals,
        workers=_workers(apisix, nginx),
        rlimit_nofile=nginx.worker_rlimit_nofile,
        shutdown_timeout=float(nginx.worker_shutdown_timeout),
        keepalive_timeout=float(http.keepalive_timeout),
        client_header_timeout=float(http.client_header_timeout),
        client_body_timeout=float(http.client_body_timeout),
        send_timeout=float(http.send_timeout),
        client_max_body_size=int(http.client_max_body_size),
        underscores_in_headers=bool(http.underscores_in_headers),
        access_log=_access_log(http),
        error_log=ErrorLog(nginx.error_log, _LEVELS.get(nginx.error_log_level, nginx.error_log_level)),
        router=apisix.router.http,
        delete_uri_tail_slash=apisix.delete_uri_tail_slash,
        normalize_uri_like_servlet=apisix.normalize_uri_like_servlet,
        match_uri_encoded_slash=apisix.match_uri_encoded_slash,
        max_post_args_readable_size=apisix.max_post_args_readable_size << 20,
        trusted_addresses=apisix.trusted_addresses,
        real_ip=_real_ip(http),
        ssl=_ssl(apisix),
        resolver=_resolver(apisix),
        upstream=Upstream(
            http.upstream.keepalive, http.upstream.keepalive_requests, float(http.upstream.keepalive_timeout)
        ),
        upstream_checks=not apisix.disable_upstream_healthcheck,
        status=Address(apisix.status.ip, apisix.status.port) if apisix.status else None,
        control=Address(apisix.control.ip, apisix.control.port) if apisix.control and apisix.enable_control else None,
        metrics=(
            Metrics(prometheus.export_addr.ip, prometheus.export_addr.port, prometheus.export_uri)
            if prometheus.enable_export_server
            else None
        ),
        control_socket=None,  # whoever holds a pid file names one beside it
        server_tokens=apisix.enable_server_tokens,
        proxy_status=apisix.enable_proxy_status,
        via=apisix.enable_via,
        show_upstream_status=apisix.show_upstream_status_in_response_header,
    )


def listeners(apisix: Apisix, *, ipv6: bool) -> list[Listener]:
    """Every address to listen on, none twice, in the order of the file."""
    found: dict[tuple[str, int], Listener] = {}

    def add(ip: str | None, port: int, *, tls: bool, proxy_protocol: bool = False) -> None:
        ips = (ip.strip("[]"),) if ip else EVERYWHERE if ipv6 and apisix.enable_ipv6 else EVERYWHERE[:1]
        for address in ips:
            listener = Listener(address, port, tls, apisix.enable_http2, proxy_protocol)
            found.setdefault((address, port), listener)

    plain = apisix.node_listen if isinstance(apisix.node_listen, tuple) else (apisix.node_listen,)
    for entry in plain:
        address = entry if isinstance(entry, Listen) else Listen(port=entry)
        add(address.ip, address.port, tls=False)
    if apisix.ssl.enable:
        for secure in apisix.ssl.listen:
            add(secure.ip, secure.port, tls=True)
    if (port := apisix.proxy_protocol.listen_http_port) is not None:
        add(None, port, tls=False, proxy_protocol=True)
    if (port := apisix.proxy_protocol.listen_https_port) is not None and apisix.ssl.enable:
        add(None, port, tls=True, proxy_protocol=True)
    return list(found.values())


def _workers(apisix: Apisix, nginx: NginxConfig) -> int | None:
    if apisix.enable_dev_mode:
        return 1
    return nginx.worker_processes if isinstance(nginx.worker_processes, int) else None


def _access_log(http: Http) -> AccessLog | None:
    if not http.enable_access_log or http.access_log == "off":
        return None
    return AccessLog(
        path=http.access_log,
        # The text stands in a quoted string of nginx.conf, where a backslash escapes; a block scalar ends in a newline.
        format=re.sub(
            r"\\(.)", lambda found: _NGINX_ESCAPES.get(found[1], found[1]), http.access_log_format.rstrip("\r\n")
        ),
        escape=http.access_log_format_escape,
        buffer=int(http.access_log_buffer),
    )


def _real_ip(http: Http) -> RealIp | None:
    trusted = [block for block in http.real_ip_from if block != "unix:"]  # nothing here listens on such a socket
    return RealIp(http.real_ip_header, trusted, bool(http.real_ip_recursive)) if trusted else None


def _ssl(apisix: Apisix) -> Ssl:
    ssl = apisix.ssl
    return Ssl(
        protocols=[version for version in _TLS_VERSIONS if version in ssl.ssl_protocols.split()],
        session_tickets=ssl.ssl_session_tickets,
        fallback_sni=ssl.fallback_sni,
        trusted_certificate=None if ssl.ssl_trusted_certificate == "system" else ssl.ssl_trusted_certificate,
    )


def _resolver(apisix: Apisix) -> Resolver:
    return Resolver(
        servers=apisix.dns_resolver,
        valid=None if apisix.dns_resolver_valid is None else float(apisix.dns_resolver_valid),
        timeout=float(apisix.resolver_timeout),
        ipv6=apisix.enable_ipv6,
        search=apisix.enable_resolv_search_opt,
    )
