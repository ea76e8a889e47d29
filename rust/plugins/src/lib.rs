//! The catalogue of built-in plugins: a list written by hand, the first to run first.

/// Names of the built-in plugins. None are in this release.
pub const NAMES: [&str; 0] = [];
