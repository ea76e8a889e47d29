//! How a node is chosen.

/// How a node is chosen for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balancer {
    /// In turn, by weight.
    RoundRobin,
    /// By a consistent hash of what the key names.
    ConsistentHash(HashKey),
    /// The better of two by the moving average of their answer times.
    Ewma,
    /// The one with the fewest connections, by weight.
    LeastConnections,
    /// By a balancer of this name that someone else provides.
    Named(String),
}

/// What a consistent hash is taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// A variable, such as `remote_addr` or `arg_name`.
    Variable(String),
    /// A request header.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// The consumer's name.
    Consumer,
    /// Text with variables in it, such as `$request_uri$remote_addr`.
    Combination(String),
}

impl Balancer {
    pub(super) fn read(kind: &str, on: Option<&str>, key: Option<String>) -> Result<Self, String> {
        Ok(match kind {
            "roundrobin" => Self::RoundRobin,
            "ewma" => Self::Ewma,
            "least_conn" => Self::LeastConnections,
            "chash" => Self::ConsistentHash(match (on.unwrap_or("vars"), key) {
                ("consumer", _) => HashKey::Consumer,
                (_, None) => return Err(super::check::NO_KEY.into()),
                ("vars", Some(key)) => HashKey::Variable(key),
                ("header", Some(key)) => HashKey::Header(key),
                ("cookie", Some(key)) => HashKey::Cookie(key),
                ("vars_combinations", Some(key)) => HashKey::Combination(key),
                (other, Some(_)) => return Err(format!("unknown hash_on {other:?}")),
            }),
            other => Self::Named(other.to_owned()),
        })
    }
}
