use serde_json::json;

use super::{Balancers, Tried};
use crate::upstream::Upstream;
use crate::upstream::tests::upstream;

fn three() -> Upstream {
    upstream(json!({"nodes": [
        {"host": "127.0.0.1", "port": 1, "weight": 2},
        {"host": "127.0.0.1", "port": 2, "weight": 1},
        {"host": "127.0.0.1", "port": 3, "weight": 0},
    ]}))
}

fn turns(upstream: &Upstream, requests: usize, now_ms: u64) -> Vec<Option<usize>> {
    let mut balancers = Balancers::default();
    (0..requests).map(|_| balancers.pick(upstream, &mut Tried::default(), now_ms)).collect()
}

#[test]
fn turns_follow_the_weights() {
    let picked = turns(&three(), 6, 1);
    assert_eq!(picked.iter().filter(|node| **node == Some(0)).count(), 4);
    assert_eq!(picked.iter().filter(|node| **node == Some(1)).count(), 2);
}

#[test]
fn a_request_tries_a_node_once() {
    let upstream = three();
    let (mut balancers, mut tried) = (Balancers::default(), Tried::default());
    let mut picked: Vec<_> =
        std::iter::from_fn(|| balancers.pick(&upstream, &mut tried, 1)).collect();
    picked.sort_unstable();
    assert_eq!(picked, [0, 1], "weight 0 gets no requests");
}

#[test]
fn a_node_that_failed_is_passed_over_while_there_is_another() {
    let upstream = three();
    upstream.nodes[0].endpoint.failures.failed(1_000);
    assert_eq!(turns(&upstream, 3, 1_500), [Some(1); 3]);
    assert!(turns(&upstream, 3, 2_000).contains(&Some(0)));
}

#[test]
fn when_all_have_failed_all_are_tried() {
    let upstream = three();
    for node in &upstream.nodes {
        node.endpoint.failures.failed(1_000);
    }
    let (mut balancers, mut tried) = (Balancers::default(), Tried::default());
    assert!(balancers.pick(&upstream, &mut tried, 1_001).is_some());
    assert!(balancers.pick(&upstream, &mut tried, 1_001).is_some());
    assert!(balancers.pick(&upstream, &mut tried, 1_001).is_none());
}

#[test]
fn nodes_beyond_the_sixty_fourth_are_remembered_too() {
    let mut tried = Tried::default();
    for node in [0, 63, 64, 1_000] {
        assert!(!tried.has(node));
        tried.add(node);
        assert!(tried.has(node));
    }
}

#[test]
fn an_upstream_that_is_not_used_is_forgotten() {
    let upstream = three();
    let mut balancers = Balancers::default();
    balancers.pick(&upstream, &mut Tried::default(), 1);
    balancers.prune();
    assert_eq!(balancers.turns.len(), 1);
    balancers.prune();
    assert_eq!(balancers.turns.len(), 0);
}
