//! Certificates.

use serde::Deserialize;
use serde_json::Value;

use super::definition::Definition;
use super::route::lower_cased;
use super::validate::Invalid;
use super::{Id, Labels, Sensitive, number};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Certificates: of the gateway towards clients, or of the gateway as a client of upstreams.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Document")]
pub struct Ssl {
    /// Identifier.
    pub id: Id,
    /// Description for people.
    pub desc: Option<String>,
    /// Attributes.
    pub labels: Labels,
    /// Towards whom they are shown.
    pub usage: Usage,
    /// Server names they are for, in lower case: exact, `*.` and a domain, or `*`.
    pub snis: Vec<String>,
    /// The certificates with their keys, at least one; all for the same names.
    pub pairs: Vec<KeyPair>,
    /// How clients are asked for a certificate, if they are.
    pub client: Option<ClientVerification>,
    /// TLS versions to offer; the listener's when empty.
    pub protocols: Vec<TlsVersion>,
    /// `status`: certificates that are off are left out.
    pub enabled: bool,
}

/// Towards whom certificates are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Usage {
    /// To clients.
    #[default]
    Server,
    /// To upstreams that refer to them.
    Client,
}

/// A certificate chain and its private key, both PEM or a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate chain.
    pub cert: String,
    /// The private key.
    pub key: Sensitive,
}

/// How clients are asked for a certificate.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientVerification {
    /// Certificates in PEM, or a reference, that the client's must go back to.
    pub ca: String,
    /// Intermediate certificates allowed between the two.
    #[serde(default = "one", deserialize_with = "number::counted")]
    pub depth: u32,
    /// Paths, as regular expressions, that need no client certificate.
    #[serde(default)]
    pub skip_mtls_uri_regex: Vec<String>,
}

fn one() -> u32 {
    1
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.1, which can be configured and is not offered.
    #[serde(rename = "TLSv1.1")]
    V1_1,
    /// TLS 1.2.
    #[serde(rename = "TLSv1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "TLSv1.3")]
    V1_3,
}

/// The document as it is written.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    id: Id,
    desc: Option<String>,
    #[serde(default)]
    labels: Labels,
    #[serde(default, rename = "type")]
    usage: Usage,
    cert: String,
    key: Sensitive,
    #[serde(default, alias = "sni", deserialize_with = "lower_cased")]
    snis: Vec<String>,
    #[serde(default)]
    certs: Vec<String>,
    #[serde(default)]
    keys: Vec<Sensitive>,
    client: Option<ClientVerification>,
    #[serde(default = "enabled", deserialize_with = "number::is_one")]
    status: bool,
    #[serde(default)]
    ssl_protocols: Vec<TlsVersion>,
}

fn enabled() -> bool {
    true
}

impl TryFrom<Document> for Ssl {
    type Error = &'static str;

    fn try_from(document: Document) -> Result<Self, Self::Error> {
        // Further pairs of a client certificate are not looked at, so they may be uneven.
        let further = document.usage == Usage::Server;
        if further && document.certs.len() != document.keys.len() {
            return Err(MISMATCHED);
        }
        let first = KeyPair { cert: document.cert, key: document.key };
        let pairs = document.certs.into_iter().zip(document.keys).filter(|_| further);
        let pairs = pairs.map(|(cert, key)| KeyPair { cert, key });
        Ok(Self {
            id: document.id,
            desc: document.desc,
            labels: document.labels,
            usage: document.usage,
            snis: document.snis,
            pairs: std::iter::once(first).chain(pairs).collect(),
            client: document.client,
            protocols: document.ssl_protocols,
            enabled: document.status,
        })
    }
}

const MISMATCHED: &str = "mismatched number of certs and keys";

/// What APISIX checks in code, but for the certificates themselves: the engine loads them.
pub(super) fn check(document: &Value) -> Result<(), Invalid> {
    if document.get("type").and_then(Value::as_str) == Some("client") {
        return Ok(());
    }
    let count = |name: &str| document.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    if count("certs") == count("keys") { Ok(()) } else { Err(Invalid::at("/certs", MISMATCHED)) }
}
