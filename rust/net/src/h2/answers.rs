//! Which answers of a connection have not left: reads the headers of the frames that go out.
//!
//! A stream's user is done when the `h2` crate has its answer, which then waits for the client's
//! window. Here is seen what becomes of it, so that nobody's answers stand for good.
//!
//! What surprises: there is no clock. [`Answers::stalled`] is asked once in a while, and says
//! whether an answer stood still since it was asked before.

use super::guard::{END_STREAM, HEADER, kind};

/// The answers of one connection, each until its last frame was written.
#[derive(Debug, Default)]
pub(super) struct Answers {
    header: [u8; HEADER],
    /// Bytes of `header` that were written.
    begun: usize,
    /// Bytes of the payload still to be written.
    skip: usize,
    unsent: Vec<Unsent>,
}

#[derive(Debug)]
struct Unsent {
    stream: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its user adds to it, and sees for itself when it does not move.
    UnderWay,
    /// Its user is done.
    Left,
    /// The same, and none of it was written since [`Answers::stalled`] was asked.
    Still,
}

impl Answers {
    /// An answer is to come on `stream`.
    pub(super) fn begin(&mut self, stream: u32) {
        self.unsent.push(Unsent { stream, state: State::UnderWay });
    }

    /// The user of `stream` is done with it.
    pub(super) fn leave(&mut self, stream: u32) {
        if let Some(answer) = self.unsent.iter_mut().find(|answer| answer.stream == stream) {
            answer.state = State::Left;
        }
    }

    /// Nothing more is to be written on `stream`.
    pub(super) fn end(&mut self, stream: u32) {
        if let Some(at) = self.unsent.iter().position(|answer| answer.stream == stream) {
            self.unsent.swap_remove(at);
        }
    }

    /// Whether answers stand unsent whose users are done.
    pub(super) fn any_left(&self) -> bool {
        self.unsent.iter().any(|answer| answer.state != State::UnderWay)
    }

    /// Whether one of those has not moved since this was asked before.
    pub(super) fn stalled(&mut self) -> bool {
        let mut stalled = false;
        for answer in &mut self.unsent {
            match answer.state {
                State::UnderWay => {}
                State::Left => answer.state = State::Still,
                State::Still => stalled = true,
            }
        }
        stalled
    }

    /// Takes note of bytes that were written, however they are cut.
    pub(super) fn wrote(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let of = if self.skip > 0 { self.skip } else { HEADER - self.begun };
            let (part, rest) = bytes.split_at(of.min(bytes.len()));
            bytes = rest;
            if self.skip > 0 {
                self.skip -= part.len();
                continue;
            }
            self.header[self.begun..self.begun + part.len()].copy_from_slice(part);
            self.begun = (self.begun + part.len()) % HEADER;
            if self.begun == 0 {
                self.frame_begins();
            }
        }
    }

    fn frame_begins(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let stream = u32::from_be_bytes(stream);
        match kind {
            kind::DATA | kind::HEADERS if flags & END_STREAM != 0 => self.end(stream),
            kind::RST_STREAM => self.end(stream),
            kind::DATA => {
                let moved =
                    |answer: &&mut Unsent| answer.stream == stream && answer.state == State::Still;
                if let Some(answer) = self.unsent.iter_mut().find(moved) {
                    answer.state = State::Left;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, END_STREAM, kind};

    fn frame(kind: u8, flags: u8, stream: u8) -> Vec<u8> {
        vec![0, 0, 3, kind, flags, 0, 0, 0, stream, 0, 0, 0]
    }

    fn left(streams: &[u32]) -> Answers {
        let mut answers = Answers::default();
        for stream in streams {
            answers.begin(*stream);
            answers.leave(*stream);
        }
        answers
    }

    #[test]
    fn an_answer_stands_until_its_last_frame() {
        for (kind, flags) in
            [(kind::DATA, END_STREAM), (kind::HEADERS, END_STREAM), (kind::RST_STREAM, 0)]
        {
            let mut answers = left(&[1]);
            answers.wrote(&frame(kind::HEADERS, 0, 1));
            answers.wrote(&frame(kind::DATA, 0, 1));
            answers.wrote(&frame(kind, flags, 3));
            assert!(answers.any_left());
            for byte in frame(kind, flags, 1) {
                answers.wrote(&[byte]);
            }
            assert!(!answers.any_left());
        }
    }

    #[test]
    fn one_answer_that_moves_hides_none_that_stands() {
        let mut answers = left(&[1, 3]);
        assert!(!answers.stalled());
        answers.wrote(&[frame(kind::DATA, 0, 1), frame(kind::DATA, 0, 3)].concat());
        assert!(!answers.stalled());
        answers.wrote(&frame(kind::DATA, 0, 3));
        assert!(answers.stalled());
    }

    #[test]
    fn answers_under_way_are_their_users_to_watch() {
        let mut answers = Answers::default();
        answers.begin(1);
        assert!(!answers.any_left() && !answers.stalled() && !answers.stalled());
        answers.wrote(&frame(kind::DATA, END_STREAM, 1));
        answers.leave(1);
        assert!(!answers.any_left());
    }
}
