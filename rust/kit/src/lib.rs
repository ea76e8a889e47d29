//! Pure algorithms: trees, expressions, sets, rings, averages, budgets, templates.

pub mod ewma;
pub mod expr;
pub mod ip_set;
pub mod ketama;
pub mod path_pattern;
pub mod radix;
pub mod retry_budget;
pub mod template;
pub mod uri;
pub mod weighted;
