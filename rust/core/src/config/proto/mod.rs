//! A Protocol Buffers definition.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Labels};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// A Protocol Buffers definition, for plugins that speak gRPC.
#[derive(Clone, Debug, Deserialize)]
pub struct Proto {
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
    /// Text of a .proto file, or a descriptor set in base64; not yet compiled.
    pub content: String,
}
