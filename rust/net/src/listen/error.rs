//! Why an address could not be bound, in words that name the way out.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::holder;

/// A listening address that could not be had.
///
/// Its text is one line: what failed, where, why, and what to do.
#[derive(Debug)]
pub struct ListenError {
    address: SocketAddr,
    kind: ListenErrorKind,
    source: io::Error,
}

/// What stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenErrorKind {
    /// Somebody listens there already.
    InUse {
        /// The holder as `name (pid N)`, where `/proc` lets us see it.
        holder: Option<String>,
    },
    /// The port is privileged and this process is not.
    Permission,
    /// No interface of this machine has the address.
    NotAvailable,
    /// The process or the system has no file descriptor left.
    Descriptors,
    /// The system speaks no IPv6.
    NoIpv6,
    /// Anything else; the source says what.
    Other,
}

impl ListenError {
    pub(super) fn new(address: SocketAddr, source: io::Error) -> Self {
        let kind = match source.raw_os_error() {
            Some(libc::EADDRINUSE) => ListenErrorKind::InUse { holder: holder::of(address) },
            Some(libc::EACCES | libc::EPERM) => ListenErrorKind::Permission,
            Some(libc::EADDRNOTAVAIL) => ListenErrorKind::NotAvailable,
            Some(libc::EMFILE | libc::ENFILE) => ListenErrorKind::Descriptors,
            Some(libc::EAFNOSUPPORT) if address.is_ipv6() => ListenErrorKind::NoIpv6,
            _ => ListenErrorKind::Other,
        };
        Self { address, kind, source }
    }

    /// The address that was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The operating system's error number, 0 if it gave none.
    pub fn errno(&self) -> i32 {
        self.source.raw_os_error().unwrap_or(0)
    }

    /// What stood in the way.
    pub fn kind(&self) -> &ListenErrorKind {
        &self.kind
    }
}

impl Display for ListenError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { address, source, .. } = self;
        let port = address.port();
        write!(f, "cannot listen on {address}: ")?;
        match &self.kind {
            ListenErrorKind::InUse { holder: Some(holder) } => {
                write!(f, "the port is in use by {holder}; stop it or choose another port")
            }
            ListenErrorKind::InUse { holder: None } => {
                write!(
                    f,
                    "the port is in use; find its holder with `ss -ltnp sport = :{port}`, or choose another port"
                )
            }
            ListenErrorKind::Permission if port < 1024 => write!(
                f,
                "ports below 1024 need a privilege; grant CAP_NET_BIND_SERVICE, lower \
                 net.ipv4.ip_unprivileged_port_start, or choose a port from 1024 on"
            ),
            ListenErrorKind::Permission => {
                write!(
                    f,
                    "the system does not permit it ({source}); look at its security policy (SELinux, seccomp)"
                )
            }
            ListenErrorKind::NotAvailable => {
                write!(
                    f,
                    "no interface of this machine has the address; listen on {} instead",
                    any_of(address.ip())
                )
            }
            ListenErrorKind::Descriptors => {
                write!(
                    f,
                    "no file descriptor is left ({source}); raise worker_rlimit_nofile or `ulimit -n`"
                )
            }
            ListenErrorKind::NoIpv6 => {
                write!(f, "this system has no IPv6; remove the address or set enable_ipv6 to false")
            }
            ListenErrorKind::Other => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

fn any_of(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "0.0.0.0" } else { "[::]" }
}
