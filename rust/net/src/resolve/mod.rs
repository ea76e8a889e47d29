//! Names of upstream nodes to addresses, through a cache that keeps requests from waiting for DNS.
//!
//! ```no_run
//! # use std::time::Instant;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use gateway_net::resolve::{Options, Resolver};
//!
//! let resolver = Resolver::new(&Options::default())?; // one per worker
//! let addresses = match resolver.cached("backend.internal", Instant::now()) {
//!     Some(addresses) => addresses, // nearly always
//!     None => resolver.lookup("backend.internal").await?,
//! };
//! # drop(addresses); Ok(()) }
//! ```
//!
//! A request waits only for the first answer about a name. Once an answer's time is up it is still
//! served for [`GRACE`] while a newer one is fetched behind it, and for [`STALE`] while the name
//! servers fail to give one (RFC 8767). An answer that the name is gone replaces it at once.
//!
//! What surprises:
//! - IPv6 addresses are asked for only where there is no IPv4 address, as APISIX asks.
//! - `/etc/hosts` comes first and is read again when it changes; search domains are tried as
//!   `resolv.conf` says.
//! - At most [`MOST_ADDRESSES`] of an answer are kept.
//! - Lookups run as local tasks: a [`Resolver`] needs a `LocalRuntime` or a `LocalSet`.

mod cache;
mod dns;
mod error;
mod hosts;
mod options;
#[cfg(test)]
mod tests;

pub use cache::{GRACE, Resolver, STALE};
pub use dns::MOST_ADDRESSES;
pub use error::{ResolveError, ResolveErrorKind};
pub use options::{Options, OptionsError};
