//! Which requests, and what happens to them.

mod methods;

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::definition::Definition;
use super::validate::Invalid;
use super::{Id, Labels, Network, Plugins, Timeout, Upstream, number};

pub use methods::Methods;

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Which requests, and what happens to them.
#[derive(Clone, Debug, Deserialize)]
pub struct Route {
    /// Identifier.
    #[serde(default)]
    pub id: Id,
    /// Name for people.
    pub name: Option<String>,
    /// Description for people.
    pub desc: Option<String>,
    /// Attributes.
    #[serde(default)]
    pub labels: Labels,
    /// Paths to match, at least one: exact, or a prefix ending in `*`.
    #[serde(alias = "uri", deserialize_with = "one_or_many")]
    pub uris: Vec<String>,
    /// Hosts to match, in lower case; any when empty.
    #[serde(default, alias = "host", deserialize_with = "lower_cased")]
    pub hosts: Vec<String>,
    /// Client addresses to match; any when empty.
    #[serde(default, alias = "remote_addr", deserialize_with = "one_or_many")]
    pub remote_addrs: Vec<Network>,
    /// Methods to match.
    #[serde(default)]
    pub methods: Methods,
    /// Among routes with the same path, the higher one is tried first.
    #[serde(default, deserialize_with = "number::signed")]
    pub priority: i64,
    /// Expression that must hold, not yet compiled.
    pub vars: Option<Value>,
    /// Timeouts in place of the upstream's.
    pub timeout: Option<Timeout>,
    /// Plugins by name.
    #[serde(default)]
    pub plugins: Plugins,
    /// The plugin config whose plugins run here, too.
    pub plugin_config_id: Option<Id>,
    /// Where requests go, written out.
    pub upstream: Option<Arc<Upstream>>,
    /// The upstream that requests go to.
    pub upstream_id: Option<Id>,
    /// The service this route belongs to.
    pub service_id: Option<Id>,
    /// Whether requests may be upgraded to WebSocket; the service's word counts when absent.
    pub enable_websocket: Option<bool>,
    /// `status`: a route that is off is left out of the table.
    #[serde(default = "enabled", rename = "status", deserialize_with = "number::is_one")]
    pub enabled: bool,
}

fn enabled() -> bool {
    true
}

/// Checks that APISIX makes before the schema, so that their texts are the ones seen.
pub(super) fn check_before_schema(document: &Value) -> Result<(), Invalid> {
    let both = |one: &str, many: &str| document.get(one).is_some() && document.get(many).is_some();
    if both("host", "hosts") {
        return Err(Invalid::at("/hosts", "only one of host or hosts is allowed"));
    }
    if both("remote_addr", "remote_addrs") {
        return Err(Invalid::at(
            "/remote_addrs",
            "only one of remote_addr or remote_addrs is allowed",
        ));
    }
    Ok(())
}

/// Addresses that the schema's loose pattern let through.
pub(super) fn check_addresses(document: &Value) -> Result<(), Invalid> {
    let one = document.get("remote_addr").map(|value| ("/remote_addr".to_owned(), value));
    let many = document.get("remote_addrs").and_then(Value::as_array).into_iter().flatten();
    let many = many.enumerate().map(|(i, value)| (format!("/remote_addrs/{i}"), value));
    for (pointer, value) in one.into_iter().chain(many) {
        let text = value.as_str().unwrap_or_default();
        if text.parse::<Network>().is_err() {
            return Err(Invalid::at(pointer, format!("invalid remote_addr: {text}")));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    })
}

pub(super) fn lower_cased<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let mut hosts: Vec<String> = one_or_many(deserializer)?;
    for host in &mut hosts {
        host.make_ascii_lowercase();
    }
    Ok(hosts)
}
