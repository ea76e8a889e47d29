//! The catalogue of built-in plugins.
