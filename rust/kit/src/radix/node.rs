//! One node of the tree, and the surgery that keeps it compressed: a node
//! without a value has at least two children.

use std::mem;
use std::sync::Arc;

use super::Kind;
use super::label::Label;

#[derive(Clone)]
pub(super) struct Node<V> {
    /// The bytes that lead here from the parent, the byte that chose this
    /// child included.
    pub(super) label: Label,
    /// The values of the key that ends here, by [`Kind`].
    pub(super) values: [Option<V>; 2],
    /// Which first bytes have a child.
    edges: Edges,
    /// Ordered by first byte, as `edges` counts them.
    pub(super) children: Vec<Arc<Node<V>>>,
}

impl<V> Node<V> {
    pub(super) fn leaf(label: &[u8], kind: Kind, value: V) -> Self {
        let mut values = [None, None];
        values[kind as usize] = Some(value);
        Self { label: Label::new(label), values, edges: Edges::default(), children: Vec::new() }
    }

    pub(super) fn value(&self, kind: Kind) -> Option<&V> {
        self.values[kind as usize].as_ref()
    }

    /// The child whose label begins with `byte`.
    #[inline]
    pub(super) fn child(&self, byte: u8) -> Option<&Node<V>> {
        self.edges.position(byte).map(|index| &*self.children[index])
    }

    /// Where in `children` the child for `byte` is.
    pub(super) fn child_index(&self, byte: u8) -> Option<usize> {
        self.edges.position(byte)
    }

    /// No key ends here.
    pub(super) fn is_vacant(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// Add a child for a first byte that has none.
    pub(super) fn add_child(&mut self, child: Arc<Node<V>>) {
        let byte = child.label.as_bytes()[0];
        self.edges.insert(byte);
        let index = self.edges.position(byte).expect("the edge was inserted just now");
        self.children.insert(index, child);
    }

    pub(super) fn remove_child(&mut self, index: usize) {
        let child = self.children.remove(index);
        self.edges.remove(child.label.as_bytes()[0]);
    }

    /// Cut the label after `at` bytes: what this node was becomes its only
    /// child.
    pub(super) fn split(&mut self, at: usize) {
        let (head, tail) = self.label.as_bytes().split_at(at);
        let (head, tail) = (Label::new(head), Label::new(tail));
        let lower = Self {
            label: tail,
            values: mem::take(&mut self.values),
            edges: mem::take(&mut self.edges),
            children: mem::take(&mut self.children),
        };
        self.label = head;
        self.add_child(Arc::new(lower));
    }
}

impl<V: Clone> Node<V> {
    /// The reverse of [`Node::split`], for a node without a value and with
    /// one child left.
    pub(super) fn absorb_only_child(&mut self) {
        let child = self.children.pop().expect("the caller saw one child");
        let mut child = Arc::unwrap_or_clone(child);
        self.label = Label::joined(self.label.as_bytes(), child.label.as_bytes());
        self.values = mem::take(&mut child.values);
        self.edges = mem::take(&mut child.edges);
        self.children = mem::take(&mut child.children);
    }
}

/// Freed in a loop: keys of thousands of bytes can nest as deep, and freeing
/// by recursion would overflow the stack.
impl<V> Drop for Node<V> {
    fn drop(&mut self) {
        let mut doomed = mem::take(&mut self.children);
        while let Some(node) = doomed.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                doomed.append(&mut node.children);
            }
        }
    }
}

/// A set of bytes that knows each member's rank.
#[derive(Clone, Default)]
struct Edges {
    bits: [u64; 4],
    /// Members below each word.
    below: [u8; 4],
}

impl Edges {
    /// The rank of `byte`, if it is a member.
    #[inline]
    fn position(&self, byte: u8) -> Option<usize> {
        let word = usize::from(byte >> 6);
        let bit = 1_u64 << (byte & 63);
        let bits = self.bits[word];
        if bits & bit == 0 {
            return None;
        }
        Some(usize::from(self.below[word]) + (bits & (bit - 1)).count_ones() as usize)
    }

    fn insert(&mut self, byte: u8) {
        self.bits[usize::from(byte >> 6)] |= 1 << (byte & 63);
        self.count();
    }

    fn remove(&mut self, byte: u8) {
        self.bits[usize::from(byte >> 6)] &= !(1 << (byte & 63));
        self.count();
    }

    fn count(&mut self) {
        let mut below = 0;
        for (slot, bits) in self.below.iter_mut().zip(self.bits) {
            *slot = below;
            // At most 192 before the last word; after it the sum is not used.
            below = below.wrapping_add(bits.count_ones() as u8);
        }
    }
}
