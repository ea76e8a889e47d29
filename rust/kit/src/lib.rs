//! Pure algorithms: radix tree, expressions, address sets, templates.
