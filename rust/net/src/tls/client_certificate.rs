//! What a client showed of itself in the handshake, read when somebody asks.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error};

use super::der::{self, Fields};
use super::name;

/// The certificate that a client showed, and what became of it.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    leaf: CertificateDer<'static>,
    refusal: Option<Box<str>>,
}

impl ClientCertificate {
    pub(super) fn new(leaf: CertificateDer<'static>, judged: Result<(), Error>) -> Self {
        Self { leaf, refusal: judged.err().map(|error| words(&error)) }
    }

    /// Why it was refused, in OpenSSL's words where it has some; none if it is good.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// The certificate itself, in DER.
    pub fn der(&self) -> &[u8] {
        &self.leaf
    }

    /// SHA-1 of the certificate, as nginx's `$ssl_client_fingerprint` has it: a name to compare
    /// by, no proof of anything.
    pub fn fingerprint(&self) -> [u8; 20] {
        let mut hash = [0; 20];
        hash.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.leaf).as_ref());
        hash
    }

    /// Whose it is, as RFC 2253 writes names: `CN=client,O=Example`.
    pub fn subject(&self) -> Option<String> {
        name::text(self.fields()?.subject)
    }

    /// Who signed it, likewise.
    pub fn issuer(&self) -> Option<String> {
        name::text(self.fields()?.issuer)
    }

    /// The bytes of its serial number, most significant first.
    pub fn serial(&self) -> Option<&[u8]> {
        let serial = self.fields()?.serial;
        // The sign's byte is no digit.
        Some(serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(serial))
    }

    /// From when until when it is valid, in seconds since the epoch.
    pub fn validity(&self) -> Option<(i64, i64)> {
        self.fields().map(|fields| (fields.not_before, fields.not_after))
    }

    fn fields(&self) -> Option<Fields<'_>> {
        der::read(&self.leaf)
    }
}

fn words(error: &Error) -> Box<str> {
    let words = match error {
        Error::InvalidCertificate(CertificateError::Expired) => "certificate has expired",
        Error::InvalidCertificate(CertificateError::NotValidYet) => "certificate is not yet valid",
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "unable to get local issuer certificate"
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "certificate signature failure"
        }
        Error::InvalidCertificate(CertificateError::InvalidPurpose) => {
            "unsuitable certificate purpose"
        }
        Error::InvalidCertificate(CertificateError::Other(other))
            if other.0.downcast_ref() == Some(&webpki::Error::MaximumPathDepthExceeded) =>
        {
            "certificate chain too long"
        }
        other => return other.to_string().into(),
    };
    words.into()
}
