//! APISIX's standalone layout: a list of resources under the name of each kind.

use serde_json::{Map, Value, json};

use super::problem::{Position, Problem};
use super::spans::Spans;
use crate::config::{
    Catalogue, Context, Id, Invalid, Kind, Origin, Resource, build, is_credential_id,
};
use crate::schema::nearest;

/// A resource of a file, validated, with its defaults filled in.
#[derive(Clone, Debug)]
pub struct Item {
    /// What kind it is.
    pub kind: Kind,
    /// Its identifier: its `id`, or else `username`, or else `arr_` and its number in the list.
    pub id: Id,
    /// The document, with the identifier in it.
    pub document: Value,
    /// What the document decodes into.
    pub resource: Resource,
    /// Where it begins in the file.
    pub position: Position,
    /// `modifiedIndex`, which a writer of whole configurations may give so that only what has
    /// changed is rebuilt.
    pub modified_index: Option<u64>,
}

/// Sections of settings, which may stand in one file with resources. (`plugins` and
/// `stream_plugins` list the plugins in use, in either kind of file.)
const SETTINGS: &[&str] = &[
    "apisix",
    "deployment",
    "discovery",
    "dubbo_proxy",
    "etcd",
    "ext-plugin",
    "graphql",
    "nginx_config",
    "plugin_attr",
    "plugins",
    "stream_plugins",
    "wasm",
    "xrpc",
];

/// Ends the name of a kind's version number in API-driven configurations.
const VERSION_SUFFIX: &str = "_conf_version";

/// Takes a parsed file apart, validates every resource and fills in defaults.
///
/// # Errors
/// Every mistake that was found.
pub fn items(
    root: Value,
    spans: &Spans,
    catalogue: &dyn Catalogue,
) -> Result<Vec<Item>, Vec<Problem>> {
    let context = Context { catalogue, origin: Origin::File };
    let mut reader = Reader { context, spans, items: Vec::new(), problems: Vec::new() };
    let Value::Object(sections) = root else {
        let message = "a file of resources has the kinds as keys, such as `routes`".to_owned();
        return Err(vec![Problem::at("", &Value::Null, spans, message)]);
    };
    for (key, section) in sections {
        match Kind::from_directory(&key) {
            Some(kind) => reader.list(kind, section),
            None => reader.other(&key, &section),
        }
    }
    if reader.problems.is_empty() { Ok(reader.items) } else { Err(reader.problems) }
}

struct Reader<'a> {
    context: Context<'a>,
    spans: &'a Spans,
    items: Vec<Item>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// A key that is not a kind.
    fn other(&mut self, key: &str, section: &Value) {
        let versioned = key.strip_suffix(VERSION_SUFFIX);
        let is_version =
            versioned.is_some_and(|of| of == "plugins" || Kind::from_directory(of).is_some());
        let (message, suggestion) = if SETTINGS.contains(&key) || is_version && section.is_number()
        {
            return;
        } else if is_version {
            (format!("{key} must be a number"), None)
        } else {
            let known =
                Kind::ALL.iter().map(|kind| kind.directory()).chain(SETTINGS.iter().copied());
            (format!("unknown key {key}"), nearest(key, known).map(str::to_owned))
        };
        let position = self.spans.position(&pointer_to(key));
        let problem = Problem::in_text(position, message);
        self.problems.push(Problem { path: key.to_owned(), suggestion, ..problem });
    }

    fn list(&mut self, kind: Kind, section: Value) {
        let directory = kind.directory();
        let items = match section {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            Value::Object(members) if members.is_empty() => Vec::new(),
            other => {
                let message = format!("{directory} is a list: begin each item with `-`");
                let root = json!({directory: other});
                let problem = Problem::at(&pointer_to(directory), &root, self.spans, message);
                return self.problems.push(problem);
            }
        };
        let mut seen = std::collections::HashMap::new();
        for (i, item) in items.into_iter().enumerate() {
            let pointer = format!("/{directory}/{i}");
            let position = self.spans.position(&pointer);
            match self.item(kind, i, item) {
                Ok(item) => {
                    if let Some(first) = seen.insert((item.kind, item.id.clone()), position) {
                        let message = format!(
                            "found duplicate id {} in {directory}, first in line {}",
                            item.id, first.line
                        );
                        let path = format!("{directory}[{i}]");
                        let problem = Problem::in_text(position, message);
                        self.problems.push(Problem { path, ..problem });
                    }
                    self.items.push(item);
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
    }

    /// Reads the item at `index`, from 0.
    fn item(&self, kind: Kind, index: usize, document: Value) -> Result<Item, Vec<Problem>> {
        let pointer = format!("/{}/{index}", kind.directory());
        let Value::Object(mut members) = document else {
            let position = self.spans.position(&pointer);
            let path = format!("{}[{index}]", kind.directory());
            let problem = Problem::in_text(position, "it should be an object".into());
            return Err(vec![Problem { path, ..problem }]);
        };
        let modified_index = members.shift_remove("modifiedIndex").and_then(|n| n.as_u64());
        fill_empty_plugins(&mut members);
        let own = members.get("id").or_else(|| members.get("username")).and_then(Id::of);
        let id = own.unwrap_or_else(|| Id::from(&*format!("arr_{}", index + 1)));
        let kind = match kind {
            Kind::Consumer if is_credential_id(&id) => Kind::Credential,
            kind => kind,
        };
        let mut document = Value::Object(members);
        // A consumer is known by its name, whatever its id.
        let stored_under = (kind != Kind::Consumer).then_some(&*id);
        let resource = build(kind, stored_under, &mut document, &self.context)
            .map_err(|invalid| self.problems_of(kind, index, &document, &invalid))?;
        if kind != Kind::PluginMetadata && document.get("id").is_none() {
            document["id"] = Value::from(&*id);
        }
        let position = self.spans.position(&pointer);
        Ok(Item { kind, id, document, resource, position, modified_index })
    }

    /// The mistake that ended the validation, and every forbidden field besides it.
    fn problems_of(
        &self,
        kind: Kind,
        index: usize,
        document: &Value,
        invalid: &Invalid,
    ) -> Vec<Problem> {
        let directory = if kind == Kind::Credential { "consumers" } else { kind.directory() };
        let at = |pointer: &str, message: String, suggestion: Option<String>| {
            let position = self.spans.position(&format!("/{directory}/{index}{pointer}"));
            let path = Problem::path_of(&format!("{directory}[{index}]"), pointer, document);
            Problem { path, suggestion, ..Problem::in_text(position, message) }
        };
        let mut problems =
            vec![at(&invalid.place, invalid.reason.clone(), invalid.nearest.clone())];
        let definition = kind.definition(document.get("id").and_then(Value::as_str));
        let unknown = definition.map(|definition| definition.schema().unknown_fields(document));
        for field in unknown.into_iter().flatten() {
            if field.forbidden && field.pointer != invalid.pointer {
                let message = format!("additional properties forbidden, found {}", field.name);
                problems.push(at(&field.pointer, message, field.nearest));
            }
        }
        problems
    }
}

fn pointer_to(key: &str) -> String {
    let mut pointer = String::new();
    crate::schema::push_segment(&mut pointer, key);
    pointer
}

/// A plugin without settings may be written as a key alone: YAML then says null, which is as good as
/// an empty object to APISIX's reader.
fn fill_empty_plugins(members: &mut Map<String, Value>) {
    if let Some(Value::Object(plugins)) = members.get_mut("plugins") {
        for conf in plugins.values_mut().filter(|conf| conf.is_null()) {
            *conf = Value::Object(Map::new());
        }
    }
}
