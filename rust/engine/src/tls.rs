//! TLS towards upstreams.

use std::collections::HashMap;
use std::sync::Arc;

use gateway_core::config::{self, ClientCertificate, Host};
use gateway_net::stream::Stream;
use gateway_net::tls::{
    Certificate, ClientHandshake, ClientOptions, ClientTls, HandshakeError, Trust,
};
use tokio::net::TcpStream;

/// HTTP/2 in ALPN (RFC 9113 section 3.1).
const HTTP2: &[u8] = b"h2";

/// What TLS towards upstreams is made of. Owned by the publishing thread.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    trust: Trust,
    /// The certificates of SSL objects of type `client`, by their ids.
    pub(crate) certificates: HashMap<Box<str>, Certificate>,
}

/// How TLS connections to an upstream are made.
#[derive(Debug)]
pub(crate) struct UpstreamTls {
    client: ClientTls,
    /// Whether HTTP/2 is to be agreed on.
    http2: bool,
    /// Whether `tls.client_cert_id` names no SSL object of type `client`. Then no connection may
    /// be made: an upstream that only asks for a certificate would take us for a stranger.
    pub(crate) lacks_certificate: bool,
}

impl UpstreamTls {
    /// Makes an upstream's TLS settings ready. `ca` is the gateway's own, used where the upstream
    /// has none.
    ///
    /// # Errors
    /// Where in the upstream, and in words.
    pub(crate) fn build(
        config: &config::Tls,
        http2: bool,
        ca: Option<&Arc<str>>,
        identities: &mut Identities,
    ) -> Result<Self, (&'static str, String)> {
        let mut lacks_certificate = false;
        let certificate = match &config.client_certificate {
            None => None,
            Some(ClientCertificate::Inline { cert, key }) => {
                let pair = Certificate::from_pem(cert.as_bytes(), key.reveal().as_bytes());
                Some(pair.map_err(|error| ("/tls/client_cert", error.to_string()))?)
            }
            Some(ClientCertificate::Ssl(id)) => {
                let found = identities.certificates.get(&**id).cloned();
                lacks_certificate = found.is_none();
                found
            }
        };
        let ca = config.ca.as_deref().map(Arc::from).or_else(|| ca.cloned());
        let alpn = if http2 { vec![HTTP2.to_vec()] } else { Vec::new() };
        let options = ClientOptions { verify: config.verify, ca, certificate, alpn };
        let client = identities.trust.client(&options);
        let client = client.map_err(|error| ("/tls", error.to_string()))?;
        Ok(Self { client, http2, lacks_certificate })
    }

    /// What makes connections to one address different: trust, and what we show of ourselves.
    pub(crate) fn number(&self) -> u64 {
        self.client.number()
    }

    /// A handshake over `socket`, for `name`.
    ///
    /// # Errors
    /// What the handshake failed on.
    pub(crate) async fn connect(
        &self,
        socket: TcpStream,
        name: &str,
    ) -> Result<Stream, HandshakeError> {
        let stream = ClientHandshake::new(socket, &self.client, name)?.await?;
        // RFC 9113 section 3.2: a server that does not choose `h2` may speak anything.
        if self.http2 && stream.alpn() != Some(HTTP2) {
            return Err(HandshakeError::NotAgreed);
        }
        Ok(Stream::Other(Box::new(stream)))
    }
}

/// The name to ask a node for and to verify: that of the Host field without its port, or the
/// node's own where Host is an address and the node has a name.
pub(crate) fn server_name(host: &[u8], node: &Host) -> String {
    let host = String::from_utf8_lossy(host);
    let bare = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => &host[..colon],
        _ => &host,
    };
    let is_address = Host::parse(bare).is_none_or(|host| matches!(host, Host::Address(_)));
    match node {
        Host::Name(name) if is_address || bare.is_empty() => name.to_string(),
        _ => bare.to_owned(),
    }
}
