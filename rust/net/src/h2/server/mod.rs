//! HTTP/2 from clients: one connection, many requests at a time.
//!
//! | type | what it is |
//! |---|---|
//! | [`Connection`] | reads and writes the connection, and all its streams with it |
//! | [`Incoming`] | a request that a client began: its head, and its [`ServerStream`] |
//! | [`ServerStream`] | the rest of a request, and its answer |
//!
//! ```no_run
//! use std::future::poll_fn;
//!
//! use gateway_core::headers::Headers;
//! use gateway_net::h1::{Limits, RequestHead};
//! use gateway_net::h2::server::Connection;
//! # use gateway_net::stream::Stream;
//!
//! # async fn serve(stream: Stream) {
//! let mut connection = Connection::new(stream, Vec::new());
//! while let Some(incoming) = poll_fn(|cx| connection.poll_next(cx)).await {
//!     let mut request = RequestHead::default();
//!     match incoming.read(&Limits::default(), &mut request) {
//!         Ok(mut stream) => stream.send_head(204, &Headers::default(), None, true).unwrap_or(()),
//!         Err((mut stream, _)) => stream.reset_malformed(),
//!     }
//! }
//! # }
//! ```
//!
//! What surprises:
//! - nothing is sent but by [`Connection::poll_next`]: its task is woken when a stream has
//!   something to send, and so runs once after all streams of a turn.
//! - the `h2` crate checks most of RFC 9113 section 8 and resets such streams by itself; what it
//!   leaves to its users is checked by [`Incoming::read`].

mod connection;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use connection::{Connection, PREFACE};
pub use request::Incoming;
pub use stream::{Gone, ServerStream};

/// Requests at a time on one connection.
pub const STREAMS: u32 = 100;
/// Bytes of a request body that may be under way on one stream.
const STREAM_WINDOW: u32 = 64 << 10;
/// Bytes of request bodies that may be under way on one connection.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Bytes of an answer that are held for a client without window; beyond it, writers wait.
const SEND_BUFFER: usize = 64 << 10;
/// Bytes of a decoded header list, with 32 for each field (RFC 9113 section 6.5.2).
const HEADER_LIST: u32 = 32 << 10;
/// Streams that a client may make the gateway reset by breaking the protocol on them.
const PROVOKED_RESETS: usize = 100;
/// Streams that a client may have reset before the gateway took note of them.
const UNSEEN_RESETS: usize = 20;
/// Streams whose reset is remembered, so that frames still under way do no harm.
const RESETS_KEPT: usize = 50;
