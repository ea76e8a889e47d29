//! Response flags: who ended a request, and why.
//!
//! A request carries one [`Flags`] set. Whoever ends it, or gives up on a part of it, raises a
//! [`Flag`]; the access log shows the codes as `$response_flags`, the metrics count them, and
//! [`TABLE`] says what each means and what to do about it.
//!
//! ```
//! use gateway_engine::observe::flags::{Flag, Flags};
//!
//! let mut flags = Flags::NONE;
//! assert_eq!(flags.to_string(), "-");
//! flags.raise(Flag::UpstreamConnect);
//! flags.raise(Flag::RetriesExhausted);
//! assert_eq!(flags.to_string(), "UF,RX");
//! ```
//!
//! What surprises: a flag says why, not how it went. A retry that succeeds leaves the flag of the
//! attempt that failed, so `200 UF` is an answer from the second node; and an error that the
//! upstream itself answered (its own 500) has no flag at all.

mod table;
#[cfg(test)]
mod tests;

use std::fmt;

pub use table::{TABLE, markdown};

/// A reason for which a request ended, or an attempt at it failed.
///
/// The order is that of [`TABLE`] and of the codes in a log line: from the client to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Flag {
    /// `CR`: the request was malformed.
    ClientRequest,
    /// `CL`: the request was larger than a limit.
    ClientLimit,
    /// `CT`: the request did not arrive in time.
    ClientTimeout,
    /// `CS`: the client did not read its answer in time.
    ClientStalled,
    /// `DC`: the client left before its answer was complete.
    ClientLeft,
    /// `NR`: no route matched.
    NoRoute,
    /// `AD`: a plugin denied access.
    AccessDenied,
    /// `RL`: a plugin limited the rate.
    RateLimited,
    /// `PA`: a plugin answered.
    PluginAnswer,
    /// `PF`: a plugin failed.
    PluginFailed,
    /// `GA`: the gateway answered by itself.
    GatewayAnswer,
    /// `GE`: the gateway failed.
    GatewayError,
    /// `OL`: the gateway was at a limit of its own.
    Overload,
    /// `SD`: the gateway was shutting down.
    ShuttingDown,
    /// `TT`: the time for the whole exchange was over.
    TotalTimeout,
    /// `UH`: the upstream had no node to try.
    NoHealthyNode,
    /// `UD`: the name of an upstream node did not resolve.
    UpstreamResolve,
    /// `UF`: a connection to an upstream node failed.
    UpstreamConnect,
    /// `US`: the TLS handshake with an upstream node failed.
    UpstreamTls,
    /// `UT`: an upstream node did not take or give bytes in time.
    UpstreamTimeout,
    /// `UC`: an upstream node closed its connection too early.
    UpstreamClosed,
    /// `UP`: an upstream node broke the protocol.
    UpstreamProtocol,
    /// `RX`: every retry was used up.
    RetriesExhausted,
    /// `RB`: the upstream's retry budget was spent.
    RetryBudgetSpent,
}

impl Flag {
    /// How many flags there are.
    pub const COUNT: usize = Self::RetryBudgetSpent as usize + 1;

    /// What the flag means and what to do about it.
    pub fn meaning(self) -> &'static Meaning {
        &TABLE[self as usize]
    }

    /// The two letters that stand for it in logs and metrics.
    pub fn code(self) -> &'static str {
        self.meaning().code
    }
}

/// Whose doing a flag reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The gateway's, its configuration or its plugins.
    Gateway,
    /// The upstream's.
    Upstream,
}

impl Side {
    /// The word for it in logs, errors and documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Upstream => "upstream",
        }
    }
}

/// A row of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The flag it explains.
    pub flag: Flag,
    /// Two letters, unique.
    pub code: &'static str,
    /// Whose doing it is.
    pub side: Side,
    /// The status that the client usually sees, or `–` where it sees none.
    pub status: &'static str,
    /// The error type of RFC 9209 section 2.3 for `Proxy-Status`, where one fits.
    pub proxy_status: Option<&'static str>,
    /// One phrase.
    pub title: &'static str,
    /// What happened.
    pub meaning: &'static str,
    /// What an operator does about it.
    pub action: &'static str,
}

/// The set of flags that one request has raised. Four bytes, no allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

const _: () = assert!(Flag::COUNT <= u32::BITS as usize, "a flag is a bit of a u32");

impl Flags {
    /// No flag: the request went as it should.
    pub const NONE: Self = Self(0);

    /// Adds a flag. Raising one twice is raising it once.
    #[inline]
    pub fn raise(&mut self, flag: Flag) {
        self.0 |= 1 << flag as u8;
    }

    /// Whether a flag is raised.
    #[inline]
    pub fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// Whether none is.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The raised flags, in the order of [`TABLE`].
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let row = TABLE.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(row.flag)
        })
    }

    /// Appends `$response_flags`: the codes with commas between, or `-` for none.
    pub fn append_codes(self, out: &mut Vec<u8>) {
        if self.is_empty() {
            out.push(b'-');
        }
        for (position, flag) in self.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(flag.code().as_bytes());
        }
    }
}

impl From<Flag> for Flags {
    fn from(flag: Flag) -> Self {
        let mut flags = Self::NONE;
        flags.raise(flag);
        flags
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("-");
        }
        for (position, flag) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            f.write_str(flag.code())?;
        }
        Ok(())
    }
}
