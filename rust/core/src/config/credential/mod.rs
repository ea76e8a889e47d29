//! One way in which a consumer authenticates.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Labels, Plugins};

pub(super) static DEFINITION: Definition = Definition::new(include_str!("schema.json"));

/// One way in which a consumer authenticates.
#[derive(Clone, Debug, Deserialize)]
pub struct Credential {
    /// Identifier, unique for the consumer.
    #[serde(default)]
    pub id: Id,
    /// The consumer's name; empty if the resource's identifier named none.
    #[serde(skip)]
    pub consumer: Id,
    /// Name for people.
    pub name: Option<String>,
    /// Description for people.
    pub desc: Option<String>,
    /// Attributes.
    #[serde(default)]
    pub labels: Labels,
    /// At most one plugin, which authenticates.
    #[serde(default)]
    pub plugins: Plugins,
}

/// What stands between the consumer's name and the credential's identifier.
const SEPARATOR: &str = "/credentials/";

impl Credential {
    /// Sets the identifiers from `consumer/credentials/identifier`, or from the latter alone.
    pub(super) fn named(mut self, id: &str) -> Self {
        let (consumer, id) = id.split_once(SEPARATOR).unwrap_or(("", id));
        self.consumer = Id::from(consumer);
        self.id = Id::from(id);
        self
    }
}

/// Whether the id of an object in a list of consumers makes it a credential.
pub(crate) fn is_credential_id(id: &str) -> bool {
    id.contains(SEPARATOR)
}
