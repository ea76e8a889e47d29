//! The accept loop of one worker and address.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// How long accepting rests when the process is out of descriptors and no reserve could be spent.
/// Long enough not to spin, short against the half second in which a client should notice that the
/// gateway has healed.
const REST: Duration = Duration::from_millis(5);

/// Connections refused in a row before accepting rests, so that a storm of reconnecting clients
/// leaves the worker time for the requests it has.
const REFUSALS_IN_A_ROW: u32 = 64;

/// Descriptors that clients leave to upstream connections and to the rest of the process.
const KEPT_BACK: u64 = 1_024;

/// A worker's listening socket.
///
/// Create it inside the worker's runtime. Dropping it resets what the kernel holds ready: a
/// draining worker first takes it with [`accept_queued`](Self::accept_queued).
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// An open descriptor of no use but to be closed when there is no other; empty while it is
    /// spent.
    reserve: Option<File>,
    rest: Option<Pin<Box<Sleep>>>,
    refused: u64,
    /// Clients get descriptors below this one.
    clients_below: RawFd,
}

impl Listener {
    /// Takes over a socket from [`bind`](super::bind).
    ///
    /// # Errors
    /// When there is no descriptor left for the reserve, or outside a runtime.
    pub fn new(socket: std::net::TcpListener) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let socket = TcpListener::from_std(socket)?;
        let reserve = Some(open_reserve()?);
        Ok(Self {
            socket,
            address,
            reserve,
            rest: None,
            refused: 0,
            clients_below: clients_below(),
        })
    }

    /// The address it listens on, with the port the kernel picked if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Connections closed unserved because the process had no descriptor to spare; for the metrics.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The next connection and who made it. Never fails, never spins; see
    /// [`poll_accept`](Self::poll_accept).
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for the next connection.
    ///
    /// A connection that failed before it was accepted is passed over. Without descriptors the
    /// reserve is spent to refuse those who wait, and accepting goes on as soon as one is free
    /// again. Clients do not get the last descriptors: the requests they send need connections to
    /// upstreams, and the process its files.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        let mut refusals = 0;
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.as_mut().poll(cx));
                self.rest = None;
            }
            let error = match ready!(self.socket.poll_accept(cx)) {
                Ok(accepted) => {
                    if self.reserve.is_none() {
                        self.reserve = open_reserve().ok();
                    }
                    // The kernel gives out the lowest number that is free.
                    if accepted.0.as_raw_fd() < self.clients_below {
                        return Poll::Ready(accepted);
                    }
                    drop(accepted);
                    self.refused += 1;
                    refusals += 1;
                    if refusals >= REFUSALS_IN_A_ROW {
                        self.rest = Some(Box::pin(sleep(REST)));
                    }
                    continue;
                }
                Err(error) => error,
            };
            match error.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => {
                    if refusals < REFUSALS_IN_A_ROW && self.refuse() {
                        refusals += 1;
                    } else {
                        self.rest = Some(Box::pin(sleep(REST)));
                    }
                }
                // The kernel's memory ran out: nothing of ours to spend.
                Some(libc::ENOBUFS | libc::ENOMEM) => self.rest = Some(Box::pin(sleep(REST))),
                // The connection's own error (accept(2) lists them: ECONNABORTED, EPROTO, ENETDOWN,
                // EHOSTUNREACH …): it is gone, the next one may be well.
                _ => {}
            }
        }
    }

    /// A connection that the kernel holds ready; None if there is none, or no descriptor for it.
    ///
    /// The kernel is asked, not the runtime, which may not have heard of the connection yet.
    pub fn accept_queued(&mut self) -> Option<(TcpStream, SocketAddr)> {
        let (socket, address) = socket2::SockRef::from(&self.socket).accept().ok()?;
        socket.set_nonblocking(true).ok()?;
        let stream = TcpStream::from_std(socket.into()).ok()?;
        Some((stream, address.as_socket()?))
    }

    /// Gives the reserve up for a moment to accept one connection and close it. False if that did
    /// not work.
    fn refuse(&mut self) -> bool {
        let spent = self.reserve.take().is_some();
        // socket2's accept borrows the descriptor; the socket stays registered with the runtime.
        let accepted = spent.then(|| socket2::SockRef::from(&self.socket).accept());
        let refused = matches!(&accepted, Some(Ok(_)));
        // Closed before the reserve is opened again, since it holds the only free descriptor.
        drop(accepted);
        self.reserve = open_reserve().ok();
        self.refused += u64::from(refused);
        refused
    }
}

/// Clients get half of the descriptors that the process may have; of many, all but [`KEPT_BACK`].
fn clients_below() -> RawFd {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    RawFd::try_from(limit - KEPT_BACK.min(limit / 2)).unwrap_or(RawFd::MAX)
}

fn open_reserve() -> io::Result<File> {
    File::open("/dev/null")
}
