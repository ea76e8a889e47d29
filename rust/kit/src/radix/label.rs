//! The bytes on the edge into a node: inline when short, so that a step down
//! the tree touches one allocation.

/// Longest label kept inside the node. With the discriminant and the length
/// it fills exactly three words, as the heap form does.
const INLINE: usize = 22;

/// An immutable byte string of three words.
#[derive(Clone)]
pub(super) enum Label {
    /// `bytes[..len]`.
    Inline { len: u8, bytes: [u8; INLINE] },
    /// More than [`INLINE`] bytes.
    Heap(Box<[u8]>),
}

impl Label {
    pub(super) fn new(text: &[u8]) -> Self {
        Self::joined(text, &[])
    }

    /// `head` followed by `tail`.
    pub(super) fn joined(head: &[u8], tail: &[u8]) -> Self {
        let len = head.len() + tail.len();
        if len > INLINE {
            return Self::Heap([head, tail].concat().into_boxed_slice());
        }
        let mut bytes = [0; INLINE];
        bytes[..head.len()].copy_from_slice(head);
        bytes[head.len()..len].copy_from_slice(tail);
        Self::Inline { len: len as u8, bytes }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }
}
