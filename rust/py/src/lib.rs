//! The extension module `gateway._gateway`: the only crate that knows Python.
//!
//! Three classes (`Engine`, `Exchange`, `Snapshot`), a few functions, one exception tree.
//! Documents cross as JSON text; every call that may take long leaves the interpreter through
//! [`detach`].

mod detach;
mod documents;
mod engine;
mod errors;

use pyo3::prelude::*;

/// A request and its response, as a plugin sees them. Plugins come with a later release; the
/// name is part of the module's face already.
#[pyclass(frozen, module = "gateway._gateway")]
struct Exchange;

/// A published configuration.
#[pyclass(frozen, module = "gateway._gateway")]
struct Snapshot;

/// The version of this build.
#[pyfunction]
fn version() -> &'static str {
    gateway_engine::VERSION
}

/// Names of the plugins in this build, the first to run first.
#[pyfunction]
fn plugins() -> Vec<&'static str> {
    gateway_plugins::NAMES.to_vec()
}

#[pymodule]
fn _gateway(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<engine::Engine>()?;
    module.add_class::<Exchange>()?;
    module.add_class::<Snapshot>()?;
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(plugins, module)?)?;
    module.add_function(wrap_pyfunction!(documents::validate, module)?)?;
    module.add_function(wrap_pyfunction!(documents::check_file, module)?)?;
    module.add_function(wrap_pyfunction!(documents::parse_file, module)?)?;
    errors::add(module)
}
