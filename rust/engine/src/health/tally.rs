//! What checks have seen of one node, and what it makes of the node. Pure: no clock, no socket.
//!
//! ```text
//!            failure                limit of failures
//! healthy ───────────▶ mostly_healthy ───────────▶ unhealthy
//!    ▲                                                 │ success
//!    └───────────────── mostly_unhealthy ◀─────────────┘
//!       limit of successes
//! ```
//!
//! The states, the counters and when they start anew are those of lua-resty-healthcheck, which
//! APISIX uses: failures of each sort count by themselves, a success forgets all of them, a
//! failure forgets the successes; a node that is wholly healthy counts no successes.

use std::fmt;

/// What one check saw, or one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Seen {
    /// An answer that counts as success; for TCP, a connection.
    Success,
    /// An answer that counts as failure, or that is no HTTP.
    HttpFailure,
    /// No connection, or one that broke.
    TcpFailure,
    /// Nothing in time.
    Timeout,
}

impl Seen {
    /// Every sort, with its name in metrics and logs.
    pub(crate) const ALL: [(Self, &str); 4] = [
        (Self::Success, "success"),
        (Self::HttpFailure, "http_failure"),
        (Self::TcpFailure, "tcp_failure"),
        (Self::Timeout, "timeout_failure"),
    ];

    /// The name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// How a node fares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// In use; as every node starts.
    #[default]
    Healthy,
    /// In use, with failures counted.
    MostlyHealthy,
    /// Passed over, with successes counted.
    MostlyUnhealthy,
    /// Passed over.
    Unhealthy,
}

impl Status {
    /// The name that APISIX's control API shows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::MostlyHealthy => "mostly_healthy",
            Self::MostlyUnhealthy => "mostly_unhealthy",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Whether requests go to the node.
    pub(crate) const fn usable(self) -> bool {
        matches!(self, Self::Healthy | Self::MostlyHealthy)
    }

    const fn of(bits: u8) -> Self {
        match bits {
            0 => Self::Healthy,
            1 => Self::MostlyHealthy,
            2 => Self::MostlyUnhealthy,
            _ => Self::Unhealthy,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A node's status and its four counters; fits into an atomic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How the node fares.
    pub(crate) status: Status,
    counts: [u8; Seen::ALL.len()],
}

impl Tally {
    /// How often `seen` was counted.
    pub(crate) const fn count(self, seen: Seen) -> u8 {
        self.counts[seen as usize]
    }

    /// What it is after one more of `seen`, of which `limit` settle the matter; a limit of 0 never
    /// does.
    pub(crate) fn after(mut self, seen: Seen, limit: u8) -> Self {
        let settled = if seen == Seen::Success { Status::Healthy } else { Status::Unhealthy };
        if limit == 0 || self.status == settled {
            return self;
        }
        let [successes, failures @ ..] = &mut self.counts;
        match seen {
            Seen::Success => *failures = Default::default(),
            _ => *successes = 0,
        }
        let count = &mut self.counts[seen as usize];
        *count = count.saturating_add(1);
        self.status = match self.status {
            _ if *count >= limit => settled,
            Status::Healthy => Status::MostlyHealthy,
            Status::Unhealthy => Status::MostlyUnhealthy,
            between => between,
        };
        self
    }

    /// The bits that [`from_bits`](Self::from_bits) reads.
    pub(super) const fn to_bits(self) -> u64 {
        let [a, b, c, d] = self.counts;
        u64::from_le_bytes([self.status as u8, a, b, c, d, 0, 0, 0])
    }

    /// Reads [`to_bits`](Self::to_bits).
    #[inline]
    pub(super) const fn from_bits(bits: u64) -> Self {
        let [status, a, b, c, d, ..] = bits.to_le_bytes();
        Self { status: Status::of(status), counts: [a, b, c, d] }
    }
}
