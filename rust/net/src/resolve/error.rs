//! Names that did not resolve.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveError {
    name: Arc<str>,
    kind: ResolveErrorKind,
}

/// What stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveErrorKind {
    /// The name servers say that there is no such name.
    NoSuchName,
    /// The name is there, but has no address (of a kind that is asked for).
    NoAddress,
    /// The name servers could not be asked or had no answer; the words say what happened.
    Unavailable(Arc<str>),
    /// The name breaks the rules of DNS.
    Invalid,
}

impl ResolveError {
    pub(super) fn new(name: Arc<str>, kind: ResolveErrorKind) -> Self {
        Self { name, kind }
    }

    /// The name that was looked up.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stood in the way.
    pub fn kind(&self) -> &ResolveErrorKind {
        &self.kind
    }
}

impl Display for ResolveError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Quoted and escaped: the name may come from a request.
        write!(f, "failed to parse domain: {:?}, error: ", self.name)?;
        match &self.kind {
            ResolveErrorKind::NoSuchName => f.write_str("no such name"),
            ResolveErrorKind::NoAddress => f.write_str("it has no address"),
            ResolveErrorKind::Unavailable(words) => write!(f, "no answer from DNS: {words}"),
            ResolveErrorKind::Invalid => f.write_str("not a domain name"),
        }
    }
}

impl std::error::Error for ResolveError {}
