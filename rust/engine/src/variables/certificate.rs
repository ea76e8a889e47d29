//! nginx's `$ssl_client_*`: what a client showed of itself, put into words when somebody asks.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use gateway_net::tls::ClientCertificate;
use jiff::Timestamp;

use super::Fixed;
use crate::client::TlsFacts;

/// Characters of Base64 in a line of PEM (RFC 7468 section 2).
const LINE: usize = 64;

/// Appends what `fixed` stands for; nothing if no certificate was shown.
pub(super) fn append(fixed: Fixed, tls: &TlsFacts, unix_seconds: i64, out: &mut Vec<u8>) {
    let Some(client) = &tls.client else {
        if fixed == Fixed::SslClientVerify {
            out.extend_from_slice(b"NONE");
        }
        return;
    };
    match fixed {
        Fixed::SslClientVerify => match client.refusal() {
            None => out.extend_from_slice(b"SUCCESS"),
            Some(why) => drop(write!(out, "FAILED:{why}")),
        },
        Fixed::SslClientSDn => out.extend(client.subject().unwrap_or_default().bytes()),
        Fixed::SslClientIDn => out.extend(client.issuer().unwrap_or_default().bytes()),
        Fixed::SslClientSerial => {
            for byte in client.serial().unwrap_or_default() {
                let _ = write!(out, "{byte:02X}");
            }
        }
        Fixed::SslClientFingerprint => {
            for byte in client.fingerprint() {
                let _ = write!(out, "{byte:02x}");
            }
        }
        Fixed::SslClientRawCert => append_pem(client, b"\n", out),
        // A header field goes on in the next line if that begins with a blank: nginx's way of old.
        Fixed::SslClientCert => {
            append_pem(client, b"\n\t", out);
            out.truncate(out.len() - 2);
        }
        Fixed::SslClientEscapedCert => {
            let mut pem = Vec::new();
            append_pem(client, b"\n", &mut pem);
            append_escaped(&pem, out);
        }
        Fixed::SslClientVStart => append_time(client.validity().map(|(from, _)| from), out),
        Fixed::SslClientVEnd => append_time(client.validity().map(|(_, until)| until), out),
        Fixed::SslClientVRemain => {
            if let Some((_, until)) = client.validity() {
                let _ = write!(out, "{}", until.saturating_sub(unix_seconds).max(0) / 86_400);
            }
        }
        _ => {}
    }
}

fn append_pem(client: &ClientCertificate, line_end: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"-----BEGIN CERTIFICATE-----");
    for line in BASE64.encode(client.der()).as_bytes().chunks(LINE) {
        out.extend_from_slice(line_end);
        out.extend_from_slice(line);
    }
    out.extend_from_slice(line_end);
    out.extend_from_slice(b"-----END CERTIFICATE-----");
    out.extend_from_slice(line_end);
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
fn append_escaped(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

/// OpenSSL's way with times: `Nov  4 10:15:00 2026 GMT`.
fn append_time(seconds: Option<i64>, out: &mut Vec<u8>) {
    if let Some(Ok(time)) = seconds.map(Timestamp::from_second) {
        let _ = write!(out, "{}", time.strftime("%b %e %H:%M:%S %Y GMT"));
    }
}
