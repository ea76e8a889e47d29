mod decoding;
mod generate;
mod generated;
mod texts;

use serde_json::{Value, json};

use super::{Catalogue, Context, Kind, Origin, PluginError, Scope};
use crate::schema::Schema;

/// A catalogue with two plugins, and expressions that are lists.
struct Few;

impl Catalogue for Few {
    fn check_plugin(&self, scope: Scope, name: &str, conf: &mut Value) -> Result<(), PluginError> {
        let schema = match (name, scope) {
            ("key-auth", Scope::Consumer) => {
                json!({"required": ["key"], "properties": {"key": {"type": "string"}}})
            }
            ("key-auth", _) => {
                json!({"properties": {"header": {"type": "string", "default": "apikey"}}})
            }
            ("limit", _) => {
                json!({"properties": {"count": {"type": "integer"}}, "required": ["count"]})
            }
            _ => return Err(PluginError::Unknown),
        };
        Schema::compile(&schema).expect("valid").validate(conf).map_err(PluginError::Invalid)
    }

    fn authenticates(&self, name: &str) -> bool {
        name == "key-auth"
    }

    fn check_expression(&self, expression: &Value) -> Result<(), String> {
        let items = expression.as_array().map_or(&[][..], Vec::as_slice);
        items
            .iter()
            .all(Value::is_array)
            .then_some(())
            .ok_or_else(|| "rule should be a table".to_owned())
    }
}

const ADMIN: Context<'_> = Context { catalogue: &Few, origin: Origin::Admin };

#[test]
fn every_field_of_every_schema_is_described() {
    fn walk(schema: &Value, at: &str, missing: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                for (name, property) in
                    members.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    let at = format!("{at}/{name}");
                    if property.get("description").is_none() && !at.ends_with("/type/type") {
                        missing.push(at);
                    }
                }
                members
                    .iter()
                    .for_each(|(name, inner)| walk(inner, &format!("{at}/{name}"), missing));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, at, missing)),
            _ => {}
        }
    }
    let mut missing = Vec::new();
    for (kind, id) in Kind::ALL
        .map(|kind| (kind, "vault"))
        .into_iter()
        .chain([(Kind::Secret, "aws"), (Kind::Secret, "gcp")])
    {
        let mut document =
            kind.definition(Some(id)).expect("every kind has a schema").document().clone();
        // The condition of an ssl repeats a property to ask for its value.
        document.as_object_mut().expect("an object").remove("if");
        walk(&document, kind.noun(), &mut missing);
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn a_schema_document_stands_alone() {
    for kind in Kind::ALL {
        let document = kind.definition(Some("gcp/1")).expect("every kind has a schema").document();
        assert!(!document.to_string().contains("$ref"), "{}", kind.noun());
    }
}

#[test]
fn directories_name_kinds() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_directory(kind.directory()), Some(kind));
    }
    assert_eq!(Kind::from_directory("route"), None);
}

#[test]
fn resources_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<super::Resource>();
    shared::<super::Invalid>();
    shared::<&super::Definition>();
}
