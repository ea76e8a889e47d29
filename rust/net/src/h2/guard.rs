//! Counts frames that cost work and bring none, and says when a peer has sent too many.
//!
//! The `h2` crate bounds what it must remember (streams that were reset, header blocks, small
//! DATA). What it answers or throws away at once it does not bound: settings, pings, priorities,
//! window updates, empty frames, streams that are opened and reset. HAProxy calls such frames
//! glitches and counts them on a connection; so does this.
//!
//! ```
//! use gateway_net::h2::Guard;
//!
//! let mut guard = Guard::default();
//! let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
//! let sent = (0..1_000).take_while(|_| guard.received(&ping)).count();
//! assert_eq!(sent, 249);
//! ```
//!
//! Passing by, it looks for paths with a fragment, which the crate would cut off, and for
//! pseudo-header fields in trailers, which it would drop.
//!
//! What surprises: what is sent to the peer earns credit, because a client that reads answers
//! sends a window update for some of them; and time does ([`Guard::forgive`]), because one that
//! pings once a second for a week does no harm.

use h2::Reason;

use super::answers::Answers;
use super::block::Blocks;
use super::server::PREFACE;

/// Frames without use that a peer may send at first, counted in their cost.
const CREDIT: u32 = 500;
/// Bytes sent to the peer that earn one. Some clients answer each DATA frame with two window
/// updates, and the frames of an event stream are small.
const BYTES_PER_CREDIT: u32 = 32;
/// Bytes of a frame header (RFC 9113 section 4.1).
pub(super) const HEADER: usize = 9;

/// Types of frames (RFC 9113 section 6).
pub(super) mod kind {
    pub(in crate::h2) const DATA: u8 = 0;
    pub(in crate::h2) const HEADERS: u8 = 1;
    pub(in crate::h2) const RST_STREAM: u8 = 3;
    pub(in crate::h2) const SETTINGS: u8 = 4;
    pub(in crate::h2) const PING: u8 = 6;
    pub(in crate::h2) const CONTINUATION: u8 = 9;
}

// Flags of frames.
pub(super) const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Bytes of a header block, at most: what the crate takes in one HEADERS and its CONTINUATIONs.
const BLOCK: usize = 128 << 10;
/// Requests with a fragment that were not asked for, at most.
const UNASKED: usize = 200;

/// The account of one connection. Sees bytes as they come, however they are cut.
#[derive(Debug)]
pub struct Guard {
    header: [u8; HEADER],
    /// Bytes of `header` that have come.
    begun: usize,
    /// Bytes that belong to no header still to come.
    skip: usize,
    credit: u32,
    /// Bytes sent that have not earned yet.
    sent: u32,
    /// Whether trailers held what may not be there.
    malformed: bool,
    /// What is looked at with a client.
    requests: Option<Box<Requests>>,
}

/// What is looked at with a client.
#[derive(Debug, Default)]
struct Requests {
    blocks: Blocks,
    /// A block that has begun.
    block: Option<Vec<u8>>,
    /// Streams whose path holds a fragment, until they are asked for.
    found: Vec<u32>,
    answers: Answers,
    /// The newest stream: a block on it, or on an older one, holds trailers.
    newest: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            header: [0; HEADER],
            begun: 0,
            skip: 0,
            credit: CREDIT,
            sent: 0,
            malformed: false,
            requests: None,
        }
    }
}

impl Guard {
    /// An account of a client's frames, which begin behind its preface.
    pub fn of_client() -> Self {
        let requests = Some(Box::default());
        Self { skip: PREFACE.len(), requests, ..Self::default() }
    }

    /// Takes bytes that were received; false once nothing more is to be taken of the
    /// peer.
    pub fn received(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let of = if self.skip > 0 { self.skip } else { HEADER - self.begun };
            let (part, rest) = bytes.split_at(of.min(bytes.len()));
            bytes = rest;
            if self.skip > 0 {
                self.skip -= part.len();
                if let Some(block) = self.requests.as_mut().and_then(|r| r.block.as_mut()) {
                    block.extend_from_slice(part);
                }
            } else {
                self.header[self.begun..self.begun + part.len()].copy_from_slice(part);
                self.begun = (self.begun + part.len()) % HEADER;
                if self.begun == 0 {
                    self.frame_begins();
                }
            }
            if self.skip == 0 && self.begun == 0 {
                self.frame_ends();
            }
        }
        self.credit > 0 && !self.malformed
    }

    /// Why nothing more is to be taken of the peer: the code to end its connection with.
    pub fn reason(&self) -> Reason {
        if self.malformed { Reason::PROTOCOL_ERROR } else { Reason::ENHANCE_YOUR_CALM }
    }

    /// The answers to a client, if the peer is one.
    pub(super) fn answers(&mut self) -> Option<&mut Answers> {
        self.requests.as_mut().map(|requests| &mut requests.answers)
    }

    fn frame_begins(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.credit = self.credit.saturating_sub(cost(kind, flags, self.skip));
        if let Some(requests) = &mut self.requests {
            match kind {
                kind::HEADERS => requests.block = Some(Vec::new()),
                kind::CONTINUATION => {}
                kind::RST_STREAM => {
                    requests.block = None;
                    requests.answers.end(u32::from_be_bytes(stream) & 0x7fff_ffff);
                }
                _ => requests.block = None,
            }
        }
    }

    fn frame_ends(&mut self) {
        let [_, _, _, kind, flags, stream @ ..] = self.header;
        let Some(requests) = &mut self.requests else { return };
        let Some(block) = &mut requests.block else { return };
        if kind == kind::HEADERS {
            strip(block, flags);
        }
        if flags & END_HEADERS != 0 {
            let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
            let found = requests.blocks.read(block);
            if stream <= requests.newest {
                self.malformed |= found.pseudo;
            } else if found.fragment {
                requests.found.push(stream);
            }
            requests.newest = requests.newest.max(stream);
            requests.block = None;
        }
        if requests.found.len() > UNASKED
            || requests.block.as_ref().is_some_and(|b| b.len() > BLOCK)
        {
            self.credit = 0;
        }
    }

    /// Whether the path of the request on `stream` holds a fragment. To be asked once, in the
    /// order of streams.
    pub fn has_fragment(&mut self, stream: u32) -> bool {
        let Some(requests) = &mut self.requests else { return false };
        let found = requests.found.contains(&stream);
        requests.found.retain(|other| *other > stream);
        found
    }

    /// Notes that `bytes` were sent to the peer.
    pub fn sent(&mut self, bytes: usize) {
        let sent = self.sent.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.sent = sent % BYTES_PER_CREDIT;
        if self.credit > 0 {
            self.credit = (self.credit.saturating_add(sent / BYTES_PER_CREDIT)).min(CREDIT);
        }
    }

    /// Gives all credit back, to a peer that has some left. To be called every few seconds.
    pub fn forgive(&mut self) {
        if self.credit > 0 {
            self.credit = CREDIT;
        }
    }
}

/// Takes padding and priority away from the payload of a HEADERS frame (RFC 9113 section 6.2).
fn strip(block: &mut Vec<u8>, flags: u8) {
    let padding =
        if flags & PADDED != 0 { block.first().map_or(0, |n| usize::from(*n)) } else { 0 };
    let before = usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 };
    block.truncate(block.len().saturating_sub(padding));
    block.drain(..before.min(block.len()));
}

/// What a frame costs: nothing if it asks for or carries content, two if it is answered or undoes
/// what another asked for, one otherwise.
fn cost(kind: u8, flags: u8, length: usize) -> u32 {
    // What a short frame with padding holds may be padding alone.
    let least = if flags & PADDED != 0 { 256 } else { 0 };
    match kind {
        kind::DATA if flags & END_STREAM != 0 => 0,
        kind::DATA if length > least => 0,
        kind::HEADERS => 0,
        kind::RST_STREAM | kind::SETTINGS | kind::PING => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{CREDIT, END_HEADERS, Guard, PADDED, PREFACE, PRIORITY, kind};

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(9 + usize::from(length), 0);
        frame
    }

    /// How many such frames are taken of a thousand.
    fn taken(frame: &[u8]) -> usize {
        let mut guard = Guard::default();
        (0..1_000).take_while(|_| guard.received(frame)).count()
    }

    #[test]
    fn frames_without_use_end_within_a_thousand() {
        for kind in 2..=20 {
            assert!(taken(&frame(kind, 0, 8)) < 1_000, "type {kind}");
        }
        assert!(taken(&frame(kind::DATA, 0, 0)) < 1_000, "empty DATA");
    }

    #[test]
    fn requests_and_content_are_free() {
        assert_eq!(taken(&frame(kind::HEADERS, 5, 30)), 1_000);
        assert_eq!(taken(&frame(kind::DATA, 0, 100)), 1_000);
        assert_eq!(taken(&frame(kind::DATA, 1, 0)), 1_000, "the end of a body");
    }

    #[test]
    fn bytes_may_be_cut_anywhere() {
        let flood: Vec<u8> = (0..=CREDIT).flat_map(|_| frame(8, 0, 4)).collect();
        for piece in [1, 2, 7, 9, 10, 13, 14, 1_000] {
            let mut guard = Guard::default();
            let ended = flood.chunks(piece).position(|bytes| !guard.received(bytes));
            let at = ended.expect("the flood ends") * piece;
            assert!(at.abs_diff(CREDIT as usize * 13) <= 13 + piece, "pieces of {piece}: {at}");
        }
    }

    #[test]
    fn a_fragment_is_found_in_any_piece() {
        let block = b"\x82\x04\x04/a#b";
        let mut bytes = [PREFACE, &frame(kind::SETTINGS, 0, 0)].concat();
        bytes.extend([0, 0, 16, kind::HEADERS, PADDED | PRIORITY, 0, 0, 0, 1, 3, 0, 0, 0, 0, 9]);
        bytes.extend_from_slice(&block[..7]);
        bytes.extend([0; 3]);
        bytes.extend([0, 0, 0, kind::CONTINUATION, END_HEADERS, 0, 0, 0, 1]);
        for piece in 1..bytes.len() {
            let mut guard = Guard::of_client();
            assert!(bytes.chunks(piece).all(|piece| guard.received(piece)));
            assert!(guard.has_fragment(1), "pieces of {piece}");
            assert!(!guard.has_fragment(1), "it is told once");
        }
    }

    #[test]
    fn trailers_without_pseudo_header_fields_are_taken() {
        let headers = |block: &[u8]| {
            let length = block.len() as u8;
            [&[0, 0, length, kind::HEADERS, END_HEADERS, 0, 0, 0, 1][..], block].concat()
        };
        let mut guard = Guard::of_client();
        assert!(guard.received(PREFACE));
        assert!(guard.received(&headers(&[0x82, 0x84])));
        assert!(guard.received(&headers(b"\x00\x01x\x01y")));
        assert!(!guard.received(&headers(&[0x82])));
        assert_eq!(guard.reason(), h2::Reason::PROTOCOL_ERROR);
    }

    #[test]
    fn a_reader_of_answers_may_update_its_windows() {
        let mut guard = Guard::default();
        for _ in 0..10_000 {
            guard.sent(100);
            assert!(guard.received(&frame(8, 0, 4)) && guard.received(&frame(8, 0, 4)));
        }
    }

    #[test]
    fn acknowledging_a_flood_earns_nothing() {
        let mut guard = Guard::default();
        let pings = (0..1_000).take_while(|_| {
            guard.sent(17);
            guard.received(&frame(kind::PING, 0, 8))
        });
        assert!(pings.count() < 1_000);
    }

    #[test]
    fn one_ping_a_second_lasts() {
        let mut guard = Guard::default();
        for second in 0..100_000 {
            assert!(guard.received(&frame(kind::PING, 0, 8)));
            if second % 10 == 0 {
                guard.forgive();
            }
        }
    }

    #[test]
    fn who_sent_too_much_is_not_forgiven() {
        let mut guard = Guard::default();
        while guard.received(&frame(kind::PING, 0, 8)) {}
        guard.forgive();
        guard.sent(1 << 20);
        assert!(!guard.received(&[]));
    }
}
