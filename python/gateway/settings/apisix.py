"""The section `apisix` of `config.yaml`: listeners, router, names, TLS, status.

What is not here is in `ignored.py`, with the reason. Docstrings under the fields are the manual: `docs/settings.md`
is generated from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.settings.units import Duration

Port = Annotated[int, Meta(ge=0, le=65535)]
"""A TCP port; 0 lets the kernel choose one, which `Gateway.status()` tells."""


class Listen(Struct, frozen=True):
    """An address of its own for plain HTTP."""

    ip: str | None = None
    """IPv4 or IPv6 address to listen on. Without it: every IPv4 address, and every IPv6 address if `enable_ipv6`."""

    port: Port = 9080
    """TCP port; 0 lets the kernel choose."""


class TlsListen(Struct, frozen=True):
    """An address of its own for HTTPS."""

    ip: str | None = None
    """IPv4 or IPv6 address to listen on. Without it: every IPv4 address, and every IPv6 address if `enable_ipv6`."""

    port: Port = 9443
    """TCP port; 0 lets the kernel choose."""


class ProxyProtocol(Struct, frozen=True):
    """Ports on which each connection opens with a PROXY protocol header (version 1 or 2)."""

    listen_http_port: Port | None = None
    """Port for plain HTTP behind the PROXY protocol."""

    listen_https_port: Port | None = None
    """Port for HTTPS behind the PROXY protocol."""


class Router(Struct, frozen=True):
    """How routes are found."""

    http: Literal["radixtree_host_uri", "radixtree_uri", "radixtree_uri_with_parameter"] = "radixtree_host_uri"
    """`radixtree_host_uri`: by host, then by path. `radixtree_uri`: by path, the host is one of the conditions.
    `radixtree_uri_with_parameter`: as the former, and `:name` and `*name` in a path are variables."""

    ssl: Literal["radixtree_sni"] = "radixtree_sni"
    """How certificates are found: by server name."""


class Ssl(Struct, frozen=True):
    """HTTPS for clients, and the authorities trusted when an upstream speaks it."""

    enable: bool = True
    """Listen for HTTPS. Certificates are `ssls` resources."""

    listen: tuple[TlsListen, ...] = (TlsListen(),)
    """Addresses for HTTPS."""

    ssl_trusted_certificate: str = "system"
    """File with the certificate authorities (PEM) that upstream certificates are checked against; `system` takes
    those of the operating system."""

    ssl_protocols: str = "TLSv1.2 TLSv1.3"
    """TLS versions to offer, separated by blanks: `TLSv1.2`, `TLSv1.3`. Older ones are not offered."""

    ssl_session_tickets: bool = False
    """Resume sessions by tickets. A ticket key that leaks opens recorded sessions, so they are off."""

    fallback_sni: str | None = None
    """Server name to assume when the client names none."""


class Status(Struct, frozen=True):
    """Where `/status` and `/status/ready` are answered."""

    ip: str = "127.0.0.1"
    """Address to listen on."""

    port: Port = 7085
    """TCP port."""


class Control(Struct, frozen=True):
    """Where the Control API is answered, of which `/v1/healthcheck` is in this release."""

    ip: str = "127.0.0.1"
    """Address to listen on."""

    port: Port = 9090
    """TCP port."""


class Apisix(Struct, frozen=True):
    """What the gateway listens on and how it finds its way."""

    node_listen: Port | tuple[Port | Listen, ...] = 9080
    """Addresses for plain HTTP: a port, or a list of ports and of `ip` and `port`."""

    enable_dev_mode: bool = False
    """One worker, whatever `nginx_config.worker_processes` says."""

    enable_ipv6: bool = True
    """Where no `ip` is given, listen on every IPv6 address too, and ask for AAAA records."""

    enable_http2: bool = True
    """Offer HTTP/2 to clients."""

    enable_server_tokens: bool = True
    """Name the version in the `Server` response header."""

    enable_proxy_status: bool = True
    """Say in `Proxy-Status` (RFC 9209) why the gateway answered instead of the upstream. Gatewright's own."""

    enable_via: bool = True
    """Add `Via` to requests on their way to an upstream (RFC 9110 section 7.6.3). Gatewright's own."""

    show_upstream_status_in_response_header: bool = False
    """Put the upstream's status into `X-APISIX-Upstream-Status` on every response; otherwise only on 5xx."""

    proxy_protocol: ProxyProtocol = ProxyProtocol()
    """Ports that expect the PROXY protocol."""

    delete_uri_tail_slash: bool = False
    """Match `/a/` as `/a`."""

    normalize_uri_like_servlet: bool = False
    """Canonicalise paths as the Java servlet specification does, path parameters included."""

    match_uri_encoded_slash: bool = False
    """Keep `%2F` as it is when matching, so that it does not separate path segments."""

    max_post_args_readable_size: Annotated[int, Meta(ge=0, le=2**20)] = 64
    """Mebibytes of a request body that may be read to match `post_arg.*`; 0 sets no limit."""

    router: Router = Router()
    """How routes are found."""

    dns_resolver: tuple[str, ...] = ()
    """Name servers as `ip` or `ip:port`; empty takes those of `/etc/resolv.conf`."""

    dns_resolver_valid: Duration | None = None
    """How long a DNS answer is kept, whatever its TTL says."""

    resolver_timeout: Duration = Duration(5)
    """How long a DNS answer is waited for."""

    enable_resolv_search_opt: bool = True
    """Use the `search` list of `/etc/resolv.conf`."""

    ssl: Ssl = Ssl()
    """HTTPS."""

    status: Status | None = Status()
    """Where `/status` and `/status/ready` are answered; `null` turns them off. APISIX has them off by default; here
    they are on, for this host only."""

    enable_control: bool = True
    """Answer the Control API, where `control` says."""

    control: Control | None = None
    """Where the Control API is answered, of which `/v1/healthcheck` is in this release. APISIX has it at 127.0.0.1:9090
    unless told otherwise; here it is off until this section is there, and `status` answers the same."""

    disable_upstream_healthcheck: bool = False
    """Ignore the `checks` of every upstream."""

    trusted_addresses: tuple[str, ...] = ()
    """Addresses and CIDR blocks whose `X-Forwarded-*` headers are believed. Empty: `X-Forwarded-Proto`, `-Host` and
    `-Port` are always written anew, and the client's address is appended to `X-Forwarded-For`."""
