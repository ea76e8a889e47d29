//! The three values of nginx's `log_format … escape=`.

/// How the values of variables are made safe to stand in a line. Literal text
/// is never escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// `"`, `\`, controls and everything from DEL up as `\xHH`; a missing
    /// value is `-`.
    #[default]
    Default,
    /// As inside a JSON string; a missing value is nothing. Bytes that are no
    /// UTF-8 stay as they are, as in nginx.
    Json,
    /// Nothing; a missing value is nothing.
    None,
}

impl Escape {
    /// What stands for a value that is not there.
    pub(super) fn missing(self) -> &'static [u8] {
        match self {
            Self::Default => b"-",
            Self::Json | Self::None => b"",
        }
    }

    /// Escape `out[from..]` in place. Most values need nothing and are only
    /// looked at once.
    pub(super) fn apply(self, out: &mut Vec<u8>, from: usize) {
        match self {
            Self::None => {}
            Self::Default => expand(out, from, default_width, write_default),
            Self::Json => expand(out, from, json_width, write_json),
        }
    }
}

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

fn default_width(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | ..=0x1f | 0x7f.. => 4,
        _ => 1,
    }
}

fn write_default(byte: u8, target: &mut [u8]) {
    target[..2].copy_from_slice(br"\x");
    write_hex(byte, &mut target[2..]);
}

fn json_width(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        ..=0x1f => 6,
        _ => 1,
    }
}

fn write_json(byte: u8, target: &mut [u8]) {
    target[0] = b'\\';
    target[1] = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        b'"' | b'\\' => byte,
        control => {
            target[1..4].copy_from_slice(b"u00");
            return write_hex(control, &mut target[4..]);
        }
    };
}

fn write_hex(byte: u8, target: &mut [u8]) {
    target[0] = UPPER_HEX[usize::from(byte >> 4)];
    target[1] = UPPER_HEX[usize::from(byte & 15)];
}

/// Widen the bytes of `out[from..]` whose `width` is not 1, from the back, so
/// that nothing is overwritten before it is moved.
fn expand(
    out: &mut Vec<u8>,
    from: usize,
    width: impl Fn(u8) -> usize,
    write: impl Fn(u8, &mut [u8]),
) {
    let extra: usize = out[from..].iter().map(|byte| width(*byte) - 1).sum();
    if extra == 0 {
        return;
    }
    let mut read = out.len();
    out.resize(read + extra, 0);
    let mut end = out.len();
    // Below the first byte that needs room, all is in place.
    while end > read {
        read -= 1;
        let byte = out[read];
        let start = end - width(byte);
        if end - start == 1 {
            out[start] = byte;
        } else {
            write(byte, &mut out[start..end]);
        }
        end = start;
    }
}
