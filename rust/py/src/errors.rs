//! The exception tree, and how failures of the engine become exceptions.

use gateway_engine::publish::Problem;
use gateway_engine::supervisor::StartError;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;

create_exception!(_gateway, ConfigError, PyException, "Settings that cannot be used.");
create_exception!(_gateway, ListenError, PyOSError, "An address that cannot be listened on.");
create_exception!(_gateway, Rejected, PyException, "Changes that were refused whole.");
create_exception!(_gateway, Invalid, PyException, "A document its schema refuses.");

/// Adds the exceptions to the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("ConfigError", py.get_type::<ConfigError>())?;
    module.add("ListenError", py.get_type::<ListenError>())?;
    module.add("Rejected", py.get_type::<Rejected>())?;
    module.add("Invalid", py.get_type::<Invalid>())
}

/// `Rejected` with the problems as JSON.
pub(crate) fn rejected(problems: &[Problem]) -> PyErr {
    Rejected::new_err(json(problems))
}

/// `ListenError` with (errno, reason, address), or the operating system's own error.
pub(crate) fn start(error: StartError) -> PyErr {
    match error {
        StartError::Listen(error) => {
            let address = error.address().to_string();
            ListenError::new_err((error.errno(), error.to_string(), address))
        }
        StartError::System(error) => error.into(),
    }
}

fn json(problems: &[Problem]) -> String {
    // Strings and numbers always serialise.
    serde_json::to_string(problems).unwrap_or_default()
}
