//! Which client certificates a virtual host takes: an SSL object's `client`.

#[cfg(test)]
mod tests;

use std::fmt::{self, Formatter};
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError as Refusal, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    RootCertStore, SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::tls::certificate::{CertificateError, parse_chain};
use crate::tls::suites::provider;
use crate::tls::verify::verify_dates;

/// Which client certificates a virtual host takes, and whether one must be shown.
pub struct ClientVerification {
    /// `client.ca`, as given.
    given: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
    hints: Vec<DistinguishedName>,
    depth: usize,
    demanded: bool,
}

impl ClientVerification {
    /// Takes certificates that go back to one in `ca` (PEM) over at most `depth` intermediate ones,
    /// or stand in it themselves.
    ///
    /// With `demanded` the handshake fails without one. Otherwise it is asked for, whatever comes is
    /// taken, and [`Accepted::client`](crate::tls::Accepted::client) says what is wrong with it.
    ///
    /// # Errors
    /// `ca` holds no certificate, or one that cannot be read.
    pub fn new(ca: &str, depth: usize, demanded: bool) -> Result<Self, CertificateError> {
        let given = parse_chain(ca.as_bytes())?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(given.iter().cloned());
        if roots.is_empty() {
            return Err(CertificateError::Cert);
        }
        let hints = roots.subjects();
        Ok(Self { given, roots, hints, depth, demanded })
    }

    /// Whether both take the same certificates, so that who was verified by one is by the other.
    pub fn takes_the_same(&self, other: &Self) -> bool {
        self.depth == other.depth && self.given == other.given
    }

    /// Whether the handshake fails without a good certificate.
    pub(super) fn demanded(&self) -> bool {
        self.demanded
    }

    /// Judges a chain, leaf first.
    pub(super) fn judge(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Err(Error::NoCertificatesPresented);
        };
        if self.given.contains(leaf) {
            return verify_dates(leaf, now);
        }
        let within_depth = |path: &VerifiedPath<'_>| match path.intermediate_certificates().count()
            <= self.depth
        {
            true => Ok(()),
            false => Err(webpki::Error::MaximumPathDepthExceeded),
        };
        let leaf = EndEntityCert::try_from(leaf).map_err(refused)?;
        leaf.verify_for_usage(
            provider().signature_verification_algorithms.all,
            &self.roots.roots,
            intermediates,
            now,
            KeyUsage::client_auth(),
            None,
            Some(&within_depth),
        )
        .map(|_| ())
        .map_err(refused)
    }
}

impl ClientCertVerifier for ClientVerification {
    fn client_auth_mandatory(&self) -> bool {
        self.demanded
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.demanded {
            let chain: Vec<_> = [end_entity].into_iter().chain(intermediates).cloned().collect();
            self.judge(&chain, now)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientVerification {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerification")
            .field("depth", &self.depth)
            .field("demanded", &self.demanded)
            .finish_non_exhaustive()
    }
}

/// What rustls, and so the client's alert, calls a chain that was refused.
fn refused(error: webpki::Error) -> Error {
    use webpki::Error as Webpki;
    Error::InvalidCertificate(match error {
        Webpki::BadDer | Webpki::BadDerTime | Webpki::TrailingData(_) => Refusal::BadEncoding,
        Webpki::CertExpired { .. } => Refusal::Expired,
        Webpki::CertNotValidYet { .. } => Refusal::NotValidYet,
        Webpki::UnknownIssuer => Refusal::UnknownIssuer,
        Webpki::InvalidSignatureForPublicKey => Refusal::BadSignature,
        Webpki::RequiredEkuNotFoundContext(_) => Refusal::InvalidPurpose,
        other => Refusal::Other(OtherError(Arc::new(other))),
    })
}
