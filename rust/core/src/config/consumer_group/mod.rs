//! Plugins that several consumers have in common.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Labels, Plugins};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Plugins that several consumers have in common.
#[derive(Clone, Debug, Deserialize)]
pub struct ConsumerGroup {
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
    /// The plugins, by name.
    pub plugins: Plugins,
}
