//! HTTP/2 on the wire (RFC 9113): framing, HPACK and flow control are the `h2` crate's.
//!
//! | module | part |
//! |---|---|
//! | [`client`] | connections to upstreams, and the streams on them |
//! | [`server`] | connections from clients, and the streams on them |
//! | [`wire`] | the byte stream under a connection, which writes once a turn |
//! | [`guard`](Guard) | how much a peer may send that is of no use |
//! | `answers` | which answers to a client have not left |
//! | [`fields`] | our header fields to the crate's and back |

mod answers;
mod block;
pub mod client;
pub mod fields;
mod guard;
pub mod server;
pub mod wire;

pub use guard::Guard;
