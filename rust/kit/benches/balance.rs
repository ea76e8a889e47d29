//! What a balancer asks of its algorithms for one request.

use std::hint::black_box;

use divan::Bencher;
use gateway_kit::ewma::Average;
use gateway_kit::ketama::{Ring, hash, node_id};
use gateway_kit::retry_budget::{Budget, RetryBudget};
use gateway_kit::weighted::SmoothWeighted;

fn main() {
    divan::main();
}

fn ring(nodes: usize) -> Ring {
    Ring::new((0..nodes).map(|node| (node_id(&format!("10.0.0.{node}:8080")), 1)))
}

/// A key's hash and its node: ten nodes have 1,600 points, a hundred 16,000.
#[divan::bench(args = [3, 10, 100], sample_size = 10_000)]
fn ketama(bencher: Bencher<'_, '_>, nodes: usize) {
    let (ring, mut turn) = (ring(nodes), 0_u64);
    bencher.bench_local(|| {
        turn = turn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ring.find(hash(&turn.to_le_bytes()), |_| true)
    });
}

/// The same while a third of the nodes is away.
#[divan::bench(args = [3, 10, 100], sample_size = 10_000)]
fn ketama_with_nodes_away(bencher: Bencher<'_, '_>, nodes: usize) {
    let (ring, mut turn) = (ring(nodes), 0_u64);
    bencher.bench_local(|| {
        turn = turn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ring.find(hash(&turn.to_le_bytes()), |node| node % 3 != 0)
    });
}

#[divan::bench(args = [3, 10, 100], sample_size = 10_000)]
fn roundrobin(bencher: Bencher<'_, '_>, nodes: u32) {
    let mut turns = SmoothWeighted::new((0..nodes).map(|node| node % 3 + 1));
    bencher.bench_local(|| turns.pick(|_| false));
}

/// The dearer part of `ewma`: the costs of two nodes.
#[divan::bench(sample_size = 10_000)]
fn ewma_of_two(bencher: Bencher<'_, '_>) {
    let (a, b) = (Average::default().with(800.0, 1), Average::default().with(700.0, 2));
    bencher.bench_local(|| black_box(a).cost(2, 9_000) < black_box(b).cost(3, 9_000));
}

#[divan::bench(sample_size = 10_000)]
fn retry_budget(bencher: Bencher<'_, '_>) {
    let mut budget = RetryBudget::new(Budget { percent: 20, min_per_second: 10 });
    let mut now = 0;
    bencher.bench_local(|| {
        now += 1;
        budget.request(black_box(now));
    });
}
