//! The words of the gateway: what every other crate speaks, and nothing that does.

pub mod config;
pub mod headers;
pub mod method;
pub mod schema;
pub mod source;
