//! Blocks that several schema documents share: `{"$ref": "shared#/definitions/host"}`.

use serde_json::{Map, Value};

use super::error::{CompileError, push_segment};

/// Blocks may use blocks, this deep; deeper means that one uses itself.
const MAX_NESTING: usize = 32;

/// Puts the shared blocks into a schema document where it refers to them by `document#pointer`.
/// References within the document itself (`#/…`) stay. Members beside a `$ref` (a description, a
/// default) win over the block's.
///
/// # Errors
/// A reference that leads nowhere, or blocks that use each other in a circle.
pub fn expand(document: &Value, shared: &[(&str, &Value)]) -> Result<Value, CompileError> {
    Expander { shared }.value(document, &mut String::new(), 0)
}

struct Expander<'a> {
    shared: &'a [(&'a str, &'a Value)],
}

impl Expander<'_> {
    fn value(&self, value: &Value, at: &mut String, depth: usize) -> Result<Value, CompileError> {
        match value {
            Value::Object(members) => match self.block(members, at)? {
                Some(block) if depth < MAX_NESTING => {
                    let mut block = self.value(block, at, depth + 1)?;
                    if let Value::Object(inlined) = &mut block {
                        let beside = members.iter().filter(|(name, _)| *name != "$ref");
                        inlined.extend(beside.map(|(name, value)| (name.clone(), value.clone())));
                    }
                    Ok(block)
                }
                Some(_) => {
                    Err(CompileError { message: "blocks in a circle".into(), pointer: at.clone() })
                }
                None => {
                    let member = |(name, value): (&String, &Value)| {
                        let value = self.within(value, name, at, depth)?;
                        Ok((name.clone(), value))
                    };
                    Ok(Value::Object(members.iter().map(member).collect::<Result<Map<_, _>, _>>()?))
                }
            },
            Value::Array(items) => {
                let item =
                    |(i, item): (usize, &Value)| self.within(item, &i.to_string(), at, depth);
                Ok(Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn within(
        &self,
        value: &Value,
        segment: &str,
        at: &mut String,
        depth: usize,
    ) -> Result<Value, CompileError> {
        let length = at.len();
        push_segment(at, segment);
        let value = self.value(value, at, depth)?;
        at.truncate(length);
        Ok(value)
    }

    /// The block that `members` refers to, if it is a reference to another document.
    fn block(
        &self,
        members: &Map<String, Value>,
        at: &str,
    ) -> Result<Option<&Value>, CompileError> {
        let Some(Value::String(reference)) = members.get("$ref") else { return Ok(None) };
        let Some((document, pointer)) = reference.split_once('#') else { return Ok(None) };
        if document.is_empty() {
            return Ok(None);
        }
        let found = self.shared.iter().find(|(name, _)| *name == document);
        found.and_then(|(_, value)| value.pointer(pointer)).map(Some).ok_or_else(|| CompileError {
            message: format!("no block {reference:?}"),
            pointer: at.to_owned(),
        })
    }
}
