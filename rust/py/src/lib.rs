//! The extension module: the only crate that knows Python.
