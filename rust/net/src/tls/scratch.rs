//! The buffers that all TLS connections of a worker share.
//!
//! A record is decrypted and a reply encrypted within one poll, so no connection needs a buffer of
//! its own except for what a peer left unfinished.

use std::cell::RefCell;

/// The longest record on the wire: header, 16 KiB, and what encryption may add (RFC 8446 section
/// 5.2; RFC 5246 allows 2 KiB, which nobody uses).
pub(super) const RECORD: usize = 5 + 16_384 + 256;

/// What one read takes from the socket at most: four records.
pub(super) const READ: usize = 4 * RECORD;

/// What one write encrypts at most, in bytes of plaintext: four records, one system call.
pub(super) const WRITE: usize = 4 * 16_384;

/// Room for handshake leftovers and alerts that leave with the plaintext of a write.
pub(super) const WRITE_SLACK: usize = 8_192;

/// What encryption adds to a record at most (TLS 1.2 with AES-GCM adds 29, TLS 1.3 adds 22).
const RECORD_OVERHEAD: usize = 64;

pub(super) struct Scratch {
    /// Ciphertext as it was read, decrypted in place.
    pub(super) incoming: Box<[u8]>,
    /// Ciphertext as it will be sent.
    pub(super) outgoing: Box<[u8]>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            // An unfinished handshake may hold `READ` already.
            incoming: vec![0; 2 * READ].into(),
            outgoing: vec![0; WRITE_SLACK + WRITE + 5 * RECORD_OVERHEAD].into(),
        }
    }
}

thread_local! {
    /// Borrowed for the length of one poll of one connection; nothing that runs meanwhile polls
    /// another.
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}
