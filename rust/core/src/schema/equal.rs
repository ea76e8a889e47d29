//! Equality of JSON values as Lua's tables have it, and repeated items by it.

use std::collections::HashMap;

use serde_json::Value;

/// Whether two values are equal: `1` and `1.0` are, and so are `{}` and `[]`.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, x)| y.get(k).is_some_and(|y| equal(x, y)))
        }
        (Value::Array(x), Value::Object(y)) | (Value::Object(y), Value::Array(x)) => {
            x.is_empty() && y.is_empty()
        }
        (a, b) => a == b,
    }
}

/// A scalar as a key of a map.
#[derive(PartialEq, Eq, Hash)]
enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            // Adding zero makes -0.0 and 0.0 one number.
            Value::Number(n) => Self::Number((n.as_f64().unwrap_or(0.0) + 0.0).to_bits()),
            Value::String(s) => Self::Text(s),
            Value::Array(_) | Value::Object(_) => return None,
        })
    }
}

/// The 1-based positions of the first two equal items: scalars are looked at before tables.
pub(super) fn repeated(items: &[Value]) -> Option<(usize, usize)> {
    let mut seen = HashMap::with_capacity(items.len());
    let mut tables = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match Scalar::of(item) {
            Some(scalar) => {
                if let Some(first) = seen.insert(scalar, i + 1) {
                    return Some((first, i + 1));
                }
            }
            None => tables.push((i + 1, item)),
        }
    }
    tables.iter().enumerate().find_map(|(n, (i, a))| {
        tables[n + 1..].iter().find(|(_, b)| equal(a, b)).map(|(j, _)| (*i, *j))
    })
}
