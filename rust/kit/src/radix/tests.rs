use std::sync::Arc;

use proptest::prelude::*;

use super::node::Node;
use super::{Kind, RadixTree};

fn tree(entries: &[(&str, Kind)]) -> RadixTree<String> {
    let mut tree = RadixTree::new();
    for (key, kind) in entries {
        let star = if *kind == Kind::Prefix { "*" } else { "" };
        tree.insert(key.as_bytes(), *kind, format!("{key}{star}"));
    }
    tree
}

fn hits<'t>(tree: &'t RadixTree<String>, path: &str) -> Vec<&'t str> {
    tree.matches(path.as_bytes()).map(String::as_str).collect()
}

#[test]
fn an_empty_tree_answers_for_nothing() {
    let tree = RadixTree::<u8>::new();
    assert!(tree.is_empty());
    assert_eq!(tree.matches(b"").next(), None);
    assert_eq!(tree.matches(b"/").next(), None);
}

#[test]
fn exact_comes_before_prefixes_and_these_from_the_longest() {
    let tree = tree(&[
        ("/", Kind::Prefix),
        ("/a", Kind::Prefix),
        ("/a/", Kind::Prefix),
        ("/a/b", Kind::Exact),
        ("/a/b", Kind::Prefix),
        ("/a/bc", Kind::Exact),
    ]);
    assert_eq!(hits(&tree, "/a/b"), ["/a/b", "/a/b*", "/a/*", "/a*", "/*"]);
    assert_eq!(hits(&tree, "/a/bx"), ["/a/b*", "/a/*", "/a*", "/*"]);
    assert_eq!(hits(&tree, "/a/"), ["/a/*", "/a*", "/*"]);
    assert_eq!(hits(&tree, "/ab"), ["/a*", "/*"]);
    assert_eq!(hits(&tree, ""), [""; 0]);
}

#[test]
fn the_empty_prefix_answers_for_everything() {
    let tree = tree(&[("", Kind::Prefix), ("/a", Kind::Exact)]);
    assert_eq!(hits(&tree, ""), ["*"]);
    assert_eq!(hits(&tree, "/a"), ["/a", "*"]);
}

#[test]
fn more_prefixes_than_are_held_come_in_order() {
    let mut tree = RadixTree::new();
    for length in 0..100 {
        tree.insert("a".repeat(length).as_bytes(), Kind::Prefix, length);
    }
    let all: Vec<_> = tree.matches("a".repeat(200).as_bytes()).copied().collect();
    assert_eq!(all, (0..100).rev().collect::<Vec<_>>());
}

#[test]
fn insert_returns_what_it_replaces() {
    let mut tree = RadixTree::new();
    assert_eq!(tree.insert(b"/a", Kind::Exact, 1), None);
    assert_eq!(tree.insert(b"/a", Kind::Prefix, 2), None);
    assert_eq!(tree.insert(b"/a", Kind::Exact, 3), Some(1));
    assert_eq!(tree.get(b"/a", Kind::Prefix), Some(&2));
}

#[test]
fn removing_every_key_leaves_nothing_behind() {
    let keys = ["/", "/a", "/ab", "/abc", "/b", "/b/c/d", ""];
    let mut tree = RadixTree::new();
    for key in keys {
        tree.insert(key.as_bytes(), Kind::Exact, key);
    }
    for key in keys {
        assert_eq!(tree.remove(key.as_bytes(), Kind::Prefix), None);
        assert_eq!(tree.remove(key.as_bytes(), Kind::Exact), Some(key));
    }
    assert!(tree.is_empty());
}

#[test]
fn bytes_beyond_ascii_are_keys_like_others() {
    let mut tree = RadixTree::new();
    for byte in 0..=u8::MAX {
        tree.insert(&[b'/', byte, byte], Kind::Exact, byte);
    }
    for byte in 0..=u8::MAX {
        assert_eq!(tree.matches(&[b'/', byte, byte]).next(), Some(&byte));
        assert_eq!(tree.matches(&[b'/', byte]).next(), None);
    }
}

#[test]
fn a_change_copies_only_the_way_to_its_key() {
    let mut tree = RadixTree::new();
    for number in 0..10_000 {
        tree.insert(format!("/service/{number}").as_bytes(), Kind::Exact, number);
    }
    let before = tree.clone();
    tree.insert(b"/service/4321", Kind::Exact, 0);
    assert_eq!(before.get(b"/service/4321", Kind::Exact), Some(&4321));
    assert!(unshared(&before, &tree) <= 6, "{} nodes were copied", unshared(&before, &tree));
}

#[test]
fn a_step_down_reads_one_cache_line_of_a_node() {
    assert_eq!(std::mem::offset_of!(Node<Arc<()>>, values), 64);
}

/// How many nodes of `new` are not nodes of `old`.
fn unshared<V>(old: &RadixTree<V>, new: &RadixTree<V>) -> usize {
    fn nodes<'t, V>(tree: &'t RadixTree<V>) -> Vec<&'t Arc<Node<V>>> {
        let mut all: Vec<&'t Arc<Node<V>>> = tree.root.iter().collect();
        let mut next = 0;
        while next < all.len() {
            let node: &'t Arc<Node<V>> = all[next];
            all.extend(node.children());
            next += 1;
        }
        all
    }
    let old: std::collections::HashSet<_> = nodes(old).into_iter().map(Arc::as_ptr).collect();
    nodes(new).into_iter().filter(|node| !old.contains(&Arc::as_ptr(node))).count()
}

#[test]
fn a_very_deep_tree_is_walked_and_freed_without_recursion() {
    let mut tree = RadixTree::new();
    let key = vec![b'a'; 20_000];
    // Every 10th length a key, so that the nodes nest 2,000 deep.
    for length in (0..key.len()).step_by(10) {
        tree.insert(&key[..length], Kind::Prefix, length);
    }
    assert_eq!(tree.matches(&key).next(), Some(&19_990));
    let copy = tree.clone();
    drop(tree);
    std::thread::Builder::new()
        .stack_size(32 * 1024)
        .spawn(move || drop(copy))
        .expect("a thread can start")
        .join()
        .expect("the tree is freed on a small stack");
}

/// A matcher that cannot be wrong: it looks at every entry.
#[derive(Clone, Default)]
struct Naive(Vec<(Vec<u8>, Kind, u32)>);

impl Naive {
    fn set(&mut self, key: &[u8], kind: Kind, value: Option<u32>) {
        self.0.retain(|(k, kd, _)| (k.as_slice(), *kd) != (key, kind));
        self.0.extend(value.map(|value| (key.to_vec(), kind, value)));
    }

    fn matches(&self, path: &[u8]) -> Vec<u32> {
        let mut found: Vec<_> = (self.0.iter())
            .filter(|(key, kind, _)| match kind {
                Kind::Exact => path == key,
                Kind::Prefix => path.starts_with(key),
            })
            .collect();
        found.sort_by_key(|(key, kind, _)| (*kind == Kind::Prefix, usize::MAX - key.len()));
        found.into_iter().map(|(_, _, value)| *value).collect()
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // Few letters, so that keys share prefixes; some longer than a label holds.
    prop_oneof![
        8 => prop::collection::vec(prop::sample::select(vec![b'/', b'a', b'b', 0xff]), 0..8),
        1 => prop::collection::vec(prop::sample::select(vec![b'a', b'b']), 20..40),
        1 => (0_usize..60).prop_map(|length| vec![b'a'; length]),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_naive_matcher_and_leaves_snapshots_alone(
        changes in prop::collection::vec((key(), any::<bool>(), prop::option::weighted(0.7, any::<u32>())), 1..60),
        paths in prop::collection::vec(key(), 1..20),
    ) {
        let (mut tree, mut naive) = (RadixTree::new(), Naive::default());
        let mut snapshots = Vec::new();
        for (key, exact, value) in changes {
            let kind = if exact { Kind::Exact } else { Kind::Prefix };
            snapshots.push((tree.clone(), naive.clone()));
            match value {
                Some(value) => tree.insert(&key, kind, value),
                None => tree.remove(&key, kind),
            };
            naive.set(&key, kind, value);
        }
        snapshots.push((tree, naive));
        for (tree, naive) in &snapshots {
            for path in paths.iter().chain(naive.0.iter().map(|(key, ..)| key)) {
                prop_assert_eq!(tree.matches(path).copied().collect::<Vec<_>>(), naive.matches(path));
            }
        }
    }
}
