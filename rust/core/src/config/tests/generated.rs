//! Whatever the schemas and checks accept, the types can hold.

use proptest::prelude::*;
use serde_json::Value;

use super::ADMIN;
use super::generate::{Dice, value};
use crate::config::validate::check;
use crate::config::{Context, Kind, Origin, decode};
use crate::schema::is_reference;

/// Makes up a document that is accepted, from the first seed that gives one.
fn accepted(kind: Kind, id: &str, seed: u64) -> Option<Value> {
    let schema = kind.definition(Some(id)).expect("every kind has a schema").document();
    (0..500).find_map(|n| {
        let mut document = value(schema, &mut Dice(seed.wrapping_add(n << 32)));
        lead_to_validity(kind, &mut document, seed);
        let context = Context { origin: Origin::File, ..ADMIN };
        check(kind, Some(id), &mut document, &context).ok().map(|()| document)
    })
}

/// Adds what a kind cannot do without and chance rarely gives; no plugins, which have their own tests.
fn lead_to_validity(kind: Kind, document: &mut Value, seed: u64) {
    let Some(members) = document.as_object_mut() else { return };
    members.remove("plugins");
    members.remove("protocol");
    for lua in ["script", "filter_func"] {
        members.remove(lua);
    }
    match kind {
        Kind::Route => {
            let (keep, drop) =
                if seed.is_multiple_of(2) { ("uri", "uris") } else { ("uris", "uri") };
            members.remove(drop);
            members.entry(keep).or_insert(if keep == "uri" {
                "/a".into()
            } else {
                serde_json::json!(["/a", "/b"])
            });
            members.entry("upstream_id").or_insert(1.into());
        }
        Kind::PluginConfig | Kind::ConsumerGroup | Kind::GlobalRule => {
            members.insert("plugins".into(), serde_json::json!({}));
        }
        Kind::Ssl => {
            members.remove("snis");
            members.insert("sni".into(), "a.com".into());
            members.entry("cert").or_insert("c".repeat(128).into());
            members.entry("key").or_insert("k".repeat(64).into());
        }
        _ => {}
    }
}

/// Whether a reference, which no schema has looked at, is somewhere in the document.
fn has_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => is_reference(text),
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(members) => members.values().any(has_reference),
        _ => false,
    }
}

/// Text that would end a line of a request early: decoding refuses it where a request holds it.
fn has_line_break(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(['\r', '\n']),
        Value::Array(items) => items.iter().any(has_line_break),
        Value::Object(members) => members.values().any(has_line_break),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_decodes(seed: u64) {
        let secrets = ["aws/1", "gcp/1"].map(|id| (Kind::Secret, id));
        for (kind, id) in Kind::ALL.map(|kind| (kind, "vault/1")).into_iter().chain(secrets) {
            let Some(document) = accepted(kind, id, seed) else { continue };
            if let Err(error) = decode(kind, id, &document) {
                prop_assert!(
                    has_reference(&document) || has_line_break(&document),
                    "{}: {error}: {document}", kind.noun()
                );
            }
        }
    }
}

#[test]
fn chance_gives_documents_of_every_kind() {
    for kind in Kind::ALL {
        let found = (0..20).filter(|seed| accepted(kind, "vault/1", *seed).is_some()).count();
        assert!(found >= 10, "{}: {found} of 20", kind.noun());
    }
}
