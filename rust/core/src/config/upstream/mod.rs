//! The servers behind the gateway, and how they are chosen, reached and watched.

mod balancer;
mod check;
mod checks;
mod nodes;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::Definition;
use super::host::is_host;
use super::{Id, Labels, Sensitive, Timeout, number};

pub use balancer::{Balancer, HashKey};
pub(super) use check::{check, check_before_schema};
pub use checks::{ActiveChecks, Checks, Healthy, PassiveChecks, ProbeType, Unhealthy};
pub use nodes::{Node, Targets};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// The servers behind the gateway, and how they are chosen, reached and watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Document")]
pub struct Upstream {
    /// Identifier; empty where the upstream is written out in a route, service or stream route.
    pub id: Id,
    /// Name for people.
    pub name: Option<String>,
    /// Description for people.
    pub desc: Option<String>,
    /// Attributes.
    pub labels: Labels,
    /// The servers, or how to find them.
    pub targets: Targets,
    /// How a node is chosen.
    pub balancer: Balancer,
    /// Protocol of the nodes.
    pub scheme: Scheme,
    /// Whether the nodes are spoken to in HTTP/2: `http_version: 2`, and gRPC always.
    pub http2: bool,
    /// Host header for the node.
    pub pass_host: PassHost,
    /// Further nodes to try when one fails; the number of nodes less one when absent.
    pub retries: Option<u32>,
    /// No further try starts after this time; no limit when absent (or 0, in the document).
    pub retry_timeout: Option<Duration>,
    /// Limit on further tries while much fails.
    pub retry_budget: RetryBudget,
    /// Time in which the requests to a node that is new or back grow to its share; zero: at once.
    pub slow_start: Duration,
    /// Timeouts, where they differ from the gateway's own.
    pub timeout: Option<Timeout>,
    /// Idle connections kept in each worker.
    pub keepalive_pool: KeepalivePool,
    /// TLS towards the nodes, for schemes that have it.
    pub tls: Tls,
    /// Health checks.
    pub checks: Option<Checks>,
}

/// Protocol of an upstream's nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP in clear text.
    #[default]
    Http,
    /// HTTP over TLS.
    Https,
    /// gRPC in clear text.
    Grpc,
    /// gRPC over TLS.
    Grpcs,
    /// TCP, for stream routes.
    Tcp,
    /// TLS over TCP, for stream routes.
    Tls,
    /// UDP, for stream routes.
    Udp,
    /// Apache Kafka.
    Kafka,
}

impl Scheme {
    /// The port of a node that names none.
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http | Self::Grpc => Some(80),
            Self::Https | Self::Grpcs => Some(443),
            Self::Tcp | Self::Tls | Self::Udp | Self::Kafka => None,
        }
    }

    /// Whether it is a version of HTTP, gRPC included.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Grpc | Self::Grpcs)
    }

    /// Whether nodes are spoken to in gRPC, and so in HTTP/2.
    pub const fn is_grpc(self) -> bool {
        matches!(self, Self::Grpc | Self::Grpcs)
    }

    /// Whether nodes are spoken to over TLS. (Kafka is, where the upstream has `tls`.)
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Grpcs | Self::Tls)
    }
}

/// Host header for the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassHost {
    /// The client's.
    Pass,
    /// The node's own host.
    Node,
    /// This one.
    Rewrite(String),
}

/// Idle connections kept for an upstream, in each worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KeepalivePool {
    /// Connections kept at most.
    #[serde(deserialize_with = "number::counted")]
    pub size: u32,
    /// When an idle one is closed; 0 keeps none.
    #[serde(deserialize_with = "number::seconds")]
    pub idle_timeout: Duration,
    /// Requests after which one is closed.
    #[serde(deserialize_with = "number::counted")]
    pub requests: u32,
}

impl Default for KeepalivePool {
    fn default() -> Self {
        Self { size: 320, idle_timeout: Duration::from_mins(1), requests: 1000 }
    }
}

/// Limit on further tries while much fails, counted by each worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RetryBudget {
    /// Further tries for each hundred requests of the last ten seconds.
    #[serde(deserialize_with = "number::counted")]
    pub percent: u32,
    /// Further tries a second besides.
    #[serde(deserialize_with = "number::counted")]
    pub min_per_second: u32,
}

impl Default for RetryBudget {
    /// linkerd's: `retryRatio` 0.2 and `minRetriesPerSecond` 10.
    fn default() -> Self {
        Self { percent: 20, min_per_second: 10 }
    }
}

/// TLS towards an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether the server's certificate must be valid for its name. On unless switched off.
    pub verify: bool,
    /// Certificates in PEM that it must go back to, in place of the system's.
    pub ca: Option<String>,
    /// What the gateway shows of itself.
    pub client_certificate: Option<ClientCertificate>,
}

/// The certificate that the gateway shows to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Written out.
    Inline {
        /// Certificate chain in PEM, or a reference.
        cert: String,
        /// Private key in PEM, or a reference.
        key: Sensitive,
    },
    /// That of an ssl of type client.
    Ssl(Id),
}

/// The document as it is written.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    id: Id,
    name: Option<String>,
    desc: Option<String>,
    #[serde(default)]
    labels: Labels,
    nodes: Option<nodes::Document>,
    service_name: Option<String>,
    discovery_type: Option<String>,
    #[serde(default)]
    discovery_args: Map<String, Value>,
    #[serde(default, deserialize_with = "number::counted_if_any")]
    retries: Option<u32>,
    #[serde(default, deserialize_with = "number::seconds_if_any")]
    retry_timeout: Option<Duration>,
    #[serde(default)]
    retry_budget: RetryBudget,
    #[serde(default, deserialize_with = "number::seconds_if_any")]
    slow_start: Option<Duration>,
    timeout: Option<Timeout>,
    #[serde(default)]
    tls: TlsDocument,
    #[serde(default)]
    keepalive_pool: KeepalivePool,
    r#type: Option<String>,
    checks: Option<Checks>,
    hash_on: Option<String>,
    key: Option<String>,
    #[serde(default)]
    scheme: Scheme,
    #[serde(default, deserialize_with = "number::counted_if_any")]
    http_version: Option<u32>,
    pass_host: Option<String>,
    upstream_host: Option<String>,
}

#[derive(Default, Deserialize)]
struct TlsDocument {
    client_cert_id: Option<Id>,
    client_cert: Option<String>,
    client_key: Option<Sensitive>,
    verify: Option<bool>,
    ca: Option<String>,
}

impl TryFrom<Document> for Upstream {
    type Error = String;

    fn try_from(document: Document) -> Result<Self, String> {
        let targets = match (document.nodes, document.service_name, document.discovery_type) {
            (Some(nodes), _, _) => Targets::Nodes(nodes.read(document.scheme)?),
            (None, Some(service_name), Some(discovery_type)) => {
                let args = document.discovery_args;
                Targets::Discovered { service_name, discovery_type, args }
            }
            _ => return Err("neither nodes nor a service to discover".into()),
        };
        let kind = document.r#type.as_deref().unwrap_or("roundrobin");
        Ok(Self {
            id: document.id,
            name: document.name,
            desc: document.desc,
            labels: document.labels,
            targets,
            balancer: Balancer::read(kind, document.hash_on.as_deref(), document.key)?,
            scheme: document.scheme,
            http2: document.scheme.is_grpc() || document.http_version == Some(2),
            pass_host: pass_host(document.pass_host.as_deref(), document.upstream_host)?,
            retries: document.retries,
            retry_timeout: document.retry_timeout.filter(|limit| !limit.is_zero()),
            retry_budget: document.retry_budget,
            slow_start: document.slow_start.unwrap_or_default(),
            timeout: document.timeout,
            keepalive_pool: document.keepalive_pool,
            tls: document.tls.read(),
            checks: document.checks,
        })
    }
}

fn pass_host(mode: Option<&str>, upstream_host: Option<String>) -> Result<PassHost, String> {
    match (mode.unwrap_or("pass"), upstream_host) {
        ("pass", _) => Ok(PassHost::Pass),
        ("node", _) => Ok(PassHost::Node),
        // A reference may pass the schema, and no host is one.
        ("rewrite", Some(host)) if is_host(&host) => Ok(PassHost::Rewrite(host)),
        ("rewrite", Some(host)) => Err(format!("invalid upstream_host {host:?}")),
        ("rewrite", None) => Err(check::NO_UPSTREAM_HOST.into()),
        (other, _) => Err(format!("unknown pass_host {other:?}")),
    }
}

impl TlsDocument {
    fn read(self) -> Tls {
        let client_certificate = match (self.client_cert_id, self.client_cert, self.client_key) {
            (Some(id), _, _) => Some(ClientCertificate::Ssl(id)),
            (None, Some(cert), Some(key)) => Some(ClientCertificate::Inline { cert, key }),
            _ => None,
        };
        Tls { verify: self.verify.unwrap_or(true), ca: self.ca, client_certificate }
    }
}
