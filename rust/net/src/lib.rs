//! Sockets and wire: listeners, HTTP/1, TLS.

pub mod pool;
pub mod socket;
pub mod stream;
