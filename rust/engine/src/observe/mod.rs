//! What can be seen from outside: logs, metrics, response flags, and the clock that dates them.
//!
//! | module | what it answers |
//! |---|---|
//! | [`flags`] | who ended this request, and why |
//! | [`access_log`] | what was asked and answered, a line a request |
//! | [`error_log`] | what went wrong, a line an event |
//! | [`metrics`] | how much, how often, how long |
//! | [`log_file`] | where lines go: a file, a stream; a full disk, a rotation |
//! | [`clock`] | the time, as text |
//!
//! One rule holds in all of it: **looking never costs the request**. A worker writes only to memory
//! it owns; a log that cannot be written drops lines and counts them; a scrape reads what the
//! workers wrote and stops none of them.

pub mod access_log;
pub mod clock;
pub mod error_log;
pub mod flags;
#[cfg(test)]
mod generated;
pub mod log_file;
pub mod metrics;
