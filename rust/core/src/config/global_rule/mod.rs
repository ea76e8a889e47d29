//! Plugins that run on every request, whatever its route.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Plugins};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// Plugins that run on every request, whatever its route.
#[derive(Clone, Debug, Deserialize)]
pub struct GlobalRule {
    /// Identifier.
    #[serde(default)]
    pub id: Id,
    /// The plugins, by name.
    pub plugins: Plugins,
}
