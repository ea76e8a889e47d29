//! Pure algorithms: radix tree, expressions, address sets, templates.

pub mod expr;
pub mod ip_set;
pub mod path_pattern;
pub mod radix;
pub mod template;
pub mod uri;
pub mod weighted;
