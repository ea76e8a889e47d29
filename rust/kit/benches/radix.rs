//! What the router asks of the tree: a match among 100,000 routes, and one
//! change to a table that is being read.

use std::hint::black_box;

use divan::Bencher;
use gateway_kit::radix::{Kind, RadixTree};

fn main() {
    divan::main();
}

const ROUTES: usize = 100_000;

/// Half exact, half prefixes, as API paths look.
fn table() -> RadixTree<usize> {
    let mut tree = RadixTree::new();
    for number in 0..ROUTES {
        let kind = if number % 2 == 0 { Kind::Exact } else { Kind::Prefix };
        tree.insert(key(number).as_bytes(), kind, number);
    }
    tree
}

fn key(number: usize) -> String {
    let (version, team, service) = (number % 3, number % 97, number / 97);
    format!("/api/v{version}/team-{team}/service-{service}/items")
}

/// A path for every route, in an order that defeats the caches' guesses; in
/// one allocation, because a request's path is in cache when it is matched.
struct Paths {
    text: Vec<u8>,
    ends: Vec<usize>,
    turn: usize,
}

impl Paths {
    fn new() -> Self {
        let (mut text, mut ends) = (Vec::new(), vec![0]);
        for number in (0..ROUTES).map(|turn| turn * 7919 % ROUTES) {
            text.extend_from_slice(key(number).as_bytes());
            if number % 2 == 1 {
                text.extend_from_slice(b"/4711");
            }
            ends.push(text.len());
        }
        Self { text, ends, turn: 0 }
    }

    fn next(&mut self) -> &[u8] {
        self.turn = (self.turn + 1) % ROUTES;
        &self.text[self.ends[self.turn]..self.ends[self.turn + 1]]
    }
}

#[divan::bench(sample_size = 1000)]
fn match_among_100_000(bencher: Bencher<'_, '_>) {
    let (tree, mut paths) = (table(), Paths::new());
    bencher.bench_local(|| *tree.matches(paths.next()).next().expect("every path has a route"));
}

#[divan::bench(sample_size = 1000)]
fn match_one_again_and_again(bencher: Bencher<'_, '_>) {
    let tree = table();
    let path = key(4711) + "/1";
    bencher.bench_local(|| tree.matches(black_box(path.as_bytes())).next().is_some());
}

#[divan::bench]
fn miss_among_100_000(bencher: Bencher<'_, '_>) {
    let tree = table();
    bencher.bench_local(|| tree.matches(black_box(b"/api/v1/team-5/service-x")).next().is_some());
}

#[divan::bench]
fn change_one_of_100_000(bencher: Bencher<'_, '_>) {
    let (tree, mut paths) = (table(), Paths::new());
    bencher.bench_local(|| {
        let mut next = tree.clone();
        next.insert(paths.next(), Kind::Exact, 0);
        next
    });
}

#[divan::bench(sample_count = 10)]
fn build_100_000(bencher: Bencher<'_, '_>) {
    bencher.bench_local(table);
}
