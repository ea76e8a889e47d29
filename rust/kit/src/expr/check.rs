//! What one condition asks of its left side, in Lua's terms.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::Value;
use super::number::{to_number, to_text};
use super::pattern::Pattern;
use crate::ip_set::{IpSet, parse_address};

/// The operator and the right side of a condition, ready to run.
#[derive(Debug)]
pub(super) enum Check {
    /// `==` with `null`.
    IsMissing,
    /// `==` with a text or a boolean, without conversion.
    Equals(Json),
    /// `==` with a number, which converts the left.
    EqualsNumber(f64),
    /// `>` and its siblings; both sides are converted.
    Ordered(Order, f64),
    /// `~~` and `~*`.
    Matches(Pattern),
    /// `in`: the texts, sorted, and whatever else the list holds.
    In { texts: Box<[Box<str>]>, others: Box<[Json]> },
    /// `has`.
    Has(Json),
    /// `ipmatch`.
    InNetwork(IpSet),
    /// The right side is such that no left side could do.
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Check {
    /// `None` while the value is pending.
    pub(super) fn holds(&self, left: &Value<'_>) -> Option<bool> {
        let left = Left::of(left)?;
        Some(match self {
            Self::IsMissing => matches!(left, Left::Nil),
            Self::Equals(right) => left.is(right),
            Self::EqualsNumber(right) => left.number() == Some(*right),
            Self::Ordered(order, right) => {
                left.number().is_some_and(|left| order.holds(left, *right))
            }
            Self::Matches(pattern) => left.subject().is_some_and(|text| pattern.is_match(&text)),
            Self::In { texts, others } => match left {
                Left::Text(text) => {
                    texts.binary_search_by(|entry| entry.as_bytes().cmp(text)).is_ok()
                }
                _ => others.iter().any(|other| left.is(other)),
            },
            Self::Has(right) => match left {
                Left::Json(Json::Array(items)) => {
                    items.iter().any(|item| Left::of_json(item).is(right))
                }
                _ => false,
            },
            Self::InNetwork(set) => match left {
                Left::Text(text) => {
                    parse_address(text).is_some_and(|address| set.contains(address))
                }
                _ => false,
            },
            Self::Never => false,
        })
    }
}

impl Order {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// A left side that is known. JSON texts are [`Left::Text`].
enum Left<'v> {
    Nil,
    Text(&'v [u8]),
    Json(&'v Json),
}

impl<'v> Left<'v> {
    fn of(value: &'v Value<'_>) -> Option<Self> {
        match value {
            Value::Pending => None,
            Value::Missing => Some(Self::Nil),
            Value::Text(text) => Some(Self::Text(text)),
            Value::Json(json) => Some(Self::of_json(json)),
        }
    }

    fn of_json(json: &'v Json) -> Self {
        match json {
            Json::String(text) => Self::Text(text.as_bytes()),
            other => Self::Json(other),
        }
    }

    /// Lua's `==`: no conversion, and a table is only itself. `null` inside
    /// data is a value of its own, equal to itself.
    fn is(&self, right: &Json) -> bool {
        match (self, right) {
            (Self::Text(left), Json::String(right)) => *left == right.as_bytes(),
            (Self::Json(Json::Number(left)), Json::Number(right)) => {
                left.as_f64() == right.as_f64()
            }
            (Self::Json(Json::Bool(left)), Json::Bool(right)) => left == right,
            (Self::Json(Json::Null), Json::Null) => true,
            _ => false,
        }
    }

    /// Lua's `tonumber`.
    fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => to_number(text),
            Self::Json(Json::Number(number)) => number.as_f64(),
            _ => None,
        }
    }

    /// The text a pattern runs over. Nothing that is false to Lua is one, and
    /// neither is a table, whose text would be an address in memory.
    fn subject(&self) -> Option<Cow<'v, [u8]>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Json(Json::Bool(true)) => Some(Cow::Borrowed(b"true")),
            Self::Json(Json::Number(number)) => Some(Cow::Owned(to_text(number).into_bytes())),
            _ => None,
        }
    }
}
