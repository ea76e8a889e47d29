//! One virtual host of the TLS listeners: the names of an SSL object with all that its handshakes
//! need.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureAlgorithm};

use super::certificate::Certificate;
use super::client_verification::ClientVerification;
use super::sessions::SessionStore;
use super::suites::{Versions, prefers_chacha, provider};

/// What a [`VirtualHost`] is made of.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The SSL object's.
    pub id: Box<str>,
    /// `sni` or `snis`: exact names, `*.` and a domain for one label of it, or `*` for any.
    pub names: Vec<String>,
    /// One pair for each kind of key; the client's signature schemes choose.
    pub certificates: Vec<Certificate>,
    /// Which client certificates are asked for, if any.
    pub client: Option<Arc<ClientVerification>>,
    /// `ssl_protocols`.
    pub versions: Versions,
    /// Protocols to agree on, best first; none to leave ALPN out.
    pub alpn: Vec<Vec<u8>>,
    /// `ssl_session_tickets`: keep sessions with the client, encrypted, rather than here.
    pub tickets: bool,
}

/// A server name (or several) with its certificates, versions and sessions, ready for handshakes.
///
/// Built off the request path and shared by all workers. Keep it when a table is rebuilt and its
/// options have not changed: then its clients go on to resume their sessions.
pub struct VirtualHost {
    id: Box<str>,
    names: Vec<String>,
    certificates: Vec<Certificate>,
    client: Option<Arc<ClientVerification>>,
    /// Suites in our order, for nearly everybody.
    config: Arc<ServerConfig>,
    /// Suites in the client's order, for those that would rather have `ChaCha20`.
    chacha: Arc<ServerConfig>,
}

/// Why options make no [`VirtualHost`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostError {
    /// There is no certificate.
    NoCertificate,
    /// There is no name.
    NoName,
    /// The cryptography refused: the words are its own.
    Crypto(String),
}

impl VirtualHost {
    /// Makes a host.
    ///
    /// # Errors
    /// [`HostError`] when there is no name or certificate, or no randomness for ticket keys.
    pub fn new(options: HostOptions, sessions: &Arc<SessionStore>) -> Result<Self, HostError> {
        let HostOptions { id, names, certificates, client, versions, alpn, tickets } = options;
        if names.is_empty() {
            return Err(HostError::NoName);
        }
        if certificates.is_empty() {
            return Err(HostError::NoCertificate);
        }
        let crypto = |error: rustls::Error| HostError::Crypto(error.to_string());
        let config = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(versions.supported())
            .map_err(crypto)?;
        let config = match &client {
            Some(client) => config.with_client_cert_verifier(Arc::clone(client) as _),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(Arc::new(Pairs::new(&certificates)));
        config.alpn_protocols = alpn;
        if tickets {
            config.ticketer = Ticketer::new().map_err(crypto)?;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        } else {
            config.session_storage = sessions.for_new_host();
        }
        let chacha = Arc::new(config.clone());
        config.ignore_client_order = true;
        Ok(Self { id, names, certificates, client, config: Arc::new(config), chacha })
    }

    /// The SSL object's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which client certificates it asks for, if any.
    pub fn client(&self) -> Option<&Arc<ClientVerification>> {
        self.client.as_ref()
    }

    /// The names it answers for, as they were configured.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its certificates, in the order they were configured; for the expiry metric.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// What a client's handshake goes by.
    pub(super) fn config(&self, hello: &ClientHello<'_>) -> &Arc<ServerConfig> {
        if prefers_chacha(hello.cipher_suites()) { &self.chacha } else { &self.config }
    }
}

impl fmt::Debug for VirtualHost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualHost").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Display for HostError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no certificate is given"),
            Self::NoName => f.write_str("no server name is given"),
            Self::Crypto(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for HostError {}

/// The pairs of one host, the cheapest to sign with first.
#[derive(Debug)]
struct Pairs(Vec<Arc<CertifiedKey>>);

impl Pairs {
    fn new(certificates: &[Certificate]) -> Self {
        let mut pairs: Vec<_> = certificates.iter().map(|pair| Arc::clone(pair.key())).collect();
        // An RSA signature costs the worker some 30 times an elliptic one. The sort is stable: of
        // two pairs of a kind the first configured is used.
        pairs.sort_by_key(|pair| pair.key.algorithm() == SignatureAlgorithm::RSA);
        Self(pairs)
    }
}

impl ResolvesServerCert for Pairs {
    /// The first pair that can sign in a way the client knows. If none can, any: the handshake then
    /// ends with `handshake_failure`, as everybody's does, where none at all would be
    /// `access_denied`.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let known = self.0.iter().find(|pair| pair.key.choose_scheme(schemes).is_some());
        known.or(self.0.first()).cloned()
    }
}
