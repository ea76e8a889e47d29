//! The server's side of a handshake: the client's hello chooses the virtual host, the host's
//! configuration does the rest.

use std::fmt::{self, Formatter};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::UnixTime;
use rustls::server::{Accepted as Parsed, Acceptor, UnbufferedServerConnection};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::client_certificate::ClientCertificate;
use super::error::{HandshakeError, PlainHttp};
use super::host::VirtualHost;
use super::scratch::{READ, RECORD, SCRATCH};
use super::stream::TlsStream;
use super::table::CertificateTable;

/// A client's TLS connection.
pub type ServerStream = TlsStream<UnbufferedServerConnection>;

/// `content_type` of a handshake record (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// A fatal `unrecognized_name` alert, before anything is encrypted (RFC 6066 section 3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: ServerStream,
    /// The name the client asked for, in lower case.
    pub server_name: Option<Box<str>>,
    /// The host that answered, which is the fallback's if the client asked for none.
    pub host: Arc<VirtualHost>,
    /// The certificate that the client showed, now or in the session that it resumed.
    pub client: Option<ClientCertificate>,
}

impl Accepted {
    /// Judges the client's certificate unless the handshake has. A session keeps the certificate
    /// that it began with, not the verdict: by now it may have expired.
    fn judge_client(&mut self) {
        let Some(verification) = self.host.client() else { return };
        let Some(chain) = self.stream.peer_certificates() else { return };
        let judged = match verification.demanded() && !self.stream.resumed() {
            true => Ok(()),
            false => verification.judge(chain, UnixTime::now()),
        };
        self.client =
            chain.first().map(|leaf| ClientCertificate::new(leaf.clone().into_owned(), judged));
    }
}

/// A handshake with a client under way; a future of the connection. The caller bounds its time.
///
/// Session tickets wait for the first answer, or until
/// [`poll_read`](crate::socket::Socket::poll_read) finds nothing to read.
#[derive(Debug)]
pub struct ServerHandshake {
    table: Arc<CertificateTable>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Reading the hello.
    Hello(Hello),
    /// A host was chosen.
    Shaking(Accepted),
    Over,
}

struct Hello {
    socket: TcpStream,
    /// Parses a copy of what is received, to find the name and to refuse what is none.
    acceptor: Box<Acceptor>,
    /// How much of `received` the acceptor was shown.
    shown: usize,
    /// All that was received: the connection starts over with it once its configuration is known.
    received: Vec<u8>,
}

impl ServerHandshake {
    /// Starts to read the client's hello, of which `received` was read before; `table` has the
    /// certificates for this connection.
    pub fn new(socket: TcpStream, received: Vec<u8>, table: Arc<CertificateTable>) -> Self {
        let hello = Hello { socket, acceptor: Box::default(), shown: 0, received };
        Self { table, state: State::Hello(hello) }
    }
}

impl Future for ServerHandshake {
    type Output = Result<Accepted, HandshakeError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { table, state } = self.get_mut();
        if let State::Hello(hello) = state {
            let parsed = ready!(hello.poll_accept(cx));
            let State::Hello(hello) = std::mem::replace(state, State::Over) else {
                unreachable!("matched above")
            };
            let parsed = match parsed {
                Ok(parsed) => parsed,
                Err(error) => return Poll::Ready(Err(hello.give_up(error))),
            };
            *state = State::Shaking(hello.choose(&parsed, table)?);
        }
        let State::Shaking(accepted) = state else {
            unreachable!("a future is not polled after it is ready")
        };
        let shaken = ready!(accepted.stream.poll_handshake(cx));
        let State::Shaking(mut accepted) = std::mem::replace(state, State::Over) else {
            unreachable!("matched above")
        };
        shaken?;
        accepted.judge_client();
        Poll::Ready(Ok(accepted))
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Hello {
    /// Reads until the hello is whole.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Parsed, HandshakeError>> {
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                if let Some(accepted) = self.parse()? {
                    return Poll::Ready(Ok(accepted));
                }
                let mut room = ReadBuf::new(&mut scratch.incoming[..RECORD]);
                ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
                if room.filled().is_empty() {
                    return Poll::Ready(Err(HandshakeError::Closed));
                }
                self.received.extend_from_slice(room.filled());
            }
        })
    }

    /// Tells plain HTTP, whose methods begin with a capital, from other things that are no TLS.
    fn give_up(self, error: HandshakeError) -> HandshakeError {
        match (error, self.received.first()) {
            (HandshakeError::NotTls, Some(b'A'..=b'Z')) => {
                let Self { socket, received, .. } = self;
                HandshakeError::PlainHttp(Box::new(PlainHttp { socket, received }))
            }
            (error, _) => error,
        }
    }

    /// Shows what is new to the parser.
    fn parse(&mut self) -> Result<Option<Parsed>, HandshakeError> {
        if self.received.first().is_some_and(|first| *first != HANDSHAKE) {
            return Err(HandshakeError::NotTls);
        }
        if self.received.len() > READ {
            return Err(HandshakeError::TooLong);
        }
        let mut fresh = &self.received[self.shown..];
        self.shown = self.received.len();
        while !fresh.is_empty() {
            // The only error that reading from memory can meet is that its buffer is full.
            self.acceptor.read_tls(&mut fresh).map_err(|_| HandshakeError::TooLong)?;
            match self.acceptor.accept() {
                Ok(Some(accepted)) => return Ok(Some(accepted)),
                Ok(None) => {}
                Err((error, mut alert)) => {
                    let mut record = Vec::new();
                    if alert.write_all(&mut record).is_ok() {
                        let _ = self.socket.try_write(&record);
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(None)
    }

    /// Starts the handshake over with the configuration of the host that the hello names.
    fn choose(self, parsed: &Parsed, table: &CertificateTable) -> Result<Accepted, HandshakeError> {
        let hello = parsed.client_hello();
        let name = hello.server_name();
        let Some(host) = table.find(name) else {
            let _ = self.socket.try_write(&UNRECOGNIZED_NAME);
            return Err(HandshakeError::NoCertificate(name.map(Box::from)));
        };
        let tls = UnbufferedServerConnection::new(Arc::clone(host.config(&hello)))?;
        Ok(Accepted {
            stream: TlsStream::new(self.socket, tls, self.received),
            server_name: name.map(Box::from),
            host: Arc::clone(host),
            client: None,
        })
    }
}
