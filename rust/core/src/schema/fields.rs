//! Members that no schema declares: what a reader mistyped.

use serde_json::Value;

use super::error::push_segment;
use super::nearest;
use super::node::{Additional, Items, Node, NodeId, ObjectRules, Rules};

/// A member that no schema for its object declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// JSON pointer to the member.
    pub pointer: String,
    /// Its name.
    pub name: String,
    /// The declared name that is most like it.
    pub nearest: Option<String>,
    /// Whether the schema forbids it; else it is accepted and ignored.
    pub forbidden: bool,
}

pub(super) fn unknown(nodes: &[Node], document: &Value) -> Vec<UnknownField> {
    let mut search = Search { nodes, found: Vec::new() };
    search.value(&[0], document, &mut String::new());
    search.found
}

struct Search<'a> {
    nodes: &'a [Node],
    found: Vec<UnknownField>,
}

impl<'a> Search<'a> {
    /// Looks at `value`, to which all of `schemas` apply.
    fn value(&mut self, schemas: &[NodeId], value: &Value, at: &mut String) {
        let mut rules = Vec::new();
        for id in schemas {
            self.gather(*id, &mut rules);
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let length = at.len();
                    push_segment(at, name);
                    self.member(&rules, name, member, at);
                    at.truncate(length);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let schemas: Vec<NodeId> =
                        rules.iter().filter_map(|rules| schema_of_item(rules, i)).collect();
                    if !schemas.is_empty() {
                        let length = at.len();
                        push_segment(at, &i.to_string());
                        self.value(&schemas, item, at);
                        at.truncate(length);
                    }
                }
            }
            _ => {}
        }
    }

    /// A node's rules and those of all its branches: what any of them declares is known.
    fn gather(&self, id: NodeId, into: &mut Vec<&'a Rules>) {
        let Node::Rules(rules) = &self.nodes[id] else { return };
        if into.iter().any(|known| std::ptr::eq(*known, &raw const **rules)) {
            return;
        }
        into.push(rules);
        let alternatives =
            rules.any_of.iter().chain(&rules.one_of).flat_map(|either| &either.nodes);
        let conditional = rules.conditional.iter().flat_map(|c| c.then.iter().chain(&c.otherwise));
        for id in rules.all_of.iter().chain(alternatives).chain(conditional) {
            self.gather(*id, into);
        }
    }

    fn member(&mut self, rules: &[&'a Rules], name: &str, member: &Value, at: &mut String) {
        let objects: Vec<&ObjectRules> =
            rules.iter().filter_map(|rules| rules.object.as_ref()).collect();
        let schemas: Vec<NodeId> =
            objects.iter().flat_map(|object| schemas_of_member(object, name)).collect();
        if !schemas.is_empty() {
            return self.value(&schemas, member, at);
        }
        let forbidden =
            objects.iter().any(|object| matches!(object.additional, Additional::Forbidden));
        // An object without declared members is free form.
        let free = objects.iter().all(|object| object.declared.is_empty());
        let known = objects.iter().flat_map(|object| object.declared.iter().map(AsRef::as_ref));
        if forbidden || !free {
            self.found.push(UnknownField {
                pointer: at.clone(),
                name: name.to_owned(),
                nearest: nearest(name, known).map(str::to_owned),
                forbidden,
            });
        }
    }
}

fn schemas_of_member(rules: &ObjectRules, name: &str) -> Vec<NodeId> {
    let declared = rules.properties.iter().filter(|property| property.name == name);
    let matching =
        rules.patterns.iter().filter(|rule| rule.pattern.regex.is_match(name).unwrap_or(false));
    let mut schemas: Vec<NodeId> =
        declared.map(|property| property.schema).chain(matching.map(|rule| rule.schema)).collect();
    if let (true, Additional::Schema(id)) = (schemas.is_empty(), &rules.additional) {
        schemas.push(*id);
    }
    schemas
}

fn schema_of_item(rules: &Rules, i: usize) -> Option<NodeId> {
    match &rules.array.as_ref()?.items {
        Items::Each(id) => Some(*id),
        Items::Tuple(ids, additional) => ids.get(i).copied().or(match additional {
            Additional::Schema(id) => Some(*id),
            _ => None,
        }),
        Items::Any | Items::True | Items::False => None,
    }
}
