//! What a validation, and what the compilation of a schema, can say.

use std::fmt;

use super::check::Failure;

/// The first thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// APISIX's words, from the root of the document down to the wrong value.
    pub message: String,
    /// JSON pointer (RFC 6901) to the wrong value; for a missing property, to the object lacking it.
    pub pointer: String,
    /// Only what is wrong, for a reader who is shown the place. Where no branch of `anyOf`, `oneOf`
    /// or `if` fits, this is about the branch that came closest.
    pub reason: String,
    /// JSON pointer to what `reason` is about: `pointer`, or deeper in the closest branch.
    pub place: String,
    /// The known name (of a field or of an enum value) that is most like the wrong one.
    pub nearest: Option<String>,
}

impl From<Failure> for SchemaError {
    fn from(mut failure: Failure) -> Self {
        let pointer = pointer_of(&failure.path);
        let nearest = failure.nearest.take();
        let message = failure.message.clone();
        let closer = failure.into_closer();
        Self { message, pointer, reason: closer.reason, place: pointer_of(&closer.path), nearest }
    }
}

/// The JSON pointer of a way that has its last segment first.
fn pointer_of(path: &[String]) -> String {
    let mut pointer = String::new();
    for segment in path.iter().rev() {
        push_segment(&mut pointer, segment);
    }
    pointer
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SchemaError {}

/// Appends one member name or index to a JSON pointer, escaped as RFC 6901, section 3, has it.
pub(crate) fn push_segment(pointer: &mut String, segment: &str) {
    pointer.push('/');
    for c in segment.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// A schema document that is itself wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// What is wrong.
    pub message: String,
    /// JSON pointer to the place in the schema document.
    pub pointer: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {:?} in the schema)", self.message, self.pointer)
    }
}

impl std::error::Error for CompileError {}
