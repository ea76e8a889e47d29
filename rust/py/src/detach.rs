//! The one door out of the interpreter.

use pyo3::prelude::*;

/// Runs `work` without the interpreter, so that other Python threads and hooks go on meanwhile.
pub(crate) fn detach<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
