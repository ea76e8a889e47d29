//! The methods a route matches.

use serde::{Deserialize, Deserializer, de};

use crate::method::{KNOWN, Method};

/// A set of methods. The empty set is no restriction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Methods(u16);

impl Methods {
    /// Whether a request with this method matches.
    #[inline]
    pub fn allows(self, method: Method) -> bool {
        self.0 == 0 || self.0 & bit(method) != 0
    }

    /// The methods' names; none where there is no restriction.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KNOWN.iter().filter(move |(method, _)| self.0 & bit(*method) != 0).map(|(_, name)| *name)
    }

    /// Whether any method matches.
    pub fn is_any(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Method> for Methods {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        Self(methods.into_iter().fold(0, |set, method| set | bit(method)))
    }
}

/// Extension methods have no bit: a route cannot name them.
#[inline]
fn bit(method: Method) -> u16 {
    match method {
        Method::Get => 1,
        Method::Head => 1 << 1,
        Method::Post => 1 << 2,
        Method::Put => 1 << 3,
        Method::Delete => 1 << 4,
        Method::Patch => 1 << 5,
        Method::Options => 1 << 6,
        Method::Connect => 1 << 7,
        Method::Trace => 1 << 8,
        Method::Purge => 1 << 9,
        Method::Extension(_) => 0,
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let method = |name: &String| match Method::of(name.as_bytes()) {
            None | Some(Method::Extension(_)) => {
                Err(de::Error::custom(format!("unknown method {name}")))
            }
            Some(method) => Ok(method),
        };
        names.iter().map(method).collect()
    }
}
