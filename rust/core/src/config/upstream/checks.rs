//! Health checks. Every field has its default here, too: the schema fills in only those of objects
//! that the document has.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::config::number;

/// How nodes are found to be healthy or not.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Checks {
    /// Probes sent to every node.
    pub active: ActiveChecks,
    /// What live traffic says about the nodes.
    pub passive: Option<PassiveChecks>,
}

/// Protocol of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeType {
    /// A request in clear text.
    #[default]
    Http,
    /// A request over TLS.
    Https,
    /// A connection.
    Tcp,
}

/// Probes sent to every node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct ActiveChecks {
    /// Protocol of the probe.
    #[serde(rename = "type")]
    pub probe: ProbeType,
    /// When a probe has failed.
    #[serde(deserialize_with = "number::seconds_above_zero")]
    pub timeout: Duration,
    /// Nodes probed at the same time, at least one.
    #[serde(deserialize_with = "at_least_one")]
    pub concurrency: u32,
    /// Host header; the node's when absent.
    pub host: Option<String>,
    /// Port to probe; the node's when absent.
    pub port: Option<u16>,
    /// Method of the request.
    pub http_method: String,
    /// Its path, which has no blank or control character.
    #[serde(deserialize_with = "path")]
    pub http_path: String,
    /// Its body.
    pub http_req_body: String,
    /// Whether the node's certificate must be valid.
    pub https_verify_certificate: bool,
    /// What makes an unhealthy node healthy.
    #[serde(deserialize_with = "active_healthy")]
    pub healthy: Healthy,
    /// What makes a healthy node unhealthy.
    #[serde(deserialize_with = "active_unhealthy")]
    pub unhealthy: Unhealthy,
    /// Header lines, `Name: value`, without control characters.
    #[serde(deserialize_with = "lines")]
    pub req_headers: Vec<String>,
}

/// What live traffic says about the nodes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct PassiveChecks {
    /// Protocol of the traffic.
    #[serde(rename = "type")]
    pub traffic: ProbeType,
    /// What makes an unhealthy node healthy.
    #[serde(deserialize_with = "passive_healthy")]
    pub healthy: Healthy,
    /// What makes a healthy node unhealthy.
    #[serde(deserialize_with = "passive_unhealthy")]
    pub unhealthy: Unhealthy,
}

/// What makes an unhealthy node healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthy {
    /// Time between probes of healthy nodes; passive checks have none.
    pub interval: Duration,
    /// Statuses that count as success.
    pub http_statuses: Vec<u16>,
    /// Successes in a row that are needed; 0, in passive checks: never.
    pub successes: u8,
}

/// What makes a healthy node unhealthy. A count of 0, in passive checks: never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    /// Time between probes of unhealthy nodes; passive checks have none.
    pub interval: Duration,
    /// Statuses that count as failure.
    pub http_statuses: Vec<u16>,
    /// Failures by status that are needed.
    pub http_failures: u8,
    /// Failed connections that are needed.
    pub tcp_failures: u8,
    /// Timeouts that are needed.
    pub timeouts: u8,
}

const SECOND: Duration = Duration::from_secs(1);

impl Default for ActiveChecks {
    fn default() -> Self {
        Self {
            probe: ProbeType::Http,
            timeout: SECOND,
            concurrency: 10,
            host: None,
            port: None,
            http_method: "GET".into(),
            http_path: "/".into(),
            http_req_body: String::new(),
            https_verify_certificate: true,
            healthy: HealthyDocument::default().active(),
            unhealthy: UnhealthyDocument::default().active(),
            req_headers: Vec::new(),
        }
    }
}

impl Default for PassiveChecks {
    fn default() -> Self {
        Self {
            traffic: ProbeType::Http,
            healthy: HealthyDocument::default().passive(),
            unhealthy: UnhealthyDocument::default().passive(),
        }
    }
}

/// The document as it is written: active and passive checks have different defaults.
#[derive(Default, Deserialize)]
struct HealthyDocument {
    #[serde(default, deserialize_with = "number::counted_if_any")]
    interval: Option<u32>,
    http_statuses: Option<Vec<u16>>,
    successes: Option<u8>,
}

impl HealthyDocument {
    fn active(self) -> Healthy {
        self.or(&[200, 302], 2)
    }

    fn passive(self) -> Healthy {
        const STATUSES: [u16; 19] = [
            200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306,
            307, 308,
        ];
        self.or(&STATUSES, 5)
    }

    fn or(self, statuses: &[u16], successes: u8) -> Healthy {
        Healthy {
            interval: interval(self.interval),
            http_statuses: self.http_statuses.unwrap_or_else(|| statuses.to_vec()),
            successes: self.successes.unwrap_or(successes),
        }
    }
}

/// The document as it is written: active and passive checks have different defaults.
#[derive(Default, Deserialize)]
struct UnhealthyDocument {
    #[serde(default, deserialize_with = "number::counted_if_any")]
    interval: Option<u32>,
    http_statuses: Option<Vec<u16>>,
    http_failures: Option<u8>,
    tcp_failures: Option<u8>,
    timeouts: Option<u8>,
}

impl UnhealthyDocument {
    fn active(self) -> Unhealthy {
        self.or(&[429, 404, 500, 501, 502, 503, 504, 505], 3)
    }

    fn passive(self) -> Unhealthy {
        self.or(&[429, 500, 503], 7)
    }

    fn or(self, statuses: &[u16], timeouts: u8) -> Unhealthy {
        Unhealthy {
            interval: interval(self.interval),
            http_statuses: self.http_statuses.unwrap_or_else(|| statuses.to_vec()),
            http_failures: self.http_failures.unwrap_or(5),
            tcp_failures: self.tcp_failures.unwrap_or(2),
            timeouts: self.timeouts.unwrap_or(timeouts),
        }
    }
}

fn interval(seconds: Option<u32>) -> Duration {
    seconds.map_or(SECOND, |n| Duration::from_secs(n.into()))
}

fn active_healthy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Healthy, D::Error> {
    HealthyDocument::deserialize(deserializer).map(HealthyDocument::active)
}

fn passive_healthy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Healthy, D::Error> {
    HealthyDocument::deserialize(deserializer).map(HealthyDocument::passive)
}

fn active_unhealthy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Unhealthy, D::Error> {
    UnhealthyDocument::deserialize(deserializer).map(UnhealthyDocument::active)
}

fn passive_unhealthy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Unhealthy, D::Error> {
    UnhealthyDocument::deserialize(deserializer).map(UnhealthyDocument::passive)
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(number::counted(deserializer)?.max(1))
}

/// A path that cannot end the request line early.
fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = String::deserialize(deserializer)?;
    if path.bytes().any(|b| b == b' ' || b.is_ascii_control()) {
        return Err(de::Error::custom("http_path with a blank or control character"));
    }
    Ok(path)
}

/// Header lines that cannot end early.
fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let lines = Vec::<String>::deserialize(deserializer)?;
    if lines.iter().any(|line| line.bytes().any(|b| b.is_ascii_control() && b != b'\t')) {
        return Err(de::Error::custom("req_headers with a control character"));
    }
    Ok(lines)
}
