//! Whether a document is a valid resource: its schema, then what APISIX checks in code, in its order
//! and with its texts.

use std::fmt;

use serde_json::Value;

use super::plugins::{self, Catalogue, PluginError, Scope};
use super::{Id, Kind, Resource, SecretManager, decode, route, ssl, stream_route, upstream};
use crate::schema::{SchemaError, push_segment};

/// What a document is validated against, besides its schema.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The plugins, expressions and protocols there are.
    pub catalogue: &'a dyn Catalogue,
    /// Where the document comes from.
    pub origin: Origin,
}

/// Where a document comes from. Some of what the Admin API refuses, APISIX's data plane mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Admin API: an IPv6 node must have its brackets.
    Admin,
    /// A file: metadata of unknown plugins is kept.
    File,
    /// etcd: unknown plugins are kept, and their metadata, too.
    Etcd,
}

/// Why a document is no valid resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What the Admin API answers as `error_msg`.
    pub message: String,
    /// JSON pointer to the wrong value; for something missing, to the object lacking it.
    pub pointer: String,
    /// Only what is wrong, for a reader who is shown the place.
    pub reason: String,
    /// JSON pointer to what `reason` is about: `pointer`, or deeper.
    pub place: String,
    /// The known name that is most like the wrong one.
    pub nearest: Option<String>,
}

impl Invalid {
    /// A mistake at a place, told in these words alone.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (message, pointer) = (message.into(), pointer.into());
        Self { reason: message.clone(), place: pointer.clone(), message, pointer, nearest: None }
    }

    pub(super) fn from_schema(error: SchemaError) -> Self {
        let SchemaError { message, pointer, reason, place, nearest } = error;
        Self { message, pointer, reason, place, nearest }.after("invalid configuration: ")
    }

    /// Puts a member name before the pointers.
    pub(super) fn within(&mut self, name: &str) {
        let mut prefix = String::new();
        push_segment(&mut prefix, name);
        self.pointer.insert_str(0, &prefix);
        self.place.insert_str(0, &prefix);
    }

    /// Puts text before the message.
    pub(super) fn after(mut self, prefix: &str) -> Self {
        self.message.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}

/// Checks a document and fills in defaults. `id` is the identifier it is (to be) stored under, as in
/// [`decode`]; where it is absent, the document's own `id` counts.
///
/// # Errors
/// The first thing that is wrong.
pub fn validate(
    kind: Kind,
    id: Option<&str>,
    document: &mut Value,
    context: &Context<'_>,
) -> Result<(), Invalid> {
    // A reference that no schema looked at may stand where nothing resolves it: only decoding tells.
    build(kind, id, document, context).map(|_| ())
}

/// Checks a document as [`validate`] does, and decodes it.
///
/// # Errors
/// The first thing that is wrong.
pub fn build(
    kind: Kind,
    id: Option<&str>,
    document: &mut Value,
    context: &Context<'_>,
) -> Result<Resource, Invalid> {
    let names_another = |id: &str| document.get("username").is_some_and(|name| name != id);
    if kind == Kind::Consumer && id.is_some_and(names_another) {
        return Err(Invalid::at("/username", "wrong username"));
    }
    let own_id = document.get("id").and_then(Id::of);
    let id = id.or(own_id.as_deref());
    check(kind, id, document, context)?;
    decode(kind, id.unwrap_or_default(), &*document)
}

/// All of [`build`] but the decoding.
pub(super) fn check(
    kind: Kind,
    id: Option<&str>,
    document: &mut Value,
    context: &Context<'_>,
) -> Result<(), Invalid> {
    match kind {
        Kind::Route => route::check_before_schema(document)?,
        Kind::Upstream => upstream::check_before_schema(document, context.origin)?,
        Kind::Secret => check_secret_id(id)?,
        _ => {}
    }
    if let Some(definition) = kind.definition(id) {
        definition.schema().validate(document).map_err(Invalid::from_schema)?;
    }
    match kind {
        Kind::Route => check_route(document, context),
        Kind::Service => {
            check_embedded_upstream(document, context)?;
            plugins::check(document, Scope::Route, context)?;
            refuse_script(document)
        }
        Kind::Upstream => upstream::check(document),
        Kind::Consumer => check_consumer_plugins(document, context),
        Kind::Credential => check_credential(document, context),
        Kind::ConsumerGroup | Kind::PluginConfig | Kind::GlobalRule => {
            plugins::check(document, Scope::Route, context)
        }
        Kind::PluginMetadata => check_metadata(id, document, context),
        Kind::Ssl => ssl::check(document),
        Kind::StreamRoute => {
            check_embedded_upstream(document, context)?;
            plugins::check(document, Scope::Stream, context)?;
            stream_route::check(document, context.catalogue)
        }
        Kind::Proto | Kind::Secret => Ok(()),
    }
}

fn check_route(document: &mut Value, context: &Context<'_>) -> Result<(), Invalid> {
    check_embedded_upstream(document, context)?;
    plugins::check(document, Scope::Route, context)?;
    if let Some(vars) = document.get("vars") {
        plugins::check_expression(vars, context).map_err(|text| Invalid::at("/vars", text))?;
    }
    route::check_addresses(document)?;
    if document.get("filter_func").is_some() {
        let message = "failed to load 'filter_func' string: it is Lua, which is not run here; put \
                       the condition into `vars`, or write a Python plugin with `on_request`";
        return Err(Invalid::at("/filter_func", message));
    }
    refuse_script(document)
}

fn refuse_script(document: &Value) -> Result<(), Invalid> {
    if document.get("script").is_none() {
        return Ok(());
    }
    let message = "failed to load 'script' string: it is Lua, which is not run here; write it as a \
                   Python plugin and name it in `plugins`";
    Err(Invalid::at("/script", message))
}

fn check_embedded_upstream(document: &Value, context: &Context<'_>) -> Result<(), Invalid> {
    let Some(upstream) = document.get("upstream") else { return Ok(()) };
    upstream::check_before_schema(upstream, context.origin)
        .and_then(|()| upstream::check(upstream))
        .map_err(|mut invalid| {
            invalid.within("upstream");
            invalid
        })
}

fn check_consumer_plugins(document: &mut Value, context: &Context<'_>) -> Result<(), Invalid> {
    plugins::check(document, Scope::Consumer, context)
        .map_err(|invalid| invalid.after("invalid plugins configuration: "))
}

fn check_credential(document: &mut Value, context: &Context<'_>) -> Result<(), Invalid> {
    check_consumer_plugins(document, context)?;
    let mut names = document.get("plugins").and_then(Value::as_object).into_iter().flatten();
    match names.find(|(name, _)| !context.catalogue.authenticates(name)) {
        Some((name, _)) => {
            let message = "only supports auth type plugins in consumer credential";
            let mut invalid = Invalid::at("", message);
            invalid.within(name);
            invalid.within("plugins");
            Err(invalid)
        }
        None => Ok(()),
    }
}

fn check_metadata(
    name: Option<&str>,
    document: &mut Value,
    context: &Context<'_>,
) -> Result<(), Invalid> {
    let Some(name) = name else { return Err(Invalid::at("", "missing plugin name")) };
    match context.catalogue.check_plugin(Scope::Metadata, name, document) {
        Ok(()) => Ok(()),
        Err(PluginError::Unknown) if context.origin != Origin::Admin => Ok(()),
        Err(PluginError::Unknown) => Err(Invalid::at("", "invalid plugin name")),
        Err(PluginError::Invalid(error)) => Err(Invalid::from_schema(error)),
    }
}

fn check_secret_id(id: Option<&str>) -> Result<(), Invalid> {
    let Some(id) = id else { return Err(Invalid::at("", "no secret id")) };
    match (id.split_once('/'), SecretManager::of_id(id)) {
        (None, _) => Err(Invalid::at("/id", format!("invalid secret id: {id}"))),
        (Some((manager, _)), None) => {
            Err(Invalid::at("/id", format!("invalid secret manager: {manager}")))
        }
        (Some(_), Some(_)) => Ok(()),
    }
}
