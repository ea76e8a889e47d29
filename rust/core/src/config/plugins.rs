//! The plugins of a resource, as far as they can be checked without knowing them.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::validate::{Context, Invalid, Origin};
use crate::schema::{Schema, SchemaError};

/// Plugins by name, each with its configuration as the schema of the plugin has left it.
pub type Plugins = Map<String, Value>;

/// Which of a plugin's schemas its configuration must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of routes, services, plugin configs, consumer groups and global rules.
    Route,
    /// That of consumers and credentials.
    Consumer,
    /// That of plugin metadata.
    Metadata,
    /// That of stream routes.
    Stream,
}

/// Why a plugin's configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginError {
    /// No such plugin, or it is switched off.
    Unknown,
    /// The configuration is wrong. The pointer starts at the configuration.
    Invalid(SchemaError),
}

/// What is known of the plugins, expressions and protocols that documents name. The crates that
/// have them implement it.
pub trait Catalogue {
    /// Checks the configuration of a plugin and fills in its defaults.
    ///
    /// # Errors
    /// The plugin is unknown, or the configuration is wrong.
    fn check_plugin(&self, scope: Scope, name: &str, conf: &mut Value) -> Result<(), PluginError>;

    /// Whether a plugin authenticates: credentials hold no other.
    fn authenticates(&self, name: &str) -> bool;

    /// Checks an expression (`vars`, `_meta.filter`).
    ///
    /// # Errors
    /// What is wrong with it; told after "failed to validate the 'vars' expression: ".
    fn check_expression(&self, expression: &Value) -> Result<(), String>;

    /// Checks the application protocol of a stream route.
    ///
    /// # Errors
    /// The text to answer with.
    fn check_protocol(&self, name: &str, _conf: Option<&Value>) -> Result<(), String> {
        Err(format!("unknown protocol [{name}]"))
    }
}

/// A catalogue without plugins that takes any expression.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPlugins;

impl Catalogue for NoPlugins {
    fn check_plugin(&self, _: Scope, _: &str, _: &mut Value) -> Result<(), PluginError> {
        Err(PluginError::Unknown)
    }

    fn authenticates(&self, _: &str) -> bool {
        false
    }

    fn check_expression(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// Checks all plugins of `document`.
pub(super) fn check(
    document: &mut Value,
    scope: Scope,
    context: &Context<'_>,
) -> Result<(), Invalid> {
    let Some(Value::Object(plugins)) = document.get_mut("plugins") else { return Ok(()) };
    for (name, conf) in plugins {
        check_one(name, conf, scope, context).map_err(|mut invalid| {
            invalid.within(name);
            invalid.within("plugins");
            invalid
        })?;
    }
    Ok(())
}

fn check_one(
    name: &str,
    conf: &mut Value,
    scope: Scope,
    context: &Context<'_>,
) -> Result<(), Invalid> {
    if !conf.is_object() && !conf.is_array() {
        return Err(Invalid::at("", format!("invalid plugin conf {conf} for plugin [{name}]")));
    }
    let checked = check_meta(conf)
        .map_err(PluginError::Invalid)
        .and_then(|()| context.catalogue.check_plugin(scope, name, conf));
    match checked {
        Ok(()) => {}
        // A data plane that is older than its control plane serves what it knows.
        Err(PluginError::Unknown) if context.origin == Origin::Etcd => return Ok(()),
        Err(PluginError::Unknown) => {
            return Err(Invalid::at("", format!("unknown plugin [{name}]")));
        }
        // What never runs may be wrong.
        Err(PluginError::Invalid(_)) if is_disabled(conf) => {}
        Err(PluginError::Invalid(error)) => return Err(refused(name, scope, error)),
    }
    if let Some(filter) = conf.pointer("/_meta/filter") {
        check_expression(filter, context)
            .map_err(|message| Invalid::at("/_meta/filter", message))?;
    }
    if conf.pointer("/_meta/pre_function").is_some() {
        let message = format!(
            "failed to load _meta.pre_function in plugin {name}: it is Lua, which is not run \
             here; write it as a Python plugin with a higher priority"
        );
        return Err(Invalid::at("/_meta/pre_function", message));
    }
    Ok(())
}

fn refused(name: &str, scope: Scope, error: SchemaError) -> Invalid {
    let SchemaError { message, pointer, reason, place, nearest } = error;
    let prefix = match scope {
        Scope::Stream => format!("failed to check the configuration of stream plugin [{name}]: "),
        _ => format!("failed to check the configuration of plugin {name} err: "),
    };
    Invalid { message, pointer, reason, place, nearest }.after(&prefix)
}

/// Checks an expression of a document; the error is APISIX's text.
pub(super) fn check_expression(expression: &Value, context: &Context<'_>) -> Result<(), String> {
    context
        .catalogue
        .check_expression(expression)
        .map_err(|error| format!("failed to validate the 'vars' expression: {error}"))
}

fn is_disabled(conf: &Value) -> bool {
    conf.pointer("/_meta/disable") == Some(&Value::Bool(true))
}

/// `_meta`, which every plugin's configuration may carry.
fn check_meta(conf: &mut Value) -> Result<(), SchemaError> {
    static META: LazyLock<Schema> = LazyLock::new(|| {
        Schema::compile(&json!({"properties": {"_meta": {
            "type": "object",
            "properties": {
                "disable": {"type": "boolean"},
                "error_response": {"oneOf": [{"type": "string"}, {"type": "object"}]},
                "priority": {"type": "integer"},
                "filter": {"type": "array"},
                "pre_function": {"type": "string"},
            },
            "additionalProperties": false,
        }}}))
        .expect("the schema of _meta is valid")
    });
    META.validate(conf)
}
