//! Sockets and wire: listeners, the PROXY protocol, HTTP/1, HTTP/2, TLS.

pub mod h1;
pub mod h2;
pub mod listen;
pub mod pool;
pub mod proxy_protocol;
pub mod resolve;
pub mod socket;
pub mod stream;
pub mod tls;
