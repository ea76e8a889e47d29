//! Listening TCP sockets: one per worker and address, and an accept loop that does not die.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use gateway_net::listen::{self, Listener};
//!
//! let address = "0.0.0.0:9080".parse()?;
//! listen::claim(address)?; // once, on the main thread: is the address free and ours to use?
//! let socket = listen::bind(address)?; // once per worker
//! let mut listener = Listener::new(socket)?; // on the worker, inside its runtime
//! let (stream, client) = listener.accept().await;
//! # drop((stream, client)); Ok(()) }
//! ```
//!
//! What surprises:
//! - With `SO_REUSEPORT` a second gateway of the same user could bind the same address and take
//!   half of the connections without a word. [`claim`] binds once without it, so that a port in use
//!   is an error.
//! - `TCP_NODELAY` is set on the *listening* socket: Linux copies it to every accepted one, which
//!   saves a system call per connection.
//! - [`Listener::accept`] never fails. When the process is out of file descriptors it spends a
//!   reserved one to accept and close the waiting connections, so that clients are refused at once
//!   instead of hanging.

mod bind;
mod error;
mod holder;
mod listener;
#[cfg(test)]
mod tests;

pub use bind::{BACKLOG, bind, claim};
pub use error::{ListenError, ListenErrorKind};
pub use listener::Listener;
