//! JSON Schema as Apache APISIX speaks it: the draft-7 subset its resources and plugins use, its
//! order of checks, its words for what is wrong, and defaults filled in on the way.
//!
//! ```
//! use gateway_core::schema::Schema;
//! use serde_json::json;
//!
//! let schema = Schema::compile(&json!({
//!     "type": "object",
//!     "properties": {"port": {"type": "integer", "minimum": 1}, "tls": {"type": "boolean", "default": true}},
//! }))
//! .unwrap();
//!
//! let mut document = json!({"port": 9080});
//! schema.validate(&mut document).unwrap();
//! assert_eq!(document, json!({"port": 9080, "tls": true}));
//!
//! let error = schema.validate(&mut json!({"port": 0})).unwrap_err();
//! assert_eq!(error.message, r#"property "port" validation failed: expected 0 to be at least 1"#);
//! assert_eq!(error.pointer, "/port");
//! ```
//!
//! What surprises:
//!
//! * The first error ends the validation; its text is part of the Admin API, so clients match it.
//! * `{}` and `[]` are one thing (Lua's empty table): either passes as an object and as an array. A
//!   schema that wants only one of the two turns the document's value into that one, and a whole
//!   number written `1.0` becomes `1`, so that what was accepted decodes.
//! * A string that is a `$secret://` or `$env://` reference skips every schema that takes a string.
//! * A branch of `anyOf`, `oneOf`, `not` or `if` that did not match may still have filled defaults.

mod check;
mod compile;
mod equal;
mod error;
mod expand;
mod fields;
mod format;
mod lua;
mod nearest;
mod node;
mod pattern;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(crate) use error::push_segment;
pub use error::{CompileError, SchemaError};
pub use expand::expand;
pub use fields::UnknownField;
pub(crate) use lua::number as lua_number;
pub use nearest::nearest;

/// How deeply a document may be nested, counted in schemas entered; deeper is refused.
pub const MAX_DEPTH: usize = 128;

/// A schema, compiled once and shared by whoever validates.
#[derive(Debug)]
pub struct Schema {
    /// The root is node 0; `$ref`s are resolved to indices, so a schema may refer to itself.
    nodes: Box<[node::Node]>,
}

impl Schema {
    /// Compiles a schema document. `$ref`s may point into the document (`#/definitions/host`);
    /// blocks shared between documents are inlined before, by [`expand`].
    ///
    /// # Errors
    /// A keyword that is unknown or has a value of the wrong kind, a pattern that is no regular
    /// expression, a `$ref` that leads nowhere.
    pub fn compile(document: &Value) -> Result<Self, CompileError> {
        compile::compile(document)
    }

    /// Checks `document` and fills in the defaults of absent properties.
    ///
    /// # Errors
    /// The first thing that is wrong, in APISIX's words. Defaults filled in before stay.
    pub fn validate(&self, document: &mut Value) -> Result<(), SchemaError> {
        check::Checker::new(&self.nodes).run(document)
    }

    /// The members of `document` that no schema for their object declares, whether they are
    /// forbidden or merely ignored. For messages that name them all, with the nearest known name.
    pub fn unknown_fields(&self, document: &Value) -> Vec<UnknownField> {
        fields::unknown(&self.nodes, document)
    }
}

/// Whether a value is a reference that is resolved later: `$secret://…`, or `$env://…` in any case.
pub fn is_reference(value: &str) -> bool {
    value.starts_with("$secret://")
        || value.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("$env://"))
}
