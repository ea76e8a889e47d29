//! What the engine is told once, at start. The Python side reads `config.yaml`, honours or
//! names every key in it, and hands the engine this one document.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

use crate::matching::RouterKind;

/// The settings of a data plane. Durations are seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where clients connect.
    pub listen: Vec<Listen>,
    /// Worker threads; none for one per core.
    pub workers: Option<usize>,
    /// How long a client connection may wait for its next request.
    pub keepalive_timeout: f64,
    /// How long a client may take to send a request head.
    pub client_header_timeout: f64,
    /// How long a client may pause while it sends a request body.
    pub client_body_timeout: f64,
    /// How long a client may refuse to take bytes of an answer.
    pub send_timeout: f64,
    /// Largest request body in bytes; 0 for no limit.
    pub client_max_body_size: u64,
    /// Whether fields with `_` in their name are taken; otherwise they are removed.
    pub underscores_in_headers: bool,
    /// The access log; none turns it off.
    pub access_log: Option<AccessLog>,
    /// The error log.
    pub error_log: ErrorLog,
    /// How routes are found.
    #[serde(deserialize_with = "router_kind")]
    pub router: RouterKind,
    /// `apisix.delete_uri_tail_slash`
    pub delete_uri_tail_slash: bool,
    /// `apisix.normalize_uri_like_servlet`
    pub normalize_uri_like_servlet: bool,
    /// `apisix.match_uri_encoded_slash`
    pub match_uri_encoded_slash: bool,
    /// Largest body read for `post_arg` variables, in bytes.
    pub max_post_args_readable_size: u64,
    /// Peers whose `X-Forwarded-*` fields are believed. With none given, every peer's
    /// `X-Forwarded-For` is appended to, as APISIX does when the setting is absent.
    pub trusted_addresses: Vec<String>,
    /// How the client's address is taken from a header field; none leaves the peer's.
    pub real_ip: Option<RealIp>,
    /// TLS towards clients and the CA for upstreams.
    pub ssl: Ssl,
    /// How domain nodes are resolved.
    pub resolver: Resolver,
    /// Idle upstream connections where an upstream says nothing.
    pub upstream: UpstreamKeepalive,
    /// Whether `checks` of upstreams are run; not so with `apisix.disable_upstream_healthcheck`.
    pub upstream_checks: bool,
    /// Where `/status` and `/status/ready` answer.
    pub status: Option<SocketAddress>,
    /// Where APISIX's Control API answers.
    pub control: Option<SocketAddress>,
    /// Where metrics are scraped.
    pub metrics: Option<MetricsListen>,
    /// The Unix socket on which the command line asks a running process; none opens none.
    pub control_socket: Option<PathBuf>,
    /// Whether the `Server` field names the version.
    pub server_tokens: bool,
    /// Whether answers made by the gateway carry `Proxy-Status` (RFC 9209).
    pub proxy_status: bool,
    /// Whether every answer carries `X-APISIX-Upstream-Status`, not only those of 500 and up.
    pub show_upstream_status: bool,
    /// Whether `Via` is added to forwarded requests (RFC 9110 section 7.6.3).
    pub via: bool,
    /// How long a stop waits for answers under way.
    pub shutdown_timeout: f64,
    /// File descriptors to ask the system for.
    pub rlimit_nofile: Option<u64>,
    /// Whether the engine takes SIGTERM, SIGQUIT, SIGINT, SIGHUP and SIGUSR1. Off when
    /// embedded in a process that has handlers of its own.
    pub handle_signals: bool,
}

impl Default for Settings {
    /// No listener; the limits and names that the Python side has as its defaults.
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            workers: None,
            keepalive_timeout: 60.0,
            client_header_timeout: 10.0,
            client_body_timeout: 60.0,
            send_timeout: 10.0,
            client_max_body_size: 0,
            underscores_in_headers: true,
            access_log: None,
            error_log: ErrorLog { path: "stderr".into(), level: "info".into() },
            router: RouterKind::HostUri,
            delete_uri_tail_slash: false,
            normalize_uri_like_servlet: false,
            match_uri_encoded_slash: false,
            max_post_args_readable_size: 64 << 20,
            trusted_addresses: Vec::new(),
            real_ip: None,
            ssl: Ssl {
                protocols: vec!["TLSv1.2".into(), "TLSv1.3".into()],
                session_tickets: false,
                fallback_sni: None,
                trusted_certificate: None,
            },
            resolver: Resolver {
                servers: Vec::new(),
                valid: None,
                timeout: 5.0,
                ipv6: true,
                search: true,
            },
            upstream: UpstreamKeepalive {
                keepalive: 320,
                keepalive_requests: 1_000,
                keepalive_timeout: 60.0,
            },
            upstream_checks: true,
            status: None,
            control: None,
            metrics: None,
            control_socket: None,
            server_tokens: true,
            proxy_status: true,
            show_upstream_status: false,
            via: true,
            shutdown_timeout: 240.0,
            rlimit_nofile: None,
            handle_signals: false,
        }
    }
}

/// A listener for clients.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Address to bind.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
    /// Whether connections start with TLS.
    pub tls: bool,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// Whether connections start with a PROXY header, version 1 or 2.
    pub proxy_protocol: bool,
}

/// Where the access log goes and what a line looks like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// File, or `stdout`, `stderr`, `/dev/stdout`, `/dev/stderr`.
    pub path: String,
    /// nginx `log_format` text.
    pub format: String,
    /// nginx `escape=`: `default`, `json` or `none`.
    pub escape: Escape,
    /// Bytes kept per worker before they are written.
    pub buffer: usize,
}

/// How variables are escaped in a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// `\xHH` for controls, quote and backslash; `-` for what is empty.
    Default,
    /// As in a JSON string.
    Json,
    /// As it is.
    None,
}

/// Where the error log goes and how much it says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorLog {
    /// File, or `stderr`.
    pub path: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
}

/// nginx's `real_ip` module.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealIp {
    /// The header field that holds the address, `X-Real-IP` or `X-Forwarded-For` say.
    pub header: String,
    /// Peers that may set it.
    pub from: Vec<String>,
    /// Whether trusted addresses at the end of a list are passed over.
    pub recursive: bool,
}

/// TLS settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ssl {
    /// Versions offered where an SSL object says nothing: `TLSv1.2`, `TLSv1.3`.
    pub protocols: Vec<String>,
    /// Whether session tickets are issued.
    pub session_tickets: bool,
    /// The SNI assumed when a client sends none.
    pub fallback_sni: Option<String>,
    /// PEM file with CAs for upstream certificates; none for the system's.
    pub trusted_certificate: Option<String>,
}

/// DNS settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// Servers as `ip` or `ip:port`; empty for the system's.
    pub servers: Vec<String>,
    /// Overrides the TTL of answers.
    pub valid: Option<f64>,
    /// How long a lookup may take.
    pub timeout: f64,
    /// Whether AAAA records are asked for.
    pub ipv6: bool,
    /// Whether search domains apply.
    pub search: bool,
}

/// Idle upstream connections (`nginx_config.http.upstream`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamKeepalive {
    /// Connections kept per endpoint and worker.
    pub keepalive: usize,
    /// Requests per connection.
    pub keepalive_requests: u32,
    /// How long one may idle.
    pub keepalive_timeout: f64,
}

/// An address to listen on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketAddress {
    /// Address to bind.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl SocketAddress {
    /// As the standard library writes it.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

/// Where metrics are scraped.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsListen {
    /// Address to bind.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
    /// Path that answers.
    pub path: String,
}

fn router_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RouterKind, D::Error> {
    let name = String::deserialize(deserializer)?;
    RouterKind::named(&name)
        .ok_or_else(|| de::Error::custom(format!("apisix.router.http: unknown router {name}")))
}

/// Seconds as milliseconds of the workers' clock; at least 1.
pub(crate) fn millis(seconds: f64) -> u64 {
    (seconds * 1_000.0).max(1.0) as u64
}
