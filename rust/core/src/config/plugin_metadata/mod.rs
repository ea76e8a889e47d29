//! Settings of a plugin that hold wherever it runs.

use serde_json::{Map, Value};

use super::Id;
use super::definition::Definition;

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Settings of a plugin that hold wherever it runs.
#[derive(Clone, Debug)]
pub struct PluginMetadata {
    /// The plugin's name.
    pub id: Id,
    /// The settings, which the plugin's metadata schema has accepted.
    pub settings: Map<String, Value>,
}
