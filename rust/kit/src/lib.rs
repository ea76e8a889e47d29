//! Pure algorithms: radix tree, expressions, address sets, templates.

pub mod radix;
