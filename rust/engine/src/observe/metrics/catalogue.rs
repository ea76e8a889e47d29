//! Every family of metrics, written by hand: its name, its kind, its labels and what it means. The
//! `HELP` lines and `docs/metrics.md` are made from it.

use std::fmt::Write;

/// What a family's numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// They count durations in buckets.
    Histogram,
}

impl Kind {
    /// The word for it in a `TYPE` line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// `gateway_<area>_<what>_<unit>`, or Prometheus' own name for what every process has.
    pub name: &'static str,
    /// What its numbers do.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means, in one line.
    pub help: &'static str,
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Histogram, labels: &[], help }
}

pub(super) static BUILD: Family =
    gauge("gateway_build_info", &["version"], "Always 1; the label tells the version.");
pub(super) static REQUESTS: Family = counter(
    "gateway_http_requests_total",
    &["code"],
    "Requests that are over, by the status that the access log shows; 499 is a client that left.",
);
pub(super) static REQUESTS_ACTIVE: Family =
    gauge("gateway_http_requests_active", &[], "Requests that are being served.");
pub(super) static REQUEST_TIME: Family = histogram(
    "gateway_http_request_seconds",
    "Time from a request's first byte to the last of its answer.",
);
pub(super) static FLAGS: Family = counter(
    "gateway_http_response_flags_total",
    &["flag"],
    "Response flags raised, by their code; docs/response-flags.md says what to do about each.",
);
pub(super) static RECEIVED: Family = counter(
    "gateway_http_received_bytes_total",
    &[],
    "Bytes of requests received from clients, heads included.",
);
pub(super) static SENT: Family = counter(
    "gateway_http_sent_bytes_total",
    &[],
    "Bytes of answers sent to clients, heads included.",
);
pub(super) static CONNECTIONS: Family = gauge(
    "gateway_client_connections",
    &["state"],
    "Open connections of clients: in a handshake, waiting for a request, reading one, serving one.",
);
pub(super) static ACCEPTED: Family =
    counter("gateway_client_connections_accepted_total", &[], "Connections accepted from clients.");
pub(super) static CONNECTIONS_REFUSED: Family = counter(
    "gateway_client_connections_refused_total",
    &["reason"],
    "Connections of clients turned away before a request.",
);
pub(super) static HANDSHAKES: Family = counter(
    "gateway_client_tls_handshakes_total",
    &["result"],
    "TLS handshakes with clients that ended.",
);
pub(super) static HANDSHAKE_FAILURES: Family = counter(
    "gateway_client_tls_handshake_failures_total",
    &["reason"],
    "TLS handshakes with clients that failed: no TLS at all, plain HTTP, no certificate for the name, \
     against the protocol, the client's certificate refused, the client refused ours, the client \
     left, not done in time.",
);
pub(super) static WORKER_CONNECTIONS: Family = gauge(
    "gateway_worker_connections",
    &["worker"],
    "Open connections of clients by worker; shows an uneven load.",
);
pub(super) static WORKER_REQUESTS: Family = counter(
    "gateway_worker_requests_total",
    &["worker"],
    "Requests that are over by worker; shows an uneven load.",
);
pub(super) static UPSTREAM_REQUESTS: Family = counter(
    "gateway_upstream_requests_total",
    &[],
    "Requests sent to upstream nodes, each attempt counted.",
);
pub(super) static UPSTREAM_REUSED: Family = counter(
    "gateway_upstream_requests_reused_total",
    &[],
    "Requests sent to upstream nodes on a kept connection.",
);
pub(super) static UPSTREAM_RETRIES: Family = counter(
    "gateway_upstream_retries_total",
    &[],
    "Further attempts at a request after one that failed.",
);
pub(super) static UPSTREAM_RETRIES_REFUSED: Family = counter(
    "gateway_upstream_retries_refused_total",
    &[],
    "Requests not tried again because the retry budget of their upstream was spent.",
);
pub(super) static UPSTREAM_FAILURES: Family = counter(
    "gateway_upstream_failures_total",
    &["kind"],
    "Attempts at upstream nodes that failed, by how.",
);
pub(super) static CONNECT_TIME: Family = histogram(
    "gateway_upstream_connect_seconds",
    "Time to connect to an upstream node, TLS included.",
);
pub(super) static FIRST_BYTE_TIME: Family = histogram(
    "gateway_upstream_first_byte_seconds",
    "Time from a request's being sent to an upstream node to the first byte of the answer.",
);
pub(super) static UPSTREAM_OPEN: Family =
    gauge("gateway_upstream_connections_open", &[], "Open connections to upstream nodes.");
pub(super) static UPSTREAM_IDLE: Family = gauge(
    "gateway_upstream_connections_idle",
    &[],
    "Connections to upstream nodes that idle in a pool.",
);
pub(super) static UPSTREAM_RECEIVED: Family =
    counter("gateway_upstream_received_bytes_total", &[], "Bytes received from upstream nodes.");
pub(super) static UPSTREAM_SENT: Family =
    counter("gateway_upstream_sent_bytes_total", &[], "Bytes sent to upstream nodes.");
pub(super) static NODE_REQUESTS: Family = counter(
    "gateway_upstream_node_requests_total",
    &["node"],
    "Requests sent to a node; beyond 1024 nodes a worker counts under the name `other`.",
);
pub(super) static NODE_FAILURES: Family = counter(
    "gateway_upstream_node_failures_total",
    &["node", "kind"],
    "Attempts at a node that failed, by how.",
);
pub(super) static NODE_HEALTHY: Family = gauge(
    "gateway_upstream_node_healthy",
    &["upstream", "node"],
    "1 if an upstream's health checks let a node be used, 0 if it is passed over.",
);
pub(super) static PROBES: Family = counter(
    "gateway_health_probes_total",
    &["result"],
    "Active health checks made, by what they saw.",
);
pub(super) static RELOADS: Family = counter(
    "gateway_config_reloads_total",
    &["result"],
    "Configurations that were applied or refused.",
);
pub(super) static RELOAD_OK: Family = gauge(
    "gateway_config_last_reload_successful",
    &[],
    "1 if the last configuration was applied, 0 if it was refused and the one before serves on.",
);
pub(super) static RELOAD_TIME: Family = gauge(
    "gateway_config_last_success_timestamp_seconds",
    &[],
    "When the configuration in force was applied.",
);
pub(super) static REVISION: Family =
    gauge("gateway_config_revision", &[], "Revision of the configuration in force.");
pub(super) static REFUSED_OBJECTS: Family = gauge(
    "gateway_config_refused_objects",
    &[],
    "Objects kept out of the configuration in force because they are wrong.",
);
pub(super) static CERTIFICATES: Family = gauge(
    "gateway_tls_certificate_expiry_timestamp_seconds",
    &["sni"],
    "End of validity of the certificate for a server name.",
);
pub(super) static LOG_WRITTEN: Family =
    counter("gateway_log_written_bytes_total", &["log"], "Bytes written to a log.");
pub(super) static LOG_LOST_LINES: Family = counter(
    "gateway_log_lost_lines_total",
    &["log"],
    "Lines that could not be written to a log: the disk is full, the reader is slow or gone.",
);
pub(super) static LOG_LOST_BYTES: Family =
    counter("gateway_log_lost_bytes_total", &["log"], "Bytes that could not be written to a log.");
pub(super) static LOG_ERRNO: Family = gauge(
    "gateway_log_last_errno",
    &["log"],
    "The system's number of the last error of a log, 0 for none; 28 is a full disk.",
);
pub(super) static ERROR_LINES: Family =
    counter("gateway_log_lines_total", &["level"], "Lines of the error log by level.");
pub(super) static ERROR_SUPPRESSED: Family = counter(
    "gateway_log_suppressed_lines_total",
    &[],
    "Lines left out of the error log because they repeat.",
);
pub(super) static CPU: Family =
    counter("process_cpu_seconds_total", &[], "User and system time of the process.");
pub(super) static RESIDENT: Family =
    gauge("process_resident_memory_bytes", &[], "Memory of the process that is resident.");
pub(super) static VIRTUAL: Family =
    gauge("process_virtual_memory_bytes", &[], "Address space of the process.");
pub(super) static THREADS: Family = gauge("process_threads", &[], "Threads of the process.");
pub(super) static OPEN_FDS: Family =
    gauge("process_open_fds", &[], "File descriptors that are open.");
pub(super) static MAX_FDS: Family =
    gauge("process_max_fds", &[], "File descriptors that may be open at most.");
pub(super) static START: Family =
    gauge("process_start_time_seconds", &[], "When the process started.");

/// Every family, in the order of the page.
pub const CATALOGUE: [&Family; 48] = [
    &BUILD,
    &REQUESTS,
    &REQUESTS_ACTIVE,
    &REQUEST_TIME,
    &FLAGS,
    &RECEIVED,
    &SENT,
    &CONNECTIONS,
    &ACCEPTED,
    &CONNECTIONS_REFUSED,
    &HANDSHAKE_FAILURES,
    &HANDSHAKES,
    &WORKER_CONNECTIONS,
    &WORKER_REQUESTS,
    &UPSTREAM_REQUESTS,
    &UPSTREAM_REUSED,
    &UPSTREAM_RETRIES,
    &UPSTREAM_RETRIES_REFUSED,
    &UPSTREAM_FAILURES,
    &CONNECT_TIME,
    &FIRST_BYTE_TIME,
    &UPSTREAM_OPEN,
    &UPSTREAM_IDLE,
    &UPSTREAM_RECEIVED,
    &UPSTREAM_SENT,
    &NODE_REQUESTS,
    &NODE_FAILURES,
    &NODE_HEALTHY,
    &PROBES,
    &RELOADS,
    &RELOAD_OK,
    &RELOAD_TIME,
    &REVISION,
    &REFUSED_OBJECTS,
    &CERTIFICATES,
    &LOG_WRITTEN,
    &LOG_LOST_LINES,
    &LOG_LOST_BYTES,
    &LOG_ERRNO,
    &ERROR_LINES,
    &ERROR_SUPPRESSED,
    &CPU,
    &RESIDENT,
    &VIRTUAL,
    &THREADS,
    &OPEN_FDS,
    &MAX_FDS,
    &START,
];

/// The page `docs/metrics.md`.
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    for family in CATALOGUE {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            family.name,
            family.kind.name(),
            labels.join(", "),
            family.help,
        );
    }
    page
}

const HEAD: &str = "\
# Metrics

<!-- Generated from rust/engine/src/observe/metrics/catalogue.rs; a test fails when the two differ. -->

In Prometheus' text format, or OpenMetrics where the scraper asks for it. Times are in seconds, sizes
in bytes, timestamps in seconds since the epoch. Figures of all workers are summed; a counter never
goes back while the process lives, save those of a node that left the configuration and returned. A
series whose labels are a status, a flag or a node appears with its first event.

A first dashboard: the rate of `gateway_http_requests_total` by `code`, quantiles of
`gateway_http_request_seconds`, and `gateway_upstream_failures_total` by `kind`. First alarms:
`gateway_config_last_reload_successful == 0`, a
`gateway_tls_certificate_expiry_timestamp_seconds` less than two weeks ahead, any rise of
`gateway_log_lost_lines_total`, and `process_open_fds` near `process_max_fds`.

| metric | type | labels | meaning |
|---|---|---|---|
";
