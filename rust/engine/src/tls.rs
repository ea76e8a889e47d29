//! TLS towards upstreams.

use std::sync::Arc;

use gateway_core::config::{self, Host};
use gateway_net::stream::Stream;
use gateway_net::tls::{ClientHandshake, ClientOptions, ClientTls, HandshakeError, Trust};
use tokio::net::TcpStream;

/// How TLS connections to an upstream are made.
#[derive(Debug)]
pub(crate) struct UpstreamTls {
    client: ClientTls,
    /// What connections are shared by: equal texts, equal trust.
    identity: Box<str>,
}

impl UpstreamTls {
    /// Makes an upstream's TLS settings ready. `ca` is the gateway's own, used where the upstream
    /// has none.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn build(
        config: &config::Tls,
        ca: Option<&Arc<str>>,
        trust: &mut Trust,
    ) -> Result<Self, String> {
        if config.client_certificate.is_some() {
            return Err("client certificates towards upstreams are not served yet".into());
        }
        let ca = config.ca.as_deref().map(Arc::from).or_else(|| ca.cloned());
        let options = ClientOptions { verify: config.verify, ca, alpn: Vec::new() };
        let client = trust.client(&options).map_err(|error| error.to_string())?;
        let identity = format!("{}:{}", config.verify, options.ca.as_deref().unwrap_or_default());
        Ok(Self { client, identity: identity.into() })
    }

    /// What makes connections to one address different: trust.
    pub(crate) fn identity(&self) -> Box<str> {
        self.identity.clone()
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
