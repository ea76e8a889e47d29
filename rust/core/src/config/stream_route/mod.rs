//! Which TCP or UDP connections, and where they go.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::Definition;
use super::plugins::Catalogue;
use super::validate::Invalid;
use super::{Id, Labels, Network, Plugins, Upstream};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Which TCP or UDP connections, and where they go.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamRoute {
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
    /// Client addresses to match.
    pub remote_addr: Option<Network>,
    /// Addresses that were connected to, to match.
    pub server_addr: Option<Network>,
    /// Port that was connected to, to match.
    pub server_port: Option<u16>,
    /// Server name of the TLS handshake, to match.
    pub sni: Option<String>,
    /// Where connections go, written out. Its default scheme, `http`, stands for `tcp` here.
    pub upstream: Option<Arc<Upstream>>,
    /// The upstream that connections go to.
    pub upstream_id: Option<Id>,
    /// The service this stream route belongs to.
    pub service_id: Option<Id>,
    /// Plugins by name.
    #[serde(default)]
    pub plugins: Plugins,
    /// The application protocol that is spoken, if the gateway is to know.
    pub protocol: Option<Protocol>,
}

/// An application protocol on top of TCP.
#[derive(Clone, Debug, Deserialize)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// The stream route whose connections this one takes requests from.
    pub superior_id: Option<Id>,
    /// The protocol's own settings.
    pub conf: Option<Map<String, Value>>,
    /// Loggers for its requests.
    #[serde(default)]
    pub logger: Vec<ProtocolLogger>,
}

/// A logger for the requests of an application protocol.
#[derive(Clone, Debug, Deserialize)]
pub struct ProtocolLogger {
    /// Name of the logger plugin.
    pub name: Option<String>,
    /// Which requests are logged: an expression, not yet compiled.
    pub filter: Option<Value>,
    /// The plugin's configuration.
    pub conf: Option<Map<String, Value>>,
}

/// What APISIX checks in code, after the plugins.
pub(super) fn check(document: &Value, catalogue: &dyn Catalogue) -> Result<(), Invalid> {
    for name in ["remote_addr", "server_addr"] {
        if let Some(text) = document.get(name).and_then(Value::as_str)
            && text.parse::<Network>().is_err()
        {
            return Err(Invalid::at(format!("/{name}"), format!("invalid {name}: {text}")));
        }
    }
    let Some(protocol) = document.get("protocol") else { return Ok(()) };
    let name = protocol.get("name").and_then(Value::as_str).unwrap_or_default();
    catalogue
        .check_protocol(name, protocol.get("conf"))
        .map_err(|message| Invalid::at("/protocol", message))
}
