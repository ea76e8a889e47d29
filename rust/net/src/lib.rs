//! Sockets and wire: listeners, HTTP/1, TLS.

pub mod listen;
pub mod pool;
pub mod socket;
pub mod stream;
