//! Second opinions for the fuzz targets: APISIX's rules written down in the plainest way, from its
//! documentation and from lua-resty-expr's, lua-resty-ipmatcher's and lua-resty-radixtree's
//! behaviour. They share no code with what they are compared with, and speed is not their aim.
//!
//! - [`routes`]: which route a request takes, by looking at all of them.
//! - [`expression`]: whether a `vars` expression holds, read from its JSON each time.
//! - [`address`]: networks as texts of zeros and ones.
//! - [`lua`]: numbers as Lua reads and writes them.
//! - [`words`]: what the targets make expressions of.

pub mod address;
pub mod expression;
pub mod lua;
pub mod path;
pub mod routes;
pub mod words;
