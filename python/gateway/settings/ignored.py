"""Keys that APISIX knows and this gateway does not act on, each with the reason.

A key in this table covers everything below it. When a file holds one, the start and `gatewright check` name it in one
line, unless the value says what the gateway does anyway (`unless`). A key in neither the table nor the structs is a
mistake, and refused.
"""

from __future__ import annotations

from msgspec import Struct

_NO_LUA = "no Lua runs here; plugins are written in Rust or Python"
_NO_NGINX = "there is no nginx.conf to put it into"
_ADMIN = "the Admin API is not in this release"
_STREAM = "TCP and UDP proxying is not in this release"
_NEVER = object()


class Reason(Struct, frozen=True):
    """Why a key is not acted on."""

    text: str
    """The reason, as it is shown."""

    unless: object = _NEVER
    """The value with which nothing is lost, so nothing is said."""

    def applies(self, value: object) -> bool:
        """Whether `value` asks for something that is not done."""
        if self.unless == "" and isinstance(value, str):  # a snippet of nothing but comments
            return any(line.strip() and not line.lstrip().startswith("#") for line in value.splitlines())
        return value is not None and value != self.unless


IGNORED: dict[str, Reason] = {
    "apisix.enable_admin": Reason(_ADMIN, unless=False),
    "apisix.enable_reuseport": Reason("every worker has listeners of its own, always", unless=True),
    "apisix.proxy_protocol.enable_tcp_pp": Reason(_STREAM, unless=False),
    "apisix.proxy_protocol.enable_tcp_pp_to_upstream": Reason(_STREAM, unless=False),
    "apisix.extra_lua_path": Reason(_NO_LUA, unless=""),
    "apisix.extra_lua_cpath": Reason(_NO_LUA, unless=""),
    "apisix.lua_module_hook": Reason(_NO_LUA),
    "apisix.proxy_cache": Reason("the plugin proxy-cache is not in this release"),
    "apisix.proxy_mode": Reason(_STREAM, unless="http"),
    "apisix.stream_proxy": Reason(_STREAM),
    "apisix.ssl.listen[].enable_http3": Reason("HTTP/3 is not in this release", unless=False),
    "apisix.ssl.ssl_ciphers": Reason("every suite that is safe today is offered, and no other", unless=""),
    "apisix.disable_sync_configuration_during_start": Reason("a start waits for its configuration", unless=False),
    "apisix.data_encryption": Reason("no store that encrypts is in this release"),
    "apisix.lru": Reason("secrets are resolved when they change, not on the request path"),
    "apisix.tracing": Reason("tracing is not in this release", unless=False),
    "apisix.worker_startup_time_threshold": Reason("workers are threads; none is restarted on its own"),
    "nginx_config.user": Reason("the process keeps its user; start it as the one you want"),
    "nginx_config.enable_cpu_affinity": Reason("workers are not pinned to CPUs", unless=False),
    "nginx_config.max_pending_timers": Reason("timers cost nothing that needs a limit"),
    "nginx_config.max_running_timers": Reason("timers cost nothing that needs a limit"),
    "nginx_config.event": Reason("connections are bounded by `worker_rlimit_nofile` alone"),
    "nginx_config.envs": Reason("the whole environment can be read"),
    "nginx_config.meta": Reason("there are no shared dictionaries to size"),
    "nginx_config.stream": Reason(_STREAM, unless={"enable_access_log": False}),
    "nginx_config.main_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.http_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.http_server_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.http_server_location_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.http_admin_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.http_end_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.stream_configuration_snippet": Reason(_NO_NGINX, unless=""),
    "nginx_config.http.proxy_ssl_server_name": Reason("the server name is always sent to upstreams", unless=True),
    "nginx_config.http.charset": Reason("responses keep the Content-Type that the upstream gave them"),
    "nginx_config.http.variables_hash_max_size": Reason("variables are resolved when the configuration is read"),
    "nginx_config.http.lua_shared_dict": Reason("there are no shared dictionaries to size"),
    "nginx_config.http.custom_lua_shared_dict": Reason(_NO_LUA),
    "discovery": Reason("service discovery is not in this release"),
    "graphql": Reason("a GraphQL request is read up to 1 MiB to match it"),
    "ext-plugin": Reason("plugins in other processes are not in this release"),
    "wasm": Reason("plugins in WebAssembly are not in this release"),
    "xrpc": Reason(_STREAM),
    "plugins": Reason("every plugin of this release is enabled"),
    "stream_plugins": Reason(_STREAM),
    "plugin_attr.ai-proxy": Reason("the plugin ai-proxy is not in this release"),
    "plugin_attr.log-rotate": Reason("logs are opened anew on SIGUSR1; use logrotate"),
    "plugin_attr.skywalking": Reason("the plugin skywalking is not in this release"),
    "plugin_attr.opentelemetry": Reason("the plugin opentelemetry is not in this release"),
    "plugin_attr.prometheus.metric_prefix": Reason("metrics are named `gateway_…`"),
    "plugin_attr.prometheus.refresh_interval": Reason("metrics are read when they are asked for"),
    "plugin_attr.prometheus.metrics": Reason("extra labels are not in this release"),
    "plugin_attr.prometheus.default_buckets": Reason("buckets are fixed, in seconds"),
    "plugin_attr.prometheus.llm_latency_buckets": Reason("AI metrics are not in this release"),
    "plugin_attr.prometheus.llm_prompt_tokens_buckets": Reason("AI metrics are not in this release"),
    "plugin_attr.prometheus.llm_completion_tokens_buckets": Reason("AI metrics are not in this release"),
    "plugin_attr.prometheus.allow_degradation": Reason("nothing else depends on metrics"),
    "plugin_attr.server-info": Reason("the plugin server-info is not in this release"),
    "plugin_attr.dubbo-proxy": Reason("the plugin dubbo-proxy is not in this release"),
    "plugin_attr.proxy-mirror": Reason("the plugin proxy-mirror is not in this release"),
    "plugin_attr.redirect": Reason("the plugin redirect is not in this release"),
    "plugin_attr.inspect": Reason(_NO_LUA),
    "plugin_attr.zipkin": Reason("the plugin zipkin is not in this release"),
    "plugin_attr.example-plugin": Reason("the plugin example-plugin is not in this release"),
    "deployment.admin": Reason(_ADMIN),
    "deployment.etcd": Reason("the store etcd is not in this release"),
    "deployment.sqlite": Reason("the store sqlite is not in this release"),
    "deployment.certs": Reason("TLS to other nodes is not in this release"),
    "etcd": Reason("the store etcd is not in this release"),
    "http": Reason("it sizes shared dictionaries, which do not exist here"),
}
"""Every such key of APISIX 3.18, and why nothing is done with it."""
