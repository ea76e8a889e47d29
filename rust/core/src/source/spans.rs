//! Where in a text each value stands.

use std::fmt;

use serde_json::Value;

use super::problem::{Position, Problem, segments};
use super::variables::Edit;
use crate::schema::push_segment;

/// Where in a text each value stands: a member of an object at its key.
///
/// Kept as one hash of the JSON pointer and one offset a value, so that a file of 100,000 routes
/// costs megabytes; were two pointers ever to share a hash, a message would name a wrong line.
#[derive(Clone)]
pub struct Spans {
    text: Box<str>,
    /// Byte offset of each line's beginning.
    lines: Vec<u32>,
    /// What variables changed, since offsets are those of the text after it.
    edits: Vec<Edit>,
    /// Hash and offset of each value, sorted once all are noted.
    offsets: Vec<(u64, u32)>,
}

/// The hash (FNV-1a) of a JSON pointer, made segment by segment.
#[derive(Clone, Copy)]
pub(super) struct Place(u64);

impl Place {
    pub(super) const ROOT: Self = Self(0xcbf2_9ce4_8422_2325);

    pub(super) fn member(self, name: &str) -> Self {
        // A byte that no text has keeps segments apart.
        let bytes = std::iter::once(0xff).chain(name.bytes());
        Self(bytes.fold(self.0, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
    }

    pub(super) fn item(self, index: usize) -> Self {
        self.member(&index.to_string())
    }
}

/// Columns further into a line than this are counted in bytes: a text of one line may be long.
const MAX_COUNTED: usize = 1 << 16;

impl Spans {
    /// An empty table for a text, with what variables changed in it.
    pub(super) fn of(text: &str, edits: Vec<Edit>) -> Result<Self, Problem> {
        let first = Position { line: 1, column: 1 };
        if text.len() >= u32::MAX as usize / 2 {
            return Err(Problem::in_text(first, "larger than 2 GiB".into()));
        }
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(i, _)| i as u32 + 1)).collect();
        Ok(Self { text: text.into(), lines, edits, offsets: Vec::new() })
    }

    /// Notes where a value begins, by its offset in the text after substitution.
    pub(super) fn note(&mut self, place: Place, offset: usize) {
        self.offsets.push((place.0, offset as u32));
    }

    /// To be called when all is noted.
    pub(super) fn finish(&mut self) {
        self.offsets.sort_unstable();
    }

    fn offset(&self, place: Place) -> Option<usize> {
        let found = self.offsets.binary_search_by_key(&place.0, |(hash, _)| *hash).ok()?;
        Some(self.offsets[found].1 as usize)
    }

    /// The place of a byte offset in the text after substitution.
    pub(super) fn place(&self, offset: usize) -> Position {
        let offset = Edit::origin(&self.edits, offset).min(self.text.len());
        let line = self.lines.partition_point(|start| *start as usize <= offset) - 1;
        let start = self.lines[line] as usize;
        let column = match self.text.get(start..offset) {
            Some(before) if before.len() <= MAX_COUNTED => before.chars().count(),
            _ => offset - start,
        };
        Position { line: line as u32 + 1, column: column as u32 + 1 }
    }

    /// Where the value at a JSON pointer stands; where it is not in the text (a default, something
    /// from an alias), what it stands in.
    pub fn position(&self, pointer: &str) -> Position {
        let mut place = Place::ROOT;
        let mut offset = self.offset(place);
        for segment in segments(pointer) {
            place = place.member(&segment);
            offset = self.offset(place).or(offset);
        }
        self.place(offset.unwrap_or_default())
    }

    /// The places of all values of `document`, by JSON pointer: for handing them on whole.
    pub fn all(&self, document: &Value) -> Vec<(String, Position)> {
        let mut all = Vec::with_capacity(self.offsets.len());
        self.gather(document, Place::ROOT, &mut String::new(), &mut all);
        all
    }

    fn gather(
        &self,
        value: &Value,
        place: Place,
        pointer: &mut String,
        all: &mut Vec<(String, Position)>,
    ) {
        if let Some(offset) = self.offset(place) {
            all.push((pointer.clone(), self.place(offset)));
        }
        let length = pointer.len();
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    push_segment(pointer, name);
                    self.gather(member, place.member(name), pointer, all);
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    push_segment(pointer, &i.to_string());
                    self.gather(item, place.item(i), pointer, all);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Spans {
    /// Without the text, which may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spans({} values in {} lines)", self.offsets.len(), self.lines.len())
    }
}
