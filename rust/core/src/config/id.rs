//! What all resources carry.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::schema;

/// Attributes of a resource, by name.
pub type Labels = BTreeMap<String, String>;

/// A resource's identifier. Whole numbers are identifiers, too, and the same as their digits.
/// Cheap to clone. Empty where a resource is written out inside another and so has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Arc<str>);

impl Id {
    /// The identifier that a document's `id` gives: a string or a number.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::from(text.as_str())),
            Value::Number(n) if n.is_u64() || n.is_i64() => Some(Self::from(&*n.to_string())),
            Value::Number(n) => Some(Self::from(&*schema::lua_number(n.as_f64()?))),
            _ => None,
        }
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::of(&value).ok_or_else(|| de::Error::custom("an id is a string or a whole number"))
    }
}
