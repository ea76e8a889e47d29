//! A certificate chain and its private key, parsed and checked against each other.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::der;
use super::suites::provider;

/// A certificate chain with its private key.
///
/// Cheap to clone. Its `Debug` text never holds the key. Two are equal if their chains are: the leaf
/// names the key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    not_after: i64,
}

/// Why a pair of PEM texts is no [`Certificate`]. The texts are APISIX's where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate text holds no certificate, or one that cannot be read.
    Cert,
    /// The key text holds no private key, or one of a kind that is not supported.
    Key,
    /// The key belongs to another certificate.
    Mismatch,
}

impl Certificate {
    /// Parses PEM: the chain with the leaf first, and a PKCS#8, PKCS#1 or SEC1 key.
    ///
    /// # Errors
    /// [`CertificateError`], worded as APISIX words it.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = parse_chain(chain)?;
        let leaf = der::read(&chain[0]).ok_or(CertificateError::Cert)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::Key)?;
        let loaded = provider().key_provider.load_private_key(key);
        let key = loaded.map_err(|_| CertificateError::Key)?;
        let other = key.public_key().is_some_and(|public| public.as_ref() != leaf.public_key);
        if other {
            return Err(CertificateError::Mismatch);
        }
        let not_after = leaf.not_after;
        Ok(Self { key: Arc::new(CertifiedKey::new(chain, key)), not_after })
    }

    /// When the leaf expires, in seconds since the epoch.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The form that handshakes take.
    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.cert.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl Display for CertificateError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cert => "failed to parse cert: PEM_read_bio_X509_AUX() failed",
            Self::Key => "failed to parse key: PEM_read_bio_PrivateKey() failed",
            Self::Mismatch => "failed to parse key: it does not belong to the cert",
        })
    }
}

impl std::error::Error for CertificateError {}

/// The certificates of a PEM text, at least one, each of them readable; text between them is passed
/// over.
pub(super) fn parse_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|_| CertificateError::Cert)?;
    let readable = !chain.is_empty() && chain.iter().all(|cert| der::read(cert).is_some());
    readable.then_some(chain).ok_or(CertificateError::Cert)
}
