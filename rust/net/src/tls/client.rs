//! The client's side: verified connections to upstreams.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use rustls::client::{Resumption, UnbufferedClientConnection, WebPkiServerVerifier};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use super::certificate::{Certificate, parse_chain};
use super::error::HandshakeError;
use super::stream::TlsStream;
use super::suites::{Versions, provider};
use super::verify::{Trusted, UpstreamVerifier};

/// A TLS connection to an upstream.
pub type ClientStream = TlsStream<UnbufferedClientConnection>;

/// Server names whose sessions are kept for resumption, per configuration.
const SESSIONS: usize = 256;

/// How connections to an upstream are made; the key under which configurations are shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientOptions {
    /// `tls.verify`: whether the upstream must prove who it is.
    pub verify: bool,
    /// Certificates in PEM to trust instead of the system's: authorities, or the upstream's own.
    pub ca: Option<Arc<str>>,
    /// What we show of ourselves if the upstream asks; nothing otherwise.
    pub certificate: Option<Certificate>,
    /// Protocols to agree on, best first; none to leave ALPN out.
    pub alpn: Vec<Vec<u8>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { verify: true, ca: None, certificate: None, alpn: Vec::new() }
    }
}

/// A client configuration, ready for handshakes; what resumes sessions.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    number: u64,
}

impl ClientTls {
    /// What its connections may be shared by: another configuration has another number, and none
    /// is given out twice.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// Makes client configurations, one for each set of options however many upstreams have it.
///
/// Kept by the publishing thread: reading the system's certificates takes milliseconds, and
/// connections made with one configuration resume each other's sessions.
#[derive(Debug, Default)]
pub struct Trust {
    system: Option<Arc<RootCertStore>>,
    made: HashMap<ClientOptions, (Weak<ClientConfig>, u64)>,
    last_number: u64,
}

/// Why options make no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// The system has no certificates to verify with; the words name where was looked.
    NoSystemCertificates(String),
    /// The given PEM text holds no certificate that can be trusted.
    Ca,
    /// The cryptography refused: the words are its own.
    Crypto(String),
}

impl Trust {
    /// The configuration for `options`, made now or before.
    ///
    /// # Errors
    /// [`TrustError`] when there is nothing to trust.
    pub fn client(&mut self, options: &ClientOptions) -> Result<ClientTls, TrustError> {
        if let Some((made, number)) = self.made.get(options)
            && let Some(config) = made.upgrade()
        {
            return Ok(ClientTls { config, number: *number });
        }
        let trusted = match (options.verify, &options.ca) {
            (false, _) => Trusted::Anybody,
            (true, Some(pem)) => given(pem)?,
            (true, None) => Trusted::Chain(chain_verifier(self.system()?)?),
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(Versions::default().supported())
            .map_err(crypto)?
            .dangerous() // what a verifier of one's own is called; see `verify`
            .with_custom_certificate_verifier(Arc::new(UpstreamVerifier::new(trusted, provider())));
        let mut config = match &options.certificate {
            Some(certificate) => config.with_client_cert_resolver(Arc::new(
                SingleCertAndKey::from(Arc::clone(certificate.key())),
            )),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&options.alpn);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        let config = Arc::new(config);
        self.last_number += 1;
        let number = self.last_number;
        self.made.retain(|_, (made, _)| made.strong_count() > 0);
        self.made.insert(options.clone(), (Arc::downgrade(&config), number));
        Ok(ClientTls { config, number })
    }

    /// Forgets the system's certificates, so that the next configuration reads them again; what was
    /// made before stays as it is.
    pub fn reload(&mut self) {
        self.system = None;
        self.made.clear();
    }

    fn system(&mut self) -> Result<Arc<RootCertStore>, TrustError> {
        if let Some(roots) = &self.system {
            return Ok(Arc::clone(roots));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(TrustError::NoSystemCertificates(errors.join("; ")));
        }
        Ok(Arc::clone(self.system.insert(Arc::new(roots))))
    }
}

/// Trust in the certificates in `pem`.
fn given(pem: &str) -> Result<Trusted, TrustError> {
    let given = parse_chain(pem.as_bytes()).map_err(|_| TrustError::Ca)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(given.iter().cloned());
    if roots.is_empty() {
        return Err(TrustError::Ca);
    }
    Ok(Trusted::Given(chain_verifier(Arc::new(roots))?, given))
}

fn chain_verifier(roots: Arc<RootCertStore>) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider()))
        .build()
        .map_err(|error| TrustError::Crypto(error.to_string()))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn crypto(error: rustls::Error) -> TrustError {
    TrustError::Crypto(error.to_string())
}

impl Display for TrustError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSystemCertificates(looked) => write!(
                f,
                "the system has no certificates to verify upstreams with (install \
                 ca-certificates, or set ssl_trusted_certificate): {looked}"
            ),
            Self::Ca => f.write_str("failed to parse cert: PEM_read_bio_X509_AUX() failed"),
            Self::Crypto(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for TrustError {}

/// A handshake with an upstream under way; a future of the finished stream. The caller bounds its
/// time.
///
/// In TLS 1.3 our last flight waits for the first write, to leave with the request; a client that
/// has nothing to write or read yet flushes.
#[derive(Debug)]
pub struct ClientHandshake(Option<ClientStream>);

impl ClientHandshake {
    /// Starts a handshake over a connected socket. `name` is whom to ask for and to verify: a host
    /// name, which is sent as SNI, or an address, which is not.
    ///
    /// # Errors
    /// When `name` is neither.
    pub fn new(socket: TcpStream, tls: &ClientTls, name: &str) -> Result<Self, HandshakeError> {
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let Ok(name) = ServerName::try_from(bare) else {
            let words = format!("{name:?} is no host name to verify");
            return Err(HandshakeError::Tls(rustls::Error::General(words)));
        };
        let tls = UnbufferedClientConnection::new(Arc::clone(&tls.config), name.to_owned())?;
        Ok(Self(Some(TlsStream::new(socket, tls, Vec::new()))))
    }
}

impl Future for ClientHandshake {
    type Output = Result<ClientStream, HandshakeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stream = self.0.as_mut().expect("a future is not polled after it is ready");
        let shaken = ready!(stream.poll_handshake(cx));
        let stream = self.0.take().expect("still there");
        Poll::Ready(shaken.map(|()| stream))
    }
}
