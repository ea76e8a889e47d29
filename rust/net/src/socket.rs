//! One end of a byte stream as the exchange sees it: plain TCP, TLS or a test double.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// One end of a byte stream, polled by the exchange. Not `Send`: it lives on one worker.
pub trait Socket: std::fmt::Debug {
    /// Reads into `buf`; `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// What the operating system or the TLS peer reported.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some of `buf` and says how much was taken. A TLS socket counts plaintext;
    /// ciphertext that it still holds goes out on later calls and on [`Socket::poll_flush`].
    ///
    /// # Errors
    /// What the operating system or the TLS peer reported.
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Ready when nothing that was taken is still held back.
    ///
    /// # Errors
    /// What the operating system or the TLS peer reported.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Tells the peer that nothing more comes: `close_notify` where there is TLS, then
    /// `shutdown(SHUT_WR)`. Best effort.
    ///
    /// # Errors
    /// What the operating system or the TLS peer reported.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether [`poll_shutdown`](Socket::poll_shutdown) tells the peer more than closing would.
    fn has_last_word(&self) -> bool {
        true
    }

    /// Whether an idle connection was closed, or got bytes that nobody asked for. Asked
    /// without a system call.
    fn stale(&self) -> bool;
}

/// Plain TCP.
#[derive(Debug)]
pub struct TcpSocket(pub TcpStream);

impl Socket for TcpSocket {
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        // `AsyncRead` rather than `try_read`: a read that fills less than the buffer clears
        // readiness, so that the next one costs no system call to learn that nothing is there.
        let mut buf = ReadBuf::new(buf);
        match Pin::new(&mut self.0).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buf.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    #[inline]
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn has_last_word(&self) -> bool {
        false
    }

    #[inline]
    fn stale(&self) -> bool {
        self.0.try_io(Interest::READABLE, || Ok(())).is_ok()
    }
}
