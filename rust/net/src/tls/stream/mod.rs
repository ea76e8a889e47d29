//! A TLS connection over a TCP socket: the record layer between [`Socket`] and rustls.
//!
//! rustls' unbuffered interface is a state machine that is handed received bytes and says what to
//! do next. [`TlsStream::step`] does one such thing; reading, writing and shaking hands are loops
//! around it. What it asks to be sent gathers in `unsent` and leaves with the next write, or when a
//! read or the handshake would otherwise wait.

#[cfg(test)]
mod tests;

use std::fmt::{self, Formatter};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::CommonState;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::CertificateDer;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus, WriteTraffic,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::socket::Socket;
use crate::tls::error::HandshakeError;
use crate::tls::scratch::{READ, RECORD, SCRATCH, WRITE, WRITE_SLACK};
use crate::tls::suites::{cipher_name, version_name};

/// A TLS connection whose handshake is done: [`ServerStream`](crate::tls::ServerStream) towards
/// clients, [`ClientStream`](crate::tls::ClientStream) towards upstreams.
pub struct TlsStream<C> {
    socket: TcpStream,
    tls: Box<C>,
    /// Ciphertext that was received and not yet understood: an unfinished record, or whole ones
    /// that the reader had no room for (`backlog`).
    held: Vec<u8>,
    /// Plaintext that the reader had no room for, from `plain_at` on.
    plain: Vec<u8>,
    plain_at: usize,
    /// Ciphertext to send, from `unsent_at` on.
    unsent: Vec<u8>,
    unsent_at: usize,
    flags: Flags,
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `held` may contain a whole record.
    backlog: bool,
    /// The peer said that nothing more comes.
    peer_closed: bool,
    /// We said so, or failed.
    closed: bool,
    /// The socket took less than `unsent`: nothing more is encrypted before it is sent.
    blocked: bool,
}

/// Which end of the connection we are: rustls has a type for each.
pub trait Side {
    /// What rustls keeps for this end.
    type Data;

    /// Takes received bytes; what is to be done next.
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// What was agreed on.
    fn state(&self) -> &CommonState;
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    #[inline]
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ServerConnectionData> {
        self.process_tls_records(incoming)
    }

    #[inline]
    fn state(&self) -> &CommonState {
        self
    }
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    #[inline]
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ClientConnectionData> {
        self.process_tls_records(incoming)
    }

    #[inline]
    fn state(&self) -> &CommonState {
        self
    }
}

/// What one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There is more to do with the same input.
    Again,
    /// A record was decrypted.
    Plaintext,
    /// Nothing more can be done without further input.
    NeedsInput,
    /// The peer said that nothing more comes.
    PeerClosed,
    /// Both ends said so.
    Closed,
}

/// A step that failed, and how much of the input was used up before.
struct Failure {
    used: usize,
    error: rustls::Error,
}

/// Where plaintext goes: the reader's buffer, then the connection's own.
struct Sink<'a> {
    buf: &'a mut [u8],
    filled: usize,
    overflow: &'a mut Vec<u8>,
}

impl<'a> Sink<'a> {
    fn new(buf: &'a mut [u8], overflow: &'a mut Vec<u8>) -> Self {
        Self { buf, filled: 0, overflow }
    }

    #[inline]
    fn put(&mut self, plaintext: &[u8]) {
        let room = &mut self.buf[self.filled..];
        let fits = plaintext.len().min(room.len());
        room[..fits].copy_from_slice(&plaintext[..fits]);
        self.filled += fits;
        self.overflow.extend_from_slice(&plaintext[fits..]);
    }

    fn room(&self) -> usize {
        self.buf.len() - self.filled
    }
}

impl<C> TlsStream<C> {
    /// The TCP connection below, for its addresses and options.
    pub fn tcp(&self) -> &TcpStream {
        &self.socket
    }

    /// Reads ciphertext to `incoming` behind the first `end` bytes, which are not understood yet.
    #[inline]
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        incoming: &mut [u8],
        end: usize,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        // Only a message cut into absurdly many records leaves too little room.
        let Some(room) = incoming.get_mut(end..end + most) else {
            let error = rustls::InvalidMessage::HandshakePayloadTooLarge;
            return Poll::Ready(Err(invalid(error.into())));
        };
        // As for plain TCP, `AsyncRead` saves the call that would find nothing more.
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }

    /// Sends what must leave; ready when all of it has.
    fn send_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent_at < self.unsent.len() {
            self.flags.blocked = true;
            let rest = &self.unsent[self.unsent_at..];
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.unsent_at += n,
            }
        }
        self.unsent = Vec::new();
        self.unsent_at = 0;
        self.flags.blocked = false;
        Poll::Ready(Ok(()))
    }

    /// Takes what is held back to the front of `incoming`; its length.
    #[inline]
    fn unhold(&mut self, incoming: &mut [u8]) -> usize {
        let held = std::mem::take(&mut self.held);
        incoming[..held.len()].copy_from_slice(&held);
        held.len()
    }

    #[inline]
    fn hold(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            self.held = rest.to_vec();
        }
    }

    /// Hands out plaintext that was kept for the reader.
    fn take_plain(&mut self, buf: &mut [u8]) -> usize {
        let rest = &self.plain[self.plain_at..];
        let taken = rest.len().min(buf.len());
        buf[..taken].copy_from_slice(&rest[..taken]);
        self.plain_at += taken;
        if self.plain_at == self.plain.len() {
            self.plain = Vec::new();
            self.plain_at = 0;
        }
        taken
    }
}

impl<C: Side> TlsStream<C> {
    /// A connection before its handshake; `received` is what has been read already.
    pub(in crate::tls) fn new(socket: TcpStream, tls: C, received: Vec<u8>) -> Self {
        Self {
            socket,
            tls: Box::new(tls),
            held: received,
            plain: Vec::new(),
            plain_at: 0,
            unsent: Vec::new(),
            unsent_at: 0,
            flags: Flags::default(),
        }
    }

    /// The protocol agreed on by ALPN.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.tls.state().alpn_protocol()
    }

    /// The version as nginx's `$ssl_protocol` prints it.
    pub fn version(&self) -> &'static str {
        self.tls.state().protocol_version().map_or("", version_name)
    }

    /// The cipher suite as nginx's `$ssl_cipher` prints it.
    pub fn cipher(&self) -> &'static str {
        self.tls.state().negotiated_cipher_suite().map_or("", |suite| cipher_name(suite.suite()))
    }

    /// What the peer showed of itself, leaf first.
    pub(in crate::tls) fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.tls.state().peer_certificates()
    }

    fn tls13(&self) -> bool {
        self.tls.state().protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
    }

    /// Whether an earlier session was resumed (nginx's `$ssl_session_reused`).
    pub fn resumed(&self) -> bool {
        self.tls.state().handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Does the next thing that TLS asks for with `incoming`; how much of that is used up, and what
    /// came of it. When TLS can write, `write` may.
    #[inline]
    fn step(
        tls: &mut C,
        incoming: &mut [u8],
        unsent: &mut Vec<u8>,
        sink: &mut Sink<'_>,
        write: impl FnOnce(WriteTraffic<'_, C::Data>),
    ) -> Result<(usize, Step), Failure> {
        let UnbufferedStatus { discard: mut used, state } = tls.process(incoming);
        let fail = |used, error| Err(Failure { used, error });
        let step = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            used += record.discard;
                            sink.put(record.payload);
                        }
                        Err(error) => return fail(used, error),
                    }
                }
                Step::Plaintext
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                encode(&mut data, unsent);
                Step::Again
            }
            // Not sent yet, but in our keeping: it leaves in order, before anything later.
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Step::Again
            }
            Ok(ConnectionState::WriteTraffic(traffic)) => {
                write(traffic);
                Step::NeedsInput
            }
            Ok(ConnectionState::BlockedHandshake) => Step::NeedsInput,
            Ok(ConnectionState::PeerClosed) => Step::PeerClosed,
            Ok(ConnectionState::Closed) => Step::Closed,
            // Early data, which is neither offered nor accepted.
            Ok(_) => return fail(used, rustls::Error::General("early data".into())),
            Err(error) => return fail(used, error),
        };
        Ok((used, step))
    }

    /// After a failure: lets the alert that says why leave, if the socket takes it at once.
    fn alert(&mut self, incoming: &mut [u8], failure: Failure) -> rustls::Error {
        let rest = &mut incoming[failure.used..];
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = self.tls.process(rest).state {
            encode(&mut data, &mut self.unsent);
            let _ = self.socket.try_write(&self.unsent[self.unsent_at..]);
        }
        self.flags.closed = true;
        failure.error
    }

    /// Drives the handshake to its end. The caller bounds its time.
    ///
    /// The last flight of TLS 1.3 stays in `unsent`, to leave with the first write: a client has
    /// its request ready by then, and nobody waits for a server's session tickets. In TLS 1.2 the
    /// client waits for the server's Finished.
    pub(in crate::tls) fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), HandshakeError>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let incoming = &mut scratch.incoming[..];
            let mut end = self.unhold(incoming);
            loop {
                let used = self.shake(&mut incoming[..end])?;
                if !self.tls.state().is_handshaking() {
                    self.hold(&incoming[used..end]);
                    if !self.tls13() {
                        let _ = self.send_unsent(cx)?;
                    }
                    return Poll::Ready(Ok(()));
                }
                incoming.copy_within(used..end, 0);
                end -= used;
                // Pending or not: the task is woken for both directions.
                let _ = self.send_unsent(cx)?;
                match self.receive(cx, incoming, end, RECORD) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(HandshakeError::Closed)),
                    Poll::Ready(Ok(n)) => end += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {
                        self.hold(&incoming[..end]);
                        return Poll::Pending;
                    }
                }
            }
        })
    }

    /// Shakes hands as far as `incoming` goes; how much of it is used up. Plaintext that came right
    /// behind is kept for the reader.
    fn shake(&mut self, incoming: &mut [u8]) -> Result<usize, HandshakeError> {
        let mut start = 0;
        let mut sink = Sink::new(&mut [], &mut self.plain);
        loop {
            let input = &mut incoming[start..];
            match Self::step(&mut self.tls, input, &mut self.unsent, &mut sink, |_| {}) {
                Ok((used, Step::Again | Step::Plaintext)) => start += used,
                Ok((used, Step::NeedsInput)) => return Ok(start + used),
                Ok((_, Step::PeerClosed | Step::Closed)) => return Err(HandshakeError::Closed),
                Err(failure) => return Err(self.alert(&mut incoming[start..], failure).into()),
            }
        }
    }

    /// Reads until a record brings plaintext.
    fn read_records(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        incoming: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut end = self.unhold(incoming);
        loop {
            if self.flags.peer_closed {
                return Poll::Ready(Ok(0));
            }
            if !self.flags.backlog {
                let most = if buf.len() < RECORD { RECORD } else { READ };
                match self.receive(cx, incoming, end, most) {
                    Poll::Ready(Ok(0)) => {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    Poll::Ready(Ok(n)) => end += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        self.hold(&incoming[..end]);
                        // There will be no write to go with.
                        if !self.unsent.is_empty() {
                            let _ = self.send_unsent(cx)?;
                        }
                        return Poll::Pending;
                    }
                }
            }
            let (used, filled) = self.decrypt(&mut incoming[..end], buf)?;
            if filled > 0 {
                self.hold(&incoming[used..end]);
                return Poll::Ready(Ok(filled));
            }
            incoming.copy_within(used..end, 0);
            end -= used;
        }
    }

    /// Decrypts the records in `incoming` while `buf` has room for the next one: how much of
    /// `incoming` is used up, and how much of `buf` is filled.
    fn decrypt(&mut self, incoming: &mut [u8], buf: &mut [u8]) -> io::Result<(usize, usize)> {
        let mut start = 0;
        let mut sink = Sink::new(buf, &mut self.plain);
        self.flags.backlog = false;
        loop {
            let input = &mut incoming[start..];
            match Self::step(&mut self.tls, input, &mut self.unsent, &mut sink, |_| {}) {
                Ok((used, Step::Again)) => start += used,
                Ok((used, Step::Plaintext)) => {
                    start += used;
                    let rest = &incoming[start..];
                    if rest.is_empty() {
                        break;
                    }
                    if sink.filled > 0 && sink.room() < record_size(rest) {
                        self.flags.backlog = true;
                        break;
                    }
                }
                Ok((used, Step::NeedsInput)) => {
                    start += used;
                    break;
                }
                Ok((_, Step::PeerClosed | Step::Closed)) => {
                    self.flags.peer_closed = true;
                    start = incoming.len(); // nothing behind it counts
                    break;
                }
                Err(failure) => {
                    let filled = sink.filled;
                    let error = self.alert(&mut incoming[start..], failure);
                    // What came before the bad record is good: the reader gets it, then the error.
                    return if filled > 0 { Ok((start, filled)) } else { Err(invalid(error)) };
                }
            }
        }
        Ok((start, sink.filled))
    }

    /// Encrypts up to [`WRITE`] bytes behind what must leave first, and sends all of it at once.
    fn write_records(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        outgoing: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let taken = buf.len().min(WRITE);
        let mut encrypted = None;
        self.with_traffic(|mut traffic| {
            encrypted = Some(traffic.encrypt(&buf[..taken], &mut outgoing[WRITE_SLACK..]));
        })?;
        let encrypted = match encrypted {
            Some(Ok(n)) => n,
            Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            None => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        let waiting = &self.unsent[self.unsent_at..];
        if waiting.len() > WRITE_SLACK {
            self.unsent.extend_from_slice(&outgoing[WRITE_SLACK..][..encrypted]);
            let _ = self.send_unsent(cx)?;
            return Poll::Ready(Ok(taken));
        }
        let begin = WRITE_SLACK - waiting.len();
        outgoing[begin..WRITE_SLACK].copy_from_slice(waiting);
        let message = &outgoing[begin..WRITE_SLACK + encrypted];
        let sent = match Pin::new(&mut self.socket).poll_write(cx, message) {
            Poll::Ready(Ok(sent)) => sent,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => 0,
        };
        self.unsent_at = 0;
        if sent == message.len() {
            if !self.unsent.is_empty() {
                self.unsent = Vec::new();
            }
        } else {
            self.unsent = message[sent..].to_vec();
            self.flags.blocked = true;
        }
        Poll::Ready(Ok(taken))
    }

    /// Lets TLS catch up with what was received, then lends its writing end to `write` (not before
    /// the handshake is done).
    fn with_traffic(&mut self, mut write: impl FnMut(WriteTraffic<'_, C::Data>)) -> io::Result<()> {
        // TLS remembers where in `held` it is, so it must see it again. If a whole record is in
        // there, its plaintext is kept for the reader.
        let mut held = std::mem::take(&mut self.held);
        let mut start = 0;
        let mut sink = Sink::new(&mut [], &mut self.plain);
        loop {
            let input = &mut held[start..];
            match Self::step(&mut self.tls, input, &mut self.unsent, &mut sink, &mut write) {
                Ok((used, Step::Again | Step::Plaintext)) => start += used,
                Ok((used, Step::PeerClosed)) => {
                    start += used;
                    self.flags.peer_closed = true;
                }
                Ok((used, Step::NeedsInput)) => {
                    start += used;
                    break;
                }
                Ok((_, Step::Closed)) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(failure) => return Err(invalid(self.alert(&mut held[start..], failure))),
            }
        }
        self.flags.backlog = false;
        if start < held.len() {
            held.drain(..start);
            self.held = held;
        }
        Ok(())
    }
}

impl<C: Side> Socket for TlsStream<C> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.plain.is_empty() {
            return Poll::Ready(Ok(self.take_plain(buf)));
        }
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        SCRATCH.with_borrow_mut(|scratch| self.read_records(cx, buf, &mut scratch.incoming))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.flags.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.flags.blocked {
            ready!(self.send_unsent(cx))?;
        }
        SCRATCH.with_borrow_mut(|scratch| self.write_records(cx, buf, &mut scratch.outgoing))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.is_empty() { Poll::Ready(Ok(())) } else { self.send_unsent(cx) }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.flags.closed {
            self.flags.closed = true;
            let mut notice = [0; 64];
            let mut length = 0;
            // A connection that is broken already has nothing to say.
            let _ = self.with_traffic(|mut traffic| {
                length = traffic.queue_close_notify(&mut notice).unwrap_or(0);
            });
            self.unsent.extend_from_slice(&notice[..length]);
        }
        ready!(self.send_unsent(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn stale(&self) -> bool {
        self.flags.peer_closed
            || self.flags.closed
            || !self.held.is_empty()
            || !self.plain.is_empty()
            || self.socket.try_io(Interest::READABLE, || Ok(())).is_ok()
    }
}

impl<C> fmt::Debug for TlsStream<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Appends a handshake message or alert to what must be sent.
fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, unsent: &mut Vec<u8>) {
    let begin = unsent.len();
    // The first call tells the size.
    if let Err(EncodeError::InsufficientSize(error)) = data.encode(&mut []) {
        unsent.resize(begin + error.required_size, 0);
        let written = data.encode(&mut unsent[begin..]);
        debug_assert!(written.is_ok(), "encoded into the size it asked for");
    }
}

/// How many bytes the record at the front of `incoming` may decrypt to; 0 if that is not known yet.
fn record_size(incoming: &[u8]) -> usize {
    incoming.get(3..5).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])))
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
