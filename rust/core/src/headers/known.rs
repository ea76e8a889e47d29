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
        match name.len() {
            2 if name.eq_ignore_ascii_case(b"te") => Self::Te,
            3 if name.eq_ignore_ascii_case(b"via") => Self::Via,
            4 => match name[0] | 0x20 {
                b'd' if name.eq_ignore_ascii_case(b"date") => Self::Date,
                b'e' if name.eq_ignore_ascii_case(b"etag") => Self::Etag,
                b'h' if name.eq_ignore_ascii_case(b"host") => Self::Host,
                b'v' if name.eq_ignore_ascii_case(b"vary") => Self::Vary,
                _ => Self::Other,
            },
            5 if name.eq_ignore_ascii_case(b"range") => Self::Range,
            6 => match name[0] | 0x20 {
                b'a' if name.eq_ignore_ascii_case(b"accept") => Self::Accept,
                b'c' if name.eq_ignore_ascii_case(b"cookie") => Self::Cookie,
                b'e' if name.eq_ignore_ascii_case(b"expect") => Self::Expect,
                b'o' if name.eq_ignore_ascii_case(b"origin") => Self::Origin,
                b's' if name.eq_ignore_ascii_case(b"server") => Self::Server,
                _ => Self::Other,
            },
            7 => match name[0] | 0x20 {
                b'r' if name.eq_ignore_ascii_case(b"referer") => Self::Referer,
                b't' if name.eq_ignore_ascii_case(b"trailer") => Self::Trailer,
                b'u' if name.eq_ignore_ascii_case(b"upgrade") => Self::Upgrade,
                _ => Self::Other,
            },
            8 if name.eq_ignore_ascii_case(b"location") => Self::Location,
            9 => match name[0] | 0x20 {
                b'f' if name.eq_ignore_ascii_case(b"forwarded") => Self::Forwarded,
                b'x' if name.eq_ignore_ascii_case(b"x-real-ip") => Self::XRealIp,
                _ => Self::Other,
            },
            10 => match name[0] | 0x20 {
                b'c' if name.eq_ignore_ascii_case(b"connection") => Self::Connection,
                b'k' if name.eq_ignore_ascii_case(b"keep-alive") => Self::KeepAlive,
                b's' if name.eq_ignore_ascii_case(b"set-cookie") => Self::SetCookie,
                b'u' if name.eq_ignore_ascii_case(b"user-agent") => Self::UserAgent,
                _ => Self::Other,
            },
            12 => match name[0] | 0x20 {
                b'c' if name.eq_ignore_ascii_case(b"content-type") => Self::ContentType,
                b'p' if name.eq_ignore_ascii_case(b"proxy-status") => Self::ProxyStatus,
                b'x' if name.eq_ignore_ascii_case(b"x-request-id") => Self::XRequestId,
                _ => Self::Other,
            },
            13 => match name[4] | 0x20 {
                b'-' if name.eq_ignore_ascii_case(b"last-modified") => Self::LastModified,
                b'e' if name.eq_ignore_ascii_case(b"cache-control") => Self::CacheControl,
                b'o' if name.eq_ignore_ascii_case(b"authorization") => Self::Authorization,
                b'p' if name.eq_ignore_ascii_case(b"accept-ranges") => Self::AcceptRanges,
                _ => Self::Other,
            },
            14 if name.eq_ignore_ascii_case(b"content-length") => Self::ContentLength,
            15 => match name[7] | 0x20 {
                b'e' if name.eq_ignore_ascii_case(b"accept-encoding") => Self::AcceptEncoding,
                b'l' if name.eq_ignore_ascii_case(b"accept-language") => Self::AcceptLanguage,
                b'r' if name.eq_ignore_ascii_case(b"x-forwarded-for") => Self::XForwardedFor,
                _ => Self::Other,
            },
            16 => match name[12] | 0x20 {
                b'd' if name.eq_ignore_ascii_case(b"content-encoding") => Self::ContentEncoding,
                b'h' if name.eq_ignore_ascii_case(b"x-forwarded-host") => Self::XForwardedHost,
                b'p' if name.eq_ignore_ascii_case(b"x-forwarded-port") => Self::XForwardedPort,
                b't' if name.eq_ignore_ascii_case(b"proxy-connection") => Self::ProxyConnection,
                _ => Self::Other,
            },
            17 => match name[0] | 0x20 {
                b's' if name.eq_ignore_ascii_case(b"sec-websocket-key") => Self::SecWebsocketKey,
                b't' if name.eq_ignore_ascii_case(b"transfer-encoding") => Self::TransferEncoding,
                b'x' if name.eq_ignore_ascii_case(b"x-forwarded-proto") => Self::XForwardedProto,
                _ => Self::Other,
            },
            18 if name.eq_ignore_ascii_case(b"proxy-authenticate") => Self::ProxyAuthenticate,
            19 if name.eq_ignore_ascii_case(b"proxy-authorization") => Self::ProxyAuthorization,
            _ => Self::Other,
        }
    }

    /// The bit of this name in a presence mask; none for [`Known::Other`].
    #[inline]
    pub const fn bit(self) -> u64 {
        (1 << self as u8) & !1
    }
}

/// Every known name as the RFCs write it.
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
