//! The compiled form of a schema: one node a subschema, children by index.

use std::collections::HashSet;
use std::sync::Arc;

use fancy_regex::Regex;
use serde_json::Value;

use super::format::Format;

/// The index of a node in its [`super::Schema`].
pub(super) type NodeId = usize;

/// One subschema. Each group of keywords is absent where the schema has none of it.
#[derive(Debug)]
pub(super) enum Node {
    /// `true` or `{}`.
    Always,
    /// `false`.
    Never,
    /// Anything else.
    Rules(Box<Rules>),
}

/// The keywords of one subschema, in the order in which they are checked.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) types: Option<Types>,
    pub(super) object: Option<ObjectRules>,
    /// `required: []`, which APISIX reads as "must be empty".
    pub(super) must_be_empty: bool,
    pub(super) array: Option<ArrayRules>,
    pub(super) string: Option<StringRules>,
    pub(super) number: Option<NumberRules>,
    pub(super) allowed: Option<Vec<Value>>,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Option<Branches>,
    pub(super) one_of: Option<Branches>,
    pub(super) conditional: Option<Conditional>,
    pub(super) not: Option<NodeId>,
    pub(super) property_names: Option<NodeId>,
    pub(super) format: Option<Format>,
    pub(super) constant: Option<Value>,
    pub(super) contains: Option<NodeId>,
}

/// The `type` keyword.
#[derive(Debug)]
pub(super) struct Types {
    pub(super) set: TypeSet,
    /// `string`, or `one of string, number`: what the error says was expected.
    pub(super) expected: String,
    /// Whether `type` is exactly `"string"`: then a reference passes unseen.
    pub(super) only_string: bool,
}

/// A set of JSON type names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TypeSet(u8);

impl TypeSet {
    pub(super) const OBJECT: Self = Self(1);
    pub(super) const ARRAY: Self = Self(1 << 1);
    pub(super) const STRING: Self = Self(1 << 2);
    pub(super) const NUMBER: Self = Self(1 << 3);
    pub(super) const INTEGER: Self = Self(1 << 4);
    pub(super) const BOOLEAN: Self = Self(1 << 5);
    pub(super) const NULL: Self = Self(1 << 6);

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[derive(Debug, Default)]
pub(super) struct ObjectRules {
    pub(super) properties: Vec<Property>,
    /// Names of `properties`, for `additionalProperties`.
    pub(super) declared: HashSet<Box<str>>,
    /// `required` names that `properties` does not declare.
    pub(super) required: Vec<String>,
    /// Dependencies of names that `properties` does not declare.
    pub(super) dependencies: Vec<(String, Dependency)>,
    pub(super) patterns: Vec<PatternProperty>,
    pub(super) additional: Additional,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) schema: NodeId,
    pub(super) required: bool,
    pub(super) default: Option<Value>,
    pub(super) dependency: Option<Dependency>,
}

#[derive(Debug)]
pub(super) enum Dependency {
    Names(Vec<String>),
    Schema(NodeId),
}

#[derive(Debug)]
pub(super) struct PatternProperty {
    pub(super) pattern: Pattern,
    pub(super) schema: NodeId,
}

#[derive(Debug, Default)]
pub(super) enum Additional {
    #[default]
    Allowed,
    Forbidden,
    Schema(NodeId),
}

#[derive(Debug, Default)]
pub(super) struct ArrayRules {
    pub(super) items: Items,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) unique: bool,
}

#[derive(Debug, Default)]
pub(super) enum Items {
    #[default]
    Any,
    /// `items: true` ends the whole check of its subschema.
    True,
    /// `items: false` lets only an empty table pass.
    False,
    Each(NodeId),
    Tuple(Vec<NodeId>, Additional),
}

#[derive(Debug)]
pub(super) struct StringRules {
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Pattern>,
}

/// A regular expression and how it was written.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) source: Arc<str>,
    pub(super) regex: Arc<Regex>,
}

#[derive(Debug)]
pub(super) struct NumberRules {
    pub(super) minimum: Option<f64>,
    pub(super) exclusive_minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_maximum: Option<f64>,
    pub(super) multiple_of: Option<f64>,
}

/// The branches of `anyOf` or `oneOf`.
#[derive(Debug)]
pub(super) struct Branches {
    pub(super) nodes: Vec<NodeId>,
    /// `["a"] or ["b"]` from the branches that have a `required` list; else empty.
    pub(super) hint: String,
}

#[derive(Debug)]
pub(super) struct Conditional {
    pub(super) condition: NodeId,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,
}
