//! Documents from text: YAML and JSON files of resources in APISIX's standalone layout, and of
//! settings, with the place of every value and of every mistake.
//!
//! ```
//! use gateway_core::config::{Kind, NoPlugins};
//! use gateway_core::source::{self, Format};
//!
//! let text = "routes:\n  - uri: /get\n    upstream:\n      nodes: {127.0.0.1:8080: 1}\n#END\n";
//! let items = source::read(text, Format::Yaml, &|_| None, &NoPlugins).unwrap();
//! assert_eq!((items[0].kind, &*items[0].id), (Kind::Route, "arr_1"));
//!
//! let text = "routes:\n  - uri: /get\n    upstrem_id: 1\n";
//! let problems = source::read(text, Format::Yaml, &|_| None, &NoPlugins).unwrap_err();
//! assert_eq!((problems[0].line, problems[0].column), (3, 5));
//! assert_eq!(problems[0].path, "routes[0].upstrem_id");
//! assert_eq!(problems[0].suggestion.as_deref(), Some("upstream_id"));
//! ```
//!
//! What surprises:
//!
//! * `${{VAR}}` and `${{VAR:=default}}` are filled into YAML before it is parsed, so quotes decide
//!   about types; into JSON, and into settings in either format, afterwards, where a value that
//!   then reads as a number or boolean becomes one. Places are those of the text before.
//! * Plain YAML scalars mean what they mean to APISIX's reader (YAML 1.1: `yes` and `off` are
//!   booleans, `010` is 8), but for `12:30`, which is text here and sexagesimal there.
//! * A key that stands twice is an error, in JSON, too.
//! * An empty text is an error: a file that is being rewritten is empty for a moment. Nothing on
//!   purpose is `{}`.

mod json;
mod problem;
mod resources;
mod spans;
#[cfg(test)]
mod tests;
mod variables;
mod yaml;

use serde_json::Value;

pub use problem::{Position, Problem};
pub use resources::{Item, items};
pub use spans::Spans;

use crate::config::Catalogue;
use variables::Substituted;

/// How deeply values may be nested in a text.
pub const MAX_DEPTH: usize = 128;

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2 syntax, scalars as APISIX's YAML 1.1 reader takes them.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

/// Looks up the variables of `${{VAR}}`.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a file of resources: parses it, takes it apart, validates every resource and fills in
/// defaults.
///
/// # Errors
/// Every mistake that was found; a text that does not parse has one.
pub fn read(
    text: &str,
    format: Format,
    environment: Environment<'_>,
    catalogue: &dyn Catalogue,
) -> Result<Vec<Item>, Vec<Problem>> {
    let (value, spans) = parse(text, format, environment).map_err(|problem| vec![problem])?;
    items(value, &spans, catalogue)
}

/// Parses a text of resources, variables filled in as APISIX does it in `apisix.yaml` and
/// `apisix.json`.
///
/// # Errors
/// The first mistake in the text.
pub fn parse(
    text: &str,
    format: Format,
    environment: Environment<'_>,
) -> Result<(Value, Spans), Problem> {
    match format {
        Format::Yaml => {
            let substituted = variables::in_text(text, environment)?;
            load(text, &substituted, format)
        }
        Format::Json => parse_settings(text, format, environment),
    }
}

/// Parses a text of settings, variables filled in as APISIX does it in `config.yaml`.
///
/// # Errors
/// The first mistake in the text.
pub fn parse_settings(
    text: &str,
    format: Format,
    environment: Environment<'_>,
) -> Result<(Value, Spans), Problem> {
    let (mut value, spans) = load(text, &Substituted::nothing(text), format)?;
    variables::in_values(&mut value, environment)
        .map_err(|(pointer, message)| Problem::at(&pointer, &value, &spans, message))?;
    Ok((value, spans))
}

fn load(text: &str, input: &Substituted<'_>, format: Format) -> Result<(Value, Spans), Problem> {
    let mut spans = Spans::of(text, input.edits.clone())?;
    let loaded = match format {
        Format::Yaml => yaml::load(&input.text, &mut spans),
        Format::Json => json::load(&input.text, &mut spans),
    };
    match loaded {
        Ok(value) => {
            spans.finish();
            Ok((value, spans))
        }
        Err(Mistake { offset, message }) => Err(Problem::in_text(spans.place(offset), message)),
    }
}

/// A mistake in the text being parsed, by byte offset.
struct Mistake {
    offset: usize,
    message: String,
}

impl Mistake {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}
