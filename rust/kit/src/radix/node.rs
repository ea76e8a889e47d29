//! One node of the tree, and the surgery that keeps it compressed: a node
//! without a value has at least two children.

use std::mem;
use std::sync::Arc;

use super::Kind;
use super::label::Label;

/// What a step down the tree reads comes first and fills one cache line; the
/// values, which few nodes have, come after it.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Node<V> {
    /// The bytes that lead here from the parent, the byte that chose this
    /// child included.
    label: Label,
    /// Ordered by first byte, as `edges` counts them.
    children: Box<[Arc<Node<V>>]>,
    /// Which first bytes have a child.
    edges: Edges,
    /// The values of the key that ends here, by [`Kind`].
    pub(super) values: [Option<V>; 2],
}

impl<V> Node<V> {
    pub(super) fn leaf(label: &[u8], kind: Kind, value: V) -> Self {
        let mut leaf = Self {
            label: Label::new(label),
            children: Box::default(),
            edges: Edges::default(),
            values: [None, None],
        };
        leaf.set(kind, value);
        leaf
    }

    pub(super) fn label(&self) -> &[u8] {
        self.label.as_bytes()
    }

    /// What of a path is left below this node; `None` if it does not come here.
    #[inline]
    pub(super) fn strip_label<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        match (self.label(), path) {
            // Nodes below digits and letters: spare them the call that compares.
            ([only], [first, rest @ ..]) if only == first => Some(rest),
            (label, path) => path.strip_prefix(label),
        }
    }

    #[inline]
    pub(super) fn value(&self, kind: Kind) -> Option<&V> {
        // Without this look at the edges every step would read the values' line.
        if self.edges.values & (1 << kind as u8) == 0 {
            return None;
        }
        self.values[kind as usize].as_ref()
    }

    pub(super) fn set(&mut self, kind: Kind, value: V) -> Option<V> {
        self.edges.values |= 1 << kind as u8;
        self.values[kind as usize].replace(value)
    }

    pub(super) fn take(&mut self, kind: Kind) -> Option<V> {
        self.edges.values &= !(1 << kind as u8);
        self.values[kind as usize].take()
    }

    /// The child whose label begins with `byte`.
    #[inline]
    pub(super) fn child(&self, byte: u8) -> Option<&Node<V>> {
        self.edges.position(byte).map(|index| &*self.children[index])
    }

    /// Where among the children the one for `byte` is.
    pub(super) fn child_index(&self, byte: u8) -> Option<usize> {
        self.edges.position(byte)
    }

    pub(super) fn children(&self) -> &[Arc<Node<V>>] {
        &self.children
    }

    pub(super) fn child_mut(&mut self, index: usize) -> &mut Arc<Node<V>> {
        &mut self.children[index]
    }

    /// No key ends here.
    pub(super) fn is_vacant(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// Add a child for a first byte that has none.
    pub(super) fn add_child(&mut self, child: Arc<Node<V>>) {
        let byte = child.label()[0];
        let index = self.children.partition_point(|other| other.label()[0] < byte);
        let mut children = mem::take(&mut self.children).into_vec();
        children.insert(index, child);
        self.set_children(children);
    }

    pub(super) fn remove_child(&mut self, index: usize) {
        let mut children = mem::take(&mut self.children).into_vec();
        children.remove(index);
        self.set_children(children);
    }

    fn set_children(&mut self, children: Vec<Arc<Node<V>>>) {
        self.edges.set(children.iter().map(|child| child.label()[0]));
        self.children = children.into_boxed_slice();
    }

    /// Cut the label after `at` bytes: what this node was becomes its only
    /// child.
    pub(super) fn split(&mut self, at: usize) {
        let (head, tail) = self.label.as_bytes().split_at(at);
        let (head, tail) = (Label::new(head), Label::new(tail));
        let lower = Self {
            label: tail,
            children: mem::take(&mut self.children),
            edges: mem::take(&mut self.edges),
            values: mem::take(&mut self.values),
        };
        self.label = head;
        self.add_child(Arc::new(lower));
    }
}

impl<V: Clone> Node<V> {
    /// The reverse of [`Node::split`], for a node without a value and with
    /// one child left.
    pub(super) fn absorb_only_child(&mut self) {
        let only = mem::take(&mut self.children).into_vec().pop();
        let mut child = Arc::unwrap_or_clone(only.expect("the caller saw one child"));
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
        let mut doomed = mem::take(&mut self.children).into_vec();
        while let Some(node) = doomed.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                doomed.append(&mut mem::take(&mut node.children).into_vec());
            }
        }
    }
}

/// The first bytes of the children, and a word on the values, so that a step
/// down reads neither these nor those.
#[derive(Clone, Default)]
struct Edges {
    /// Bit n: the value of the n-th [`Kind`] is there.
    values: u8,
    /// How many of `few` count.
    len: u8,
    /// The bytes in order, where they are few: digits fit.
    few: [u8; FEW],
    /// Where they are many, the rank of each byte plus one; 0 for the others.
    many: Option<Box<[u16; 256]>>,
}

/// What fills the cache line.
const FEW: usize = 14;

impl Edges {
    /// The rank of `byte` among the members, if it is one.
    #[inline]
    fn position(&self, byte: u8) -> Option<usize> {
        if let Some(ranks) = &self.many {
            return usize::from(ranks[usize::from(byte)]).checked_sub(1);
        }
        let mut rank = find(&self.few, 0, byte);
        if rank >= 8 {
            rank = FEW - 8 + find(&self.few, FEW - 8, byte);
        }
        (rank < usize::from(self.len)).then_some(rank)
    }

    fn set(&mut self, members: impl ExactSizeIterator<Item = u8>) {
        self.few = [0; FEW];
        self.many = None;
        self.len = 0;
        if members.len() <= FEW {
            self.len = members.len() as u8;
            self.few.iter_mut().zip(members).for_each(|(slot, byte)| *slot = byte);
        } else {
            let mut ranks = Box::new([0; 256]);
            for (rank, byte) in members.enumerate() {
                ranks[usize::from(byte)] = rank as u16 + 1;
            }
            self.many = Some(ranks);
        }
    }
}

/// The first of the eight bytes from `at` that is `byte`; 8 or more if none.
#[inline]
fn find(bytes: &[u8; FEW], at: usize, byte: u8) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    // A byte of the difference is zero where the bytes are equal; the lowest
    // such is found exactly, borrows only spoil higher ones.
    let difference = u64::from_le_bytes(word) ^ (ONES * u64::from(byte));
    let zeros = difference.wrapping_sub(ONES) & !difference & TOPS;
    zeros.trailing_zeros() as usize / 8
}
