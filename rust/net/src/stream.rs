//! A byte stream of any kind behind one type, with plain TCP at no indirection.

use std::io;
use std::task::{Context, Poll};

use crate::socket::{Socket, TcpSocket};

/// Plain TCP, or anything else that is a [`Socket`].
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP, called directly.
    Tcp(TcpSocket),
    /// TLS, or a test double.
    Other(Box<dyn Socket>),
}

impl Socket for Stream {
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(socket) => socket.poll_read(cx, buf),
            Self::Other(socket) => socket.poll_read(cx, buf),
        }
    }

    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(socket) => socket.poll_write(cx, buf),
            Self::Other(socket) => socket.poll_write(cx, buf),
        }
    }

    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => socket.poll_flush(cx),
            Self::Other(socket) => socket.poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => socket.poll_shutdown(cx),
            Self::Other(socket) => socket.poll_shutdown(cx),
        }
    }

    fn has_last_word(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.has_last_word(),
            Self::Other(socket) => socket.has_last_word(),
        }
    }

    #[inline]
    fn stale(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.stale(),
            Self::Other(socket) => socket.stale(),
        }
    }
}
