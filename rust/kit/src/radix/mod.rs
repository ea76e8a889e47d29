//! A persistent radix tree over bytes.
//!
//! A clone costs one reference count and shares every node with its origin; a
//! change copies only the nodes on the way to its key. So a table of 100,000
//! routes is replaced in microseconds while requests go on reading the old one.
//!
//! Each key may hold two values: an *exact* one, and a *prefix* one that also
//! answers for every longer path. The route `/a/*` is the prefix `/a/`.
//!
//! ```
//! use gateway_kit::radix::{Kind, RadixTree};
//!
//! let mut tree = RadixTree::new();
//! tree.insert(b"/", Kind::Prefix, "anything");
//! tree.insert(b"/users/", Kind::Prefix, "users");
//! let before = tree.clone();
//! tree.insert(b"/users/me", Kind::Exact, "me");
//!
//! let hits: Vec<_> = tree.matches(b"/users/me").copied().collect();
//! assert_eq!(hits, ["me", "users", "anything"]);
//! assert_eq!(before.matches(b"/users/me").next(), Some(&"users"));
//! ```
//!
//! What surprises: a prefix matches itself (`/a/*` matches `/a/`), and it ends
//! anywhere, not only at a slash (`/a*` matches `/ab`).

mod label;
mod node;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use node::Node;

/// How a value answers for paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// For the path that equals the key.
    Exact = 0,
    /// For every path that begins with the key.
    Prefix = 1,
}

/// The tree; see the [module](self).
pub struct RadixTree<V> {
    root: Option<Arc<Node<V>>>,
}

impl<V> RadixTree<V> {
    /// A tree that holds nothing and has allocated nothing.
    pub const fn new() -> Self {
        Self { root: None }
    }

    /// No key holds a value.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The value stored under `key` itself.
    pub fn get(&self, key: &[u8], kind: Kind) -> Option<&V> {
        let mut node = &**self.root.as_ref()?;
        let mut rest = key;
        loop {
            rest = rest.strip_prefix(node.label())?;
            let Some(&byte) = rest.first() else {
                return node.value(kind);
            };
            node = node.child(byte)?;
        }
    }

    /// The values that answer for `path`: the exact one, then the prefixes
    /// from the longest to the shortest. Nothing is allocated.
    #[inline]
    pub fn matches<'t, 'p>(&'t self, path: &'p [u8]) -> Matches<'t, 'p, V> {
        let mut matches = Matches {
            root: self.root.as_deref(),
            path,
            exact: None,
            prefixes: [None; HELD],
            held_from: 0,
            left: 0,
        };
        matches.exact = matches.descend(usize::MAX);
        matches
    }
}

impl<V: Clone> RadixTree<V> {
    /// Store `value` under `key`; what it replaces is returned.
    pub fn insert(&mut self, key: &[u8], kind: Kind, value: V) -> Option<V> {
        let Some(mut slot) = self.root.as_mut() else {
            self.root = Some(Arc::new(Node::leaf(key, kind, value)));
            return None;
        };
        let mut rest = key;
        loop {
            let node = Arc::make_mut(slot);
            let label = node.label();
            let shared = label.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if shared < label.len() {
                node.split(shared);
            }
            rest = &rest[shared..];
            let Some(&byte) = rest.first() else {
                return node.set(kind, value);
            };
            let Some(index) = node.child_index(byte) else {
                node.add_child(Arc::new(Node::leaf(rest, kind, value)));
                return None;
            };
            slot = node.child_mut(index);
        }
    }

    /// Take out the value stored under `key` itself. Nothing is copied when
    /// there is none.
    pub fn remove(&mut self, key: &[u8], kind: Kind) -> Option<V> {
        self.get(key, kind)?;
        let mut slot = self.root.as_mut()?;
        let mut rest = &key[slot.label().len()..];
        if rest.is_empty() {
            let root = Arc::make_mut(slot);
            let removed = root.take(kind);
            match (root.is_vacant(), root.children().len()) {
                (true, 0) => self.root = None,
                (true, 1) => root.absorb_only_child(),
                _ => {}
            }
            return removed;
        }
        loop {
            let node = Arc::make_mut(slot);
            let index = node.child_index(*rest.first()?)?;
            rest = &rest[node.children()[index].label().len()..];
            if rest.is_empty() {
                return Self::remove_below(node, index, kind);
            }
            slot = node.child_mut(index);
        }
    }

    /// Take the value of a child, and close up what that leaves behind.
    fn remove_below(parent: &mut Node<V>, index: usize, kind: Kind) -> Option<V> {
        let node = Arc::make_mut(parent.child_mut(index));
        let removed = node.take(kind);
        match (node.is_vacant(), node.children().len()) {
            (true, 0) => parent.remove_child(index),
            (true, 1) => node.absorb_only_child(),
            _ => {}
        }
        if parent.is_vacant() && parent.children().len() == 1 {
            parent.absorb_only_child();
        }
        removed
    }
}

// Derived, these would ask for `V: Clone` and `V: Default`.
impl<V> Clone for RadixTree<V> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<V> Default for RadixTree<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> fmt::Debug for RadixTree<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RadixTree").finish_non_exhaustive()
    }
}

/// Prefixes remembered on the way down. A path that lies under more is walked
/// again for each further lot.
const HELD: usize = 8;

/// The answers for one path, best first; from [`RadixTree::matches`].
pub struct Matches<'t, 'p, V> {
    root: Option<&'t Node<V>>,
    path: &'p [u8],
    exact: Option<&'t V>,
    /// The deepest prefixes, the n-th of the path at `n % HELD`.
    prefixes: [Option<&'t V>; HELD],
    /// The shallowest prefix held.
    held_from: usize,
    /// Prefixes not given out yet, held or not.
    left: usize,
}

impl<'t, V> Matches<'t, '_, V> {
    /// Walk down the path past at most `limit` prefixes and hold the deepest.
    /// Returns the exact value if the walk reaches it.
    #[inline]
    fn descend(&mut self, limit: usize) -> Option<&'t V> {
        let mut node = self.root?;
        let mut rest = self.path;
        let mut seen = 0;
        let exact = loop {
            let Some(below) = node.strip_label(rest) else {
                break None;
            };
            rest = below;
            if let Some(value) = node.value(Kind::Prefix) {
                self.prefixes[seen % HELD] = Some(value);
                seen += 1;
                if seen == limit {
                    break None;
                }
            }
            let Some(&byte) = rest.first() else {
                break node.value(Kind::Exact);
            };
            let Some(child) = node.child(byte) else {
                break None;
            };
            node = child;
        };
        self.left = seen;
        self.held_from = seen.saturating_sub(HELD);
        exact
    }
}

impl<'t, V> Iterator for Matches<'t, '_, V> {
    type Item = &'t V;

    #[inline]
    fn next(&mut self) -> Option<&'t V> {
        if let Some(exact) = self.exact.take() {
            return Some(exact);
        }
        if self.left == 0 {
            return None;
        }
        if self.left == self.held_from {
            self.descend(self.left);
        }
        self.left -= 1;
        self.prefixes[self.left % HELD]
    }
}
