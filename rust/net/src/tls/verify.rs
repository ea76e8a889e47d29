//! How an upstream's certificate is judged.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::der;

/// Judges an upstream's certificate. Whoever is trusted, the peer must hold the key of the
/// certificate it shows, so a broken handshake is not taken for a good one.
#[derive(Debug)]
pub(super) struct UpstreamVerifier {
    trusted: Trusted,
    known: WebPkiSupportedAlgorithms,
}

/// Who may answer for an upstream.
#[derive(Debug)]
pub(super) enum Trusted {
    /// `tls.verify: false`.
    Anybody,
    /// Whom an authority vouches for.
    Chain(Arc<WebPkiServerVerifier>),
    /// Whom an authority vouches for, or the holder of a given certificate.
    ///
    /// A self-signed certificate made by `openssl req -x509` calls itself an authority, which the
    /// chain verifier does not let a server be. When the very certificate was given as trusted
    /// there is no chain to build: its name and dates are checked, and the handshake proves the
    /// key.
    Given(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
}

impl UpstreamVerifier {
    pub(super) fn new(trusted: Trusted, provider: &CryptoProvider) -> Self {
        Self { trusted, known: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for UpstreamVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Trusted::Anybody => Ok(ServerCertVerified::assertion()),
            Trusted::Given(_, given) if given.contains(end_entity) => {
                verify_dates(end_entity, now)?;
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Trusted::Chain(chain) | Trusted::Given(chain, _) => {
                chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_schemes()
    }
}

/// Checks the dates of a certificate that is trusted by itself.
pub(super) fn verify_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    Err(Error::InvalidCertificate(match der::read(certificate) {
        None => CertificateError::BadEncoding,
        Some(fields) if now < fields.not_before => CertificateError::NotValidYet,
        Some(fields) if now > fields.not_after => CertificateError::Expired,
        Some(_) => return Ok(()),
    }))
}
