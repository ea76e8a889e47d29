//! HTTP/2 towards upstreams: few connections, many requests on each.
//!
//! | type | what it is |
//! |---|---|
//! | [`Connections`] | the connections of one worker, and who waits for one |
//! | [`Connection`] | one of them; [`Connection::send`] begins a request on it |
//! | [`Driver`] | the task that reads and writes it, and all its streams with it |
//! | [`Stream`] | one request and its answer |
//! | [`Fault`] | why a stream ended before its time, and whether the upstream did anything |
//!
//! A request that has to go somewhere asks [`Connections::place`], which answers with a
//! connection that has room, with a wait for one that is being opened, or with the leave to open
//! one:
//!
//! ```no_run
//! use gateway_net::h2::client::{Connections, Fault, Head, Place, connect};
//! use gateway_net::pool::Limits;
//! # use gateway_net::stream::Stream;
//! # type Dial = fn() -> Stream;
//!
//! # async fn ask(pool: &mut Connections, limits: Limits, head: Head<'_>, dial: Dial) -> Result<(), Fault> {
//! let peer = "10.0.0.1:80".parse().expect("an address");
//! let connection = match pool.place(1, peer, limits) {
//!     Place::Ready(connection) => connection,
//!     Place::Wait(waiting) => return Ok(waiting.changed().await), // and ask again
//!     Place::Open(opening) => {
//!         let (connection, driver) = connect(dial(), peer, opening, 0).await?;
//!         tokio::task::spawn_local(driver);
//!         connection
//!     }
//! };
//! let request = head.build().expect("a head that HTTP/2 can say");
//! let stream = connection.send(request, true)?;
//! # Ok(())
//! # }
//! ```
//!
//! What surprises:
//! - a connection carries one request until its server has said how many it takes; the others
//!   wait for that word, which comes with the first bytes, and not for the first answer.
//! - windows: 64 KiB a stream, and for a connection as much as all its streams have together, so
//!   that a client that does not read never holds up another one's answer.

mod connection;
mod fault;
mod pool;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Driver, connect};
pub use fault::Fault;
pub use pool::{Connections, Opening, Place, Waiting};
pub use request::{Head, Unfit};
pub use stream::Stream;

/// Requests on one connection at a time, at most; a server may allow fewer. What Envoy and nginx
/// take is 100 and 128.
pub const STREAMS: usize = 100;
/// Bytes of an answer that may be under way on one stream: HTTP/2's own default.
const STREAM_WINDOW: u32 = 65_535;
/// Bytes under way on one connection: all its streams may fill their windows.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS as u32;
/// Bytes of a request that are held back for want of a window; beyond it, writers wait.
const SEND_BUFFER: usize = 64 << 10;
/// Bytes that a header block of an answer may have once decoded, as for HTTP/1.
const HEADER_LIST: u32 = 64 << 10;
