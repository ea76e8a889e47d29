//! The codec as dialogues of bytes.

mod chunked;
mod encode;
mod property;
mod request;
mod response;

use gateway_core::headers::Headers;

/// Fields as `name: value`.
fn fields(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .map(|(n, v)| format!("{}: {}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
        .collect()
}
