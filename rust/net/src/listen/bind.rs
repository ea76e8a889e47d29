//! Binding: which options a listening socket gets, and why.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use super::error::ListenError;

/// Connections the kernel may hold ready for one worker; the kernel lowers it to
/// `net.core.somaxconn` (4,096 since Linux 5.4).
pub const BACKLOG: i32 = 4096;

/// Binds one worker's listening socket at `address` and starts to listen.
///
/// Every worker calls it with the same address; the kernel spreads connections over them. Call
/// [`claim`] once before the first. With port 0 the kernel picks one: bind the other workers to
/// what `local_addr()` says.
///
/// # Errors
/// [`ListenError`] says what was refused, at which address, and what to do about it.
pub fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listen = || -> io::Result<TcpListener> {
        let socket = open(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        // On the listener, since accepted sockets inherit it. (BSD does not pass it on, but there
        // it is only slower.)
        socket.set_tcp_nodelay(true)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|source| ListenError::new(address, source))
}

/// Checks that `address` can be bound and that nobody else listens there, then lets go of it.
///
/// # Errors
/// As [`bind`]; a port in use is reported with the process that holds it, if `/proc` tells.
pub fn claim(address: SocketAddr) -> Result<(), ListenError> {
    let attempt = || open(address)?.bind(&address.into());
    attempt().map_err(|source| ListenError::new(address, source))
}

/// A non-blocking, close-on-exec socket that survives a restart: `SO_REUSEADDR` lets it bind while
/// connections of the last process linger in `TIME_WAIT` (it does not let two processes listen at
/// once). An IPv6 socket takes IPv6 only, so that `0.0.0.0` and `[::]` can be listed side by side
/// on any system.
fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}
