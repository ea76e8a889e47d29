//! What several routes have in common.

use std::sync::Arc;

use serde::Deserialize;

use super::definition::Definition;
use super::route::lower_cased;
use super::{Id, Labels, Plugins, Upstream};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// What several routes have in common.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
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
    /// Plugins by name.
    #[serde(default)]
    pub plugins: Plugins,
    /// Where requests go, written out.
    pub upstream: Option<Arc<Upstream>>,
    /// The upstream that requests go to.
    pub upstream_id: Option<Id>,
    /// Whether requests may be upgraded to WebSocket; the route's word counts first.
    pub enable_websocket: Option<bool>,
    /// Hosts of the routes that have none of their own, in lower case.
    #[serde(default, deserialize_with = "lower_cased")]
    pub hosts: Vec<String>,
}
