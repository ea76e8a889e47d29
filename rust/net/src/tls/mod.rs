//! TLS on both sides: certificates by server name towards clients, verified connections towards
//! upstreams.
//!
//! ```text
//! publishing thread                          worker
//! PEM ── Certificate ── VirtualHost ─┐
//!                                    ├─ CertificateTable ── ServerHandshake ── ServerStream
//! SessionStore (one per process) ────┘
//! ClientOptions ── Trust ── ClientTls ───────────── ClientHandshake ── ClientStream
//! ```
//!
//! Everything on the left is immutable once built, so a certificate is replaced by building another
//! table and handing it to the handshakes that come after. Both streams are a
//! [`Socket`](crate::socket::Socket).
//!
//! What surprises:
//! - rustls is driven through its unbuffered interface, and all connections of a worker share one
//!   pair of scratch buffers: an idle connection holds no buffer at all.
//! - The last flight of a handshake (session tickets, the client's Finished) waits for the first
//!   write and leaves with it in one packet, or when a read finds nothing to do.
//! - A client's certificate is judged once a connection, also when it resumes a session: in the
//!   handshake where one is demanded, behind it where one is only asked for.
//! - Sessions are resumed only at the virtual host that issued them, and never after its
//!   configuration changed: what a host asks of its clients cannot be got round by resuming
//!   elsewhere.
//! - Without `close_notify` the end of a stream is `UnexpectedEof`, so that a truncated body is not
//!   taken for a whole one.

mod certificate;
mod client;
mod client_certificate;
mod client_verification;
mod der;
mod error;
mod host;
mod name;
mod scratch;
mod server;
mod sessions;
mod stream;
mod suites;
mod table;
mod verify;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use certificate::{Certificate, CertificateError};
pub use client::{ClientHandshake, ClientOptions, ClientStream, ClientTls, Trust, TrustError};
pub use client_certificate::ClientCertificate;
pub use client_verification::ClientVerification;
pub use error::{HandshakeError, HandshakeFailure, PlainHttp};
pub use host::{HostError, HostOptions, VirtualHost};
pub use server::{Accepted, ServerHandshake, ServerStream};
pub use sessions::SessionStore;
pub use stream::TlsStream;
pub use suites::Versions;
pub use table::CertificateTable;
