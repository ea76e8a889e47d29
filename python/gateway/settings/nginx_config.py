"""The section `nginx_config` of `config.yaml`: workers, logs, time and size limits.

There is no nginx here: a key with a meaning for any gateway is honoured, the rest is named by `ignored.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.settings.units import Duration, Size, Switch

ACCESS_LOG_FORMAT = (
    '$remote_addr - $remote_user [$time_local] $http_host "$request" $status $body_bytes_sent $request_time '
    '"$http_referer" "$http_user_agent" $upstream_addr $upstream_status $upstream_response_time '
    '"$upstream_scheme://$upstream_host$upstream_uri" "$apisix_request_id"'
)
"""APISIX 3.18's access log line."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A whole number, not negative."""


class UpstreamKeepalive(Struct, frozen=True):
    """Idle connections kept to upstreams that set no `keepalive_pool` of their own."""

    keepalive: Count = 320
    """Idle connections kept per worker; the least recently used one is closed when there are more."""

    keepalive_requests: Count = 1000
    """Requests after which a connection is closed."""

    keepalive_timeout: Duration = Duration(60)
    """How long an idle connection is kept."""


class Http(Struct, frozen=True):
    """Clients over HTTP."""

    enable_access_log: bool = True
    """Write an access log."""

    access_log: str = "logs/access.log"
    """File of the access log; `/dev/stdout` and `/dev/stderr` are taken, `off` writes none. A relative path starts at
    the working directory. SIGUSR1 opens it anew."""

    access_log_buffer: Size = Size(16384)
    """Bytes each worker collects before it writes; what is younger than a second may still be in memory."""

    access_log_format: str = ACCESS_LOG_FORMAT
    """A line of the access log, in the syntax of nginx's `log_format`. The default is APISIX's."""

    access_log_format_escape: Literal["default", "json", "none"] = "default"
    """How values are escaped in the line, as nginx's `log_format` does."""

    keepalive_timeout: Duration = Duration(60)
    """How long an idle client connection is kept; 0 closes it after each response."""

    client_header_timeout: Duration = Duration(10)
    """Time for a whole request head; then 408. APISIX has 60 s; a slow head is how connections are exhausted."""

    client_body_timeout: Duration = Duration(60)
    """Time between two reads of a request body; then 408."""

    client_max_body_size: Size = Size(0)
    """Bytes of a request body; then 413. 0 sets no limit."""

    send_timeout: Duration = Duration(10)
    """Time between two writes of a response to a client that does not read; then the connection is closed."""

    underscores_in_headers: Switch = Switch(True)
    """Pass on request headers with an underscore in their name; `off` drops them. One that is the twin of a header
    the gateway sets is always dropped."""

    real_ip_header: str = "X-Real-IP"
    """Header with the client's address, believed from `real_ip_from`; `proxy_protocol` takes the PROXY header's."""

    real_ip_from: tuple[str, ...] = ("127.0.0.1", "unix:")
    """Addresses and CIDR blocks whose `real_ip_header` is believed; empty believes none."""

    real_ip_recursive: Switch = Switch(False)
    """Take the last address in the header that is not in `real_ip_from`, instead of the last one."""

    upstream: UpstreamKeepalive = UpstreamKeepalive()
    """Idle upstream connections."""


class NginxConfig(Struct, frozen=True):
    """Workers, logs and limits."""

    error_log: str = "stderr"
    """File of the error log, or `stderr`. APISIX has `logs/error.log`; here nothing is hidden from whoever starts the
    gateway."""

    error_log_level: Literal["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"] = "info"
    """Least level that is logged. There are four: `notice` is `info`; `crit`, `alert` and `emerg` are `error`. APISIX
    has `warn`, and tells of a reload at that level."""

    worker_processes: Annotated[int, Meta(ge=1, le=1024)] | Literal["auto"] = "auto"
    """Worker threads; `auto` is one for each CPU that this process may use, container limits included."""

    worker_rlimit_nofile: Count | None = None
    """Open files of the process, all workers together. Without it, the soft limit is raised to the hard one."""

    worker_shutdown_timeout: Duration = Duration(240)
    """How long requests under way may take to finish at a stop."""

    http: Http = Http()
    """Clients over HTTP."""
