//! The schemas of this crate: text at build time, compiled when first asked for.

use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

use crate::schema::{Schema, expand};

/// A resource's schema, as a document to show and compiled to validate with.
#[derive(Debug)]
pub struct Definition {
    source: &'static str,
    compiled: OnceLock<(Value, Schema)>,
}

impl Definition {
    pub(super) const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The schema document, shared blocks written out: what the Admin API shows.
    pub fn document(&self) -> &Value {
        &self.compiled().0
    }

    /// The compiled schema.
    pub fn schema(&self) -> &Schema {
        &self.compiled().1
    }

    fn compiled(&self) -> &(Value, Schema) {
        self.compiled.get_or_init(|| {
            let document = expand(&parse(self.source), &BLOCKS.each_ref().map(|(n, v)| (*n, v)))
                .expect("embedded schemas refer to embedded blocks");
            let schema = Schema::compile(&document).expect("embedded schemas are valid");
            (document, schema)
        })
    }
}

/// Documents that schemas take blocks from.
static BLOCKS: LazyLock<[(&str, Value); 3]> = LazyLock::new(|| {
    [
        ("shared.json", parse(include_str!("shared.json"))),
        ("upstream.json", parse(include_str!("upstream/schema.json"))),
        ("checks.json", parse(include_str!("upstream/checks.json"))),
    ]
});

fn parse(source: &str) -> Value {
    serde_json::from_str(source).expect("embedded schemas are JSON")
}
