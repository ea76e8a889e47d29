//! The Connection field and the fields that end at this hop (RFC 9110 section 7.6.1).

use super::Reject;
use gateway_core::headers::{Headers, Known, is_token_byte};

/// What the Connection fields of a head ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// A field that is to be removed is named.
    pub(super) names: bool,
}

impl Options {
    /// Takes one Connection field.
    ///
    /// Host and Content-Length are refused here: they say where a message goes and where it
    /// ends, and whoever names them wants the next hop to see another message.
    #[inline]
    pub(super) fn take(&mut self, value: &[u8]) -> Result<(), Reject> {
        match value {
            b"keep-alive" | b"Keep-Alive" => self.keep_alive = true,
            b"close" => self.close = true,
            _ => return self.take_list(value),
        }
        Ok(())
    }

    fn take_list(&mut self, value: &[u8]) -> Result<(), Reject> {
        for option in options(value) {
            if option.is_empty() {
                continue; // RFC 9110 section 5.6.1.2 has recipients ignore empty elements
            }
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !option.iter().copied().all(is_token_byte) {
                return Err(Reject::Connection);
            } else {
                match Known::of(option) {
                    Known::Host | Known::ContentLength => return Err(Reject::Connection),
                    Known::Other => self.names = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Removes the fields that concern only the connection they came on: those that RFC 9110
/// section 7.6.1 lists, the two of proxy authentication, and those that Connection names.
///
/// A field that the gateway knows to be end-to-end (`X-Forwarded-For`, `Cookie`,
/// `Authorization` …) stays even if Connection names it: otherwise a client could strip what a
/// trusted proxy before us has added. To be called before the gateway adds fields of its own.
/// Trailer stays, since trailers are forwarded.
///
/// `names` says whether Connection names such fields at all (`connection_names` of a head);
/// without it this is one bit set.
pub fn strip_hop_by_hop(headers: &mut Headers, names: bool) {
    if !names {
        return headers.remove_all_known(HOP_BY_HOP);
    }
    let mut named: Vec<Vec<u8>> = Vec::new();
    if headers.has(Known::Connection) {
        for (known, _, value) in headers.iter_known() {
            if known == Known::Connection {
                let unknown = |option: &&[u8]| {
                    Known::of(option) == Known::Other
                        && !option.is_empty()
                        && !option.eq_ignore_ascii_case(b"close")
                };
                named.extend(options(value).filter(unknown).map(<[u8]>::to_vec));
            }
        }
    }
    headers.remove_all_known(HOP_BY_HOP);
    if !named.is_empty() {
        headers.retain(|known, name, _| {
            known != Known::Other || !named.iter().any(|option| option.eq_ignore_ascii_case(name))
        });
    }
}

/// Removes every field whose name a lenient server would take for one of `names`: the same
/// letters with `_` or `.` for `-`. The fields of exactly these names stay.
///
/// For the names that the gateway sets itself, where a twin from a client would be believed.
pub fn strip_twins(headers: &mut Headers, names: &[&str]) {
    headers.retain(|known, name, _| {
        known != Known::Other || !names.iter().any(|of| is_twin(name, of.as_bytes()))
    });
}

/// The bits of the fields that end at this hop.
pub(crate) const HOP_BY_HOP: u64 = Known::Connection.bit()
    | Known::KeepAlive.bit()
    | Known::ProxyConnection.bit()
    | Known::Te.bit()
    | Known::TransferEncoding.bit()
    | Known::Upgrade.bit()
    | Known::ProxyAuthenticate.bit()
    | Known::ProxyAuthorization.bit();

fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(trim)
}

fn trim(mut option: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = option {
        option = rest;
    }
    option
}

fn is_twin(name: &[u8], of: &[u8]) -> bool {
    let dashed = |b: &u8| if matches!(b, b'_' | b'.') { b'-' } else { b.to_ascii_lowercase() };
    name.len() == of.len()
        && name.iter().map(dashed).eq(of.iter().map(dashed))
        && !name.eq_ignore_ascii_case(of)
}
