//! Documents judged without an engine.

use std::collections::{BTreeMap, HashMap};

use gateway_core::config::{self, Context, Kind, NoPlugins, Origin};
use gateway_core::source::{self, Format};
use gateway_engine::publish::{self, File};
use gateway_engine::settings::Settings;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Value, json};

use crate::detach::detach;
use crate::errors::{self, Invalid};

/// The format of that name.
pub(crate) fn format(name: &str) -> PyResult<Format> {
    match name {
        "yaml" => Ok(Format::Yaml),
        "json" => Ok(Format::Json),
        _ => Err(PyValueError::new_err("format is yaml or json")),
    }
}

/// Fill in the defaults of a resource document; raises `Invalid`.
#[pyfunction]
pub(crate) fn validate<'py>(
    py: Python<'py>,
    kind: &str,
    document: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let kind = Kind::from_directory(kind)
        .ok_or_else(|| PyValueError::new_err(format!("unknown kind of resource: {kind}")))?;
    let mut document: Value = serde_json::from_slice(document)
        .map_err(|error| Invalid::new_err((String::new(), error.to_string())))?;
    let context = Context { catalogue: &NoPlugins, origin: Origin::Admin };
    config::validate(kind, None, &mut document, &context)
        .map_err(|invalid| Invalid::new_err((invalid.pointer, invalid.message)))?;
    Ok(PyBytes::new(py, document.to_string().as_bytes()))
}

/// Every mistake of a resource file, as the JSON list that `Rejected` carries.
#[pyfunction]
#[pyo3(signature = (text, format, path))]
pub(crate) fn check_file<'py>(
    py: Python<'py>,
    text: &[u8],
    format: &str,
    path: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let format = self::format(format)?;
    let environ = environ(py)?;
    let problems = detach(py, || {
        let environ = |name: &str| environ.get(name).cloned();
        publish::check_file(File { text, format, path }, &environ, &Settings::default())
    });
    Ok(PyBytes::new(py, json!(problems).to_string().as_bytes()))
}

/// Parse a file and substitute `${{VARIABLE}}`; raises `Rejected` for text that does not parse.
#[pyfunction]
pub(crate) fn parse_file<'py>(
    py: Python<'py>,
    text: &[u8],
    format: &str,
    environ: HashMap<String, String>,
) -> PyResult<Bound<'py, PyBytes>> {
    let environ = move |name: &str| environ.get(name).cloned();
    let text = std::str::from_utf8(text)
        .map_err(|error| PyValueError::new_err(format!("the file is not UTF-8: {error}")))?;
    let (value, spans) = source::parse_settings(text, self::format(format)?, &environ)
        .map_err(|problem| errors::rejected(&[problem]))?;
    let spans: BTreeMap<String, [u32; 2]> = spans
        .all(&value)
        .into_iter()
        .map(|(pointer, position)| (pointer, [position.line, position.column]))
        .collect();
    let answer = json!({ "value": value, "spans": spans });
    Ok(PyBytes::new(py, answer.to_string().as_bytes()))
}

/// `os.environ`, which knows of what Python code has set; the process's own table may not.
pub(crate) fn environ(py: Python<'_>) -> PyResult<HashMap<String, String>> {
    py.import("os")?.getattr("environ")?.call_method0("copy")?.extract()
}
