//! Someone who calls.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Labels, Plugins};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Someone who calls, and what is particular to them.
#[derive(Clone, Debug, Deserialize)]
pub struct Consumer {
    /// Unique name, which is the identifier, too.
    pub username: Id,
    /// Description for people.
    pub desc: Option<String>,
    /// Attributes.
    #[serde(default)]
    pub labels: Labels,
    /// The consumer group this consumer belongs to.
    pub group_id: Option<Id>,
    /// Plugins by name: authentication, and what runs for this consumer only.
    #[serde(default)]
    pub plugins: Plugins,
}
