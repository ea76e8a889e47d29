//! What the tests of this module share: certificates, and both ends of a connection.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::LocalOptions;

use super::{
    Accepted, Certificate, CertificateTable, ClientHandshake, ClientOptions, ClientStream,
    ClientTls, HandshakeError, HostOptions, ServerHandshake, SessionStore, Trust, Versions,
    VirtualHost,
};
use crate::socket::Socket;

/// An authority that signs certificates for the tests.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("Authority")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(super) fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.0
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `name` and its key, in PEM.
    pub(super) fn pair(&self, name: &str, kind: &'static SignatureAlgorithm) -> (String, String) {
        let key = KeyPair::generate_for(kind).expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.signed_by(&key, &self.0).expect("a certificate").pem(), key.serialize_pem())
    }

    pub(super) fn ecdsa(&self, name: &str) -> Certificate {
        let (cert, key) = self.pair(name, &PKCS_ECDSA_P256_SHA256);
        Certificate::from_pem(cert.as_bytes(), key.as_bytes()).expect("a pair")
    }

    pub(super) fn rsa(&self, name: &str) -> Certificate {
        let (cert, key) = self.pair(name, &PKCS_RSA_SHA256);
        Certificate::from_pem(cert.as_bytes(), key.as_bytes()).expect("a pair")
    }

    /// A client that trusts this authority.
    pub(super) fn client(&self) -> ClientTls {
        Trust::default().client(&trusting(self.pem())).expect("a configuration")
    }
}

pub(super) fn trusting(pem: String) -> ClientOptions {
    ClientOptions { ca: Some(pem.into()), ..ClientOptions::default() }
}

pub(super) fn options(name: &str, certificates: Vec<Certificate>) -> HostOptions {
    HostOptions {
        id: name.into(),
        names: vec![name.to_owned()],
        certificates,
        client: None,
        versions: Versions::default(),
        alpn: Vec::new(),
        tickets: false,
    }
}

pub(super) fn host(options: HostOptions) -> Arc<VirtualHost> {
    Arc::new(VirtualHost::new(options, &Arc::default()).expect("a host"))
}

/// A table in which `name` has one certificate.
pub(super) fn table_of(authority: &Authority, name: &str) -> Arc<CertificateTable> {
    Arc::new(CertificateTable::new([host(options(name, vec![authority.ecdsa(name)]))], None))
}

/// Several hosts that keep their sessions in one store.
pub(super) fn hosts(options: impl IntoIterator<Item = HostOptions>) -> Vec<Arc<VirtualHost>> {
    let store = Arc::new(SessionStore::default());
    let host = |options| Arc::new(VirtualHost::new(options, &store).expect("a host"));
    options.into_iter().map(host).collect()
}

pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .expect("a runtime")
        .block_on(test)
}

/// Both ends of a TCP connection: accepted, connected.
pub(super) async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (accepted, connected) = tokio::join!(listener.accept(), TcpStream::connect(address));
    (accepted.expect("a client").0, connected.expect("listening"))
}

pub(super) type Handshakes =
    (Result<Accepted, HandshakeError>, Result<ClientStream, HandshakeError>);

/// Shakes hands over a new connection.
pub(super) async fn shake(
    table: &Arc<CertificateTable>,
    client: &ClientTls,
    name: &str,
) -> Handshakes {
    let (accepted, connected) = tcp().await;
    let server = ServerHandshake::new(accepted, Vec::new(), Arc::clone(table));
    let handshake = ClientHandshake::new(connected, client, name).expect("a name");
    let client = async {
        let mut client = handshake.await?;
        // No request follows that the last flight could leave with.
        poll_fn(|cx| client.poll_flush(cx)).await?;
        Ok(client)
    };
    tokio::join!(server, client)
}

pub(super) async fn read(socket: &mut impl Socket, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| socket.poll_read(cx, buf)).await
}

pub(super) async fn write_all(socket: &mut impl Socket, mut buf: &[u8]) -> io::Result<()> {
    while !buf.is_empty() {
        let taken = poll_fn(|cx| socket.poll_write(cx, buf)).await?;
        buf = &buf[taken..];
    }
    poll_fn(|cx| socket.poll_flush(cx)).await
}

pub(super) async fn read_exact(socket: &mut impl Socket, length: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match read(socket, &mut buf[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
    }
    Ok(buf)
}

pub(super) async fn shutdown(socket: &mut impl Socket) -> io::Result<()> {
    poll_fn(|cx| socket.poll_shutdown(cx)).await
}
