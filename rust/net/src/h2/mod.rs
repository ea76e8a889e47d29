//! HTTP/2 on the wire (RFC 9113): framing, HPACK and flow control are the `h2` crate's.
//!
//! | module | part |
//! |---|---|
//! | [`client`] | connections to upstreams, and the streams on them |
//! | [`wire`] | the byte stream under a connection, which writes once a turn |
//! | [`fields`] | our header fields to the crate's and back |

pub mod client;
pub mod fields;
pub mod wire;
