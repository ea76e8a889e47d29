//! The field names that the gateway itself looks at, as one byte each.

/// A field name that the gateway knows, or [`Known::Other`].
///
/// Classified once, when a head is parsed, so that no later look compares strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Known {
    /// Any name that is not listed here.
    Other = 0,
    /// `Host`
    Host,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Expect`
    Expect,
    /// `Upgrade`
    Upgrade,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy-Connection`
    ProxyConnection,
    /// `TE`
    Te,
    /// `Trailer`
    Trailer,
    /// `Proxy-Authenticate`
    ProxyAuthenticate,
    /// `Proxy-Authorization`
    ProxyAuthorization,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Real-IP`
    XRealIp,
    /// `Forwarded`
    Forwarded,
    /// `Via`
    Via,
    /// `Server`
    Server,
    /// `Date`
    Date,
    /// `User-Agent`
    UserAgent,
    /// `Referer`
    Referer,
    /// `Accept`
    Accept,
    /// `Accept-Encoding`
    AcceptEncoding,
    /// `Accept-Language`
    AcceptLanguage,
    /// `Cookie`
    Cookie,
    /// `Set-Cookie`
    SetCookie,
    /// `Content-Type`
    ContentType,
    /// `Authorization`
    Authorization,
    /// `Cache-Control`
    CacheControl,
    /// `Origin`
    Origin,
    /// `Location`
    Location,
    /// `ETag`
    Etag,
    /// `Last-Modified`
    LastModified,
    /// `Vary`
    Vary,
    /// `Content-Encoding`
    ContentEncoding,
    /// `Range`
    Range,
    /// `X-Request-Id`
    XRequestId,
    /// `Proxy-Status`
    ProxyStatus,
    /// `Accept-Ranges`
    AcceptRanges,
    /// `Sec-WebSocket-Key`
    SecWebsocketKey,
}

impl Known {
    /// Which name this is, without regard to case.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        if name.len() < 2 {
            return Self::Other;
        }
        let pattern = &TABLE[slot(name.len(), name[0], name[name.len() - 2])];
        if pattern.fits(name) { pattern.known } else { Self::Other }
    }

    /// The name as [`NAMES`] has it; empty for [`Known::Other`].
    fn name(self) -> &'static [u8] {
        NAMES.get((self as usize).wrapping_sub(1)).map_or(b"", |(_, name)| name.as_bytes())
    }

    /// The bit of this name in a presence mask; none for [`Known::Other`].
    #[inline]
    pub const fn bit(self) -> u64 {
        (1 << self as u8) & !1
    }
}

/// Every known name as the RFCs write it, in the order of [`Known`].
pub const NAMES: [(Known, &str); 42] = [
    (Known::Host, "Host"),
    (Known::Connection, "Connection"),
    (Known::ContentLength, "Content-Length"),
    (Known::TransferEncoding, "Transfer-Encoding"),
    (Known::Expect, "Expect"),
    (Known::Upgrade, "Upgrade"),
    (Known::KeepAlive, "Keep-Alive"),
    (Known::ProxyConnection, "Proxy-Connection"),
    (Known::Te, "TE"),
    (Known::Trailer, "Trailer"),
    (Known::ProxyAuthenticate, "Proxy-Authenticate"),
    (Known::ProxyAuthorization, "Proxy-Authorization"),
    (Known::XForwardedFor, "X-Forwarded-For"),
    (Known::XForwardedProto, "X-Forwarded-Proto"),
    (Known::XForwardedHost, "X-Forwarded-Host"),
    (Known::XForwardedPort, "X-Forwarded-Port"),
    (Known::XRealIp, "X-Real-IP"),
    (Known::Forwarded, "Forwarded"),
    (Known::Via, "Via"),
    (Known::Server, "Server"),
    (Known::Date, "Date"),
    (Known::UserAgent, "User-Agent"),
    (Known::Referer, "Referer"),
    (Known::Accept, "Accept"),
    (Known::AcceptEncoding, "Accept-Encoding"),
    (Known::AcceptLanguage, "Accept-Language"),
    (Known::Cookie, "Cookie"),
    (Known::SetCookie, "Set-Cookie"),
    (Known::ContentType, "Content-Type"),
    (Known::Authorization, "Authorization"),
    (Known::CacheControl, "Cache-Control"),
    (Known::Origin, "Origin"),
    (Known::Location, "Location"),
    (Known::Etag, "ETag"),
    (Known::LastModified, "Last-Modified"),
    (Known::Vary, "Vary"),
    (Known::ContentEncoding, "Content-Encoding"),
    (Known::Range, "Range"),
    (Known::XRequestId, "X-Request-Id"),
    (Known::ProxyStatus, "Proxy-Status"),
    (Known::AcceptRanges, "Accept-Ranges"),
    (Known::SecWebsocketKey, "Sec-WebSocket-Key"),
];

/// One known name, laid out to be compared without a loop.
#[derive(Clone, Copy)]
struct Pattern {
    known: Known,
    /// 0 in an empty slot, which no name has.
    len: u8,
    /// The first and the last bytes of the name in lower case, eight at most; they overlap in
    /// names of less than sixteen.
    first: u64,
    last: u64,
    /// 0x20 where `first` and `last` have a letter: or-ed to a name it takes the case away from
    /// letters and nothing from other bytes.
    first_case: u64,
    last_case: u64,
}

impl Pattern {
    const EMPTY: Self =
        Self { known: Known::Other, len: 0, first: 0, last: 0, first_case: 0, last_case: 0 };

    const fn of(known: Known, name: &[u8]) -> Self {
        let width = width(name.len());
        let (mut first, mut last, mut first_case, mut last_case) = (0, 0, 0, 0);
        let mut i = 0;
        while i < width {
            let (a, b) = (name[i], name[name.len() - width + i]);
            first |= (a.to_ascii_lowercase() as u64) << (8 * i);
            last |= (b.to_ascii_lowercase() as u64) << (8 * i);
            first_case |= if a.is_ascii_alphabetic() { 0x20 << (8 * i) } else { 0 };
            last_case |= if b.is_ascii_alphabetic() { 0x20 << (8 * i) } else { 0 };
            i += 1;
        }
        Self { known, len: name.len() as u8, first, last, first_case, last_case }
    }

    /// Whether `name`, of two bytes or more, is this one apart from case.
    #[inline]
    fn fits(&self, name: &[u8]) -> bool {
        if name.len() != self.len as usize {
            return false;
        }
        let (first, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => short(name),
        };
        first | self.first_case == self.first
            && last | self.last_case == self.last
            && (name.len() <= 16 || name.eq_ignore_ascii_case(self.known.name()))
    }
}

/// The first and last bytes of a name of two to seven.
#[inline]
fn short(name: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
    } else {
        let two = |i: usize| u64::from(name[i]) | u64::from(name[i + 1]) << 8;
        (two(0), two(name.len() - 2))
    }
}

/// How many bytes of a name of `len` a pattern's words hold.
const fn width(len: usize) -> usize {
    match len {
        8.. => 8,
        4.. => 4,
        _ => 2,
    }
}

const SLOTS: usize = 256;

/// A hash that is perfect for [`NAMES`]: their lengths, first and last bytes but one, times
/// two numbers found by trying. Both are multiples of eight, which takes the case (0x20) away.
#[inline]
const fn slot(len: usize, first: u8, last_but_one: u8) -> usize {
    (len + first as usize * 8 + last_but_one as usize * 40) % SLOTS
}

static TABLE: [Pattern; SLOTS] = {
    let mut table = [Pattern::EMPTY; SLOTS];
    let mut i = 0;
    while i < NAMES.len() {
        let (known, name) = (NAMES[i].0, NAMES[i].1.as_bytes());
        let slot = slot(name.len(), name[0], name[name.len() - 2]);
        assert!(known as usize == i + 1, "a name is out of order");
        assert!(table[slot].len == 0, "two names in one slot: try other factors in `slot`");
        table[slot] = Pattern::of(known, name);
        i += 1;
    }
    table
};
