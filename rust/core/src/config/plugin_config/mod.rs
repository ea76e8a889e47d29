//! Plugins that several routes use by reference.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Labels, Plugins};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Plugins that several routes use by reference.
#[derive(Clone, Debug, Deserialize)]
pub struct PluginConfig {
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
