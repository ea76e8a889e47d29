//! Comparing a path with parameters segment by segment.
//!
//! Between two `*` lies a chunk: literals and one-segment parameters, which
//! match at a given place in one way only. The last chunk ends where the path
//! ends, the first begins where it begins, and each chunk between sits as far
//! right as it can, so that the `*` before it takes as much as it can. That
//! decides in one pass from the right, without backtracking.

use super::Segment;

#[derive(Debug)]
pub(super) struct Chunks {
    /// One more than there are `*`.
    chunks: Box<[Box<[Piece]>]>,
    /// The names of the `*`.
    stars: Box<[Box<str>]>,
}

#[derive(Debug)]
enum Piece {
    /// Slashes included; a dot is any byte but a line feed.
    Literal(Box<[u8]>),
    /// Up to the next slash, at least one byte.
    One(Box<str>),
}

impl Chunks {
    pub(super) fn new(segments: &[Segment<'_>]) -> Self {
        let (mut chunks, mut stars) = (Vec::new(), Vec::new());
        let (mut chunk, mut literal) = (Vec::new(), Vec::new());
        for (index, segment) in segments.iter().enumerate() {
            if index > 0 {
                literal.push(b'/');
            }
            if let Segment::Literal(text) = segment {
                literal.extend_from_slice(text.as_bytes());
                continue;
            }
            flush(&mut literal, &mut chunk);
            match segment {
                Segment::Any(name) => {
                    stars.push(Box::from(*name));
                    chunks.push(std::mem::take(&mut chunk).into_boxed_slice());
                }
                Segment::One(name) => chunk.push(Piece::One((*name).into())),
                Segment::Literal(_) => {}
            }
        }
        flush(&mut literal, &mut chunk);
        chunks.push(chunk.into_boxed_slice());
        Self { chunks: chunks.into_boxed_slice(), stars: stars.into_boxed_slice() }
    }

    pub(super) fn captures<'p>(
        &self,
        path: &'p [u8],
        capture: &mut impl FnMut(&str, &'p [u8]),
    ) -> bool {
        let Some(head_end) = end(&self.chunks[0], path, 0) else {
            return false;
        };
        give(&self.chunks[0], path, capture);
        // What lies right of this is spoken for.
        let mut bound = path.len();
        for index in (1..self.chunks.len()).rev() {
            let chunk = &self.chunks[index];
            let ends_path = index + 1 == self.chunks.len();
            let place = (head_end..=bound).rev().find_map(|at| {
                let to = end(chunk, path, at)?;
                (to == bound || to < bound && !ends_path).then_some((at, to))
            });
            let Some((at, to)) = place else {
                return false;
            };
            give(chunk, &path[at..], capture);
            if !ends_path {
                capture(&self.stars[index], &path[to..bound]);
            }
            bound = at;
        }
        match self.stars.first() {
            Some(star) => capture(star, &path[head_end..bound]),
            None => return head_end == bound,
        }
        true
    }
}

fn flush(literal: &mut Vec<u8>, chunk: &mut Vec<Piece>) {
    if !literal.is_empty() {
        chunk.push(Piece::Literal(std::mem::take(literal).into_boxed_slice()));
    }
}

/// Where the chunk ends if it begins at `at`.
fn end(chunk: &[Piece], path: &[u8], at: usize) -> Option<usize> {
    chunk.iter().try_fold(at, |at, piece| Some(at + piece.width(path.get(at..)?)?))
}

/// Hand over the parameters of a chunk that `path` begins with.
fn give<'p>(chunk: &[Piece], mut path: &'p [u8], capture: &mut impl FnMut(&str, &'p [u8])) {
    for piece in chunk {
        let Some((value, rest)) = piece.width(path).and_then(|width| path.split_at_checked(width))
        else {
            return;
        };
        if let Piece::One(name) = piece {
            capture(name, value);
        }
        path = rest;
    }
}

impl Piece {
    /// How much of the text it takes, if the text begins with it.
    fn width(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Literal(literal) => {
                let begins = literal.len() <= text.len()
                    && literal.iter().zip(text).all(|(pattern, byte)| {
                        pattern == byte || *pattern == b'.' && *byte != b'\n'
                    });
                begins.then_some(literal.len())
            }
            Self::One(_) => {
                let width = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
                (width > 0).then_some(width)
            }
        }
    }
}
