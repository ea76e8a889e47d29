use std::collections::BTreeSet;

use gateway_kit::ketama;
use serde_json::{Value, json};

use super::{Balancers, Tried};
use crate::upstream::Upstream;
use crate::upstream::endpoint::Held;
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
fn after_its_penalty_one_request_tries_a_node_and_others_follow_when_it_is_answered() {
    let upstream = of("roundrobin", &[(1, 1), (1, 0)]);
    let endpoint = &upstream.nodes[0].endpoint;
    endpoint.failures.failed(1_000);
    assert_eq!(turns(&upstream, 4, 2_000), [Some(0), Some(1), Some(1), Some(1)]);
    assert_eq!(turns(&upstream, 2, 3_000), [Some(0), Some(1)], "what is never answered ends, too");
    endpoint.answered(3_500);
    assert_eq!(turns(&upstream, 2, 3_500), [Some(0); 2]);
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
fn an_upstream_that_is_not_used_for_a_minute_is_forgotten() {
    let upstream = three();
    let mut balancers = Balancers::default();
    balancers.pick(&upstream, &mut Tried::default(), 1_000);
    balancers.prune(60_999);
    assert_eq!(balancers.upstreams.len(), 1);
    balancers.prune(61_000);
    assert_eq!(balancers.upstreams.len(), 0);
}

/// Nodes 127.0.0.1:1 and so on, each of a weight and a priority.
fn of(kind: &str, nodes: &[(u32, i32)]) -> Upstream {
    of_with(kind, nodes, &json!({}))
}

fn of_with(kind: &str, nodes: &[(u32, i32)], more: &Value) -> Upstream {
    let nodes: Vec<_> = (1..)
        .zip(nodes)
        .map(|(port, (weight, priority))| {
            json!({"host": "127.0.0.1", "port": port, "weight": weight, "priority": priority})
        })
        .collect();
    let mut document = json!({"type": kind, "nodes": nodes, "key": "remote_addr"});
    for (name, value) in more.as_object().into_iter().flatten() {
        document[name] = value.clone();
    }
    upstream(document)
}

/// The nodes of one request that fails wherever it goes, by port.
fn tried_in_order(upstream: &Upstream, hash: u32, now_ms: u64) -> Vec<u16> {
    let (mut balancers, mut tried) = (Balancers::default(), Tried::new(hash));
    let nodes = std::iter::from_fn(|| balancers.pick(upstream, &mut tried, now_ms));
    nodes.map(|node| upstream.nodes[node].endpoint.key.port).collect()
}

const KINDS: [&str; 4] = ["roundrobin", "chash", "ewma", "least_conn"];

#[test]
fn lower_priorities_follow_when_all_higher_ones_were_tried() {
    for kind in KINDS {
        let upstream = of(kind, &[(1, -1), (1, 5), (1, 0), (1, 5)]);
        let tried = tried_in_order(&upstream, 7, 1);
        assert_eq!(BTreeSet::from([tried[0], tried[1]]), BTreeSet::from([2, 4]), "{kind}");
        assert_eq!(tried[2..], [3, 1], "{kind}");
    }
}

#[test]
fn a_lower_priority_serves_while_the_higher_ones_are_passed_over() {
    for kind in KINDS {
        let upstream = of(kind, &[(1, 1), (1, 0)]);
        upstream.nodes[0].endpoint.failures.failed(1_000);
        assert_eq!(turns(&upstream, 3, 1_500), [Some(1); 3], "{kind}");
        upstream.nodes[0].endpoint.answered(1_600);
        assert_eq!(turns(&upstream, 3, 2_000), [Some(0); 3], "{kind}: it is back");
        upstream.nodes[1].endpoint.failures.failed(2_000);
        upstream.nodes[0].endpoint.failures.failed(2_000);
        assert_eq!(turns(&upstream, 3, 2_500), [Some(0); 3], "{kind}: none is left, so all are");
    }
}

#[test]
fn weight_zero_is_never_tried() {
    for kind in KINDS {
        assert_eq!(tried_in_order(&of(kind, &[(0, 0), (1, 0)]), 7, 1), [2], "{kind}");
        assert_eq!(tried_in_order(&of(kind, &[(0, 0), (0, 0)]), 7, 1), [0_u16; 0], "{kind}");
        assert_eq!(tried_in_order(&of(kind, &[(0, 0)]), 7, 1), [0_u16; 0], "{kind}");
        assert_eq!(tried_in_order(&of(kind, &[(0, 1), (1, 0)]), 7, 1), [2], "{kind}");
    }
}

#[test]
fn every_kind_tries_each_node_once() {
    for kind in KINDS {
        let mut tried = tried_in_order(&of(kind, &[(1, 0); 5]), 7, 1);
        tried.sort_unstable();
        assert_eq!(tried, [1, 2, 3, 4, 5], "{kind}");
    }
}

#[test]
fn a_balancer_that_is_unknown_is_refused() {
    let error = crate::upstream::tests::try_upstream(json!({"type": "best", "nodes": {"a:1": 1}}));
    let (pointer, message) = error.expect_err("there is no such balancer");
    assert_eq!(pointer, "/type");
    assert!(message.contains("no balancer \"best\""), "{message}");
}

#[test]
fn a_key_keeps_to_its_node() {
    let upstream = of("chash", &[(1, 0); 5]);
    let node = |key: &str| tried_in_order(&upstream, ketama::hash(key.as_bytes()), 1)[0];
    for key in ["a", "b", "c"] {
        assert!((0..10).all(|_| node(key) == node(key)));
    }
    let keys: Vec<_> = (0..100).map(|key| key.to_string()).collect();
    let nodes: BTreeSet<_> = keys.iter().map(|key| node(key)).collect();
    assert_eq!(nodes.len(), 5, "all nodes have keys");
}

#[test]
fn only_the_keys_of_a_node_that_failed_move_and_they_come_back() {
    let upstream = of("chash", &[(1, 0); 4]);
    let nodes = |now_ms| -> Vec<_> {
        let place = |key: u32| ketama::hash(&key.to_be_bytes());
        (0..200).map(|key| tried_in_order(&upstream, place(key), now_ms)[0]).collect()
    };
    let before = nodes(1);
    upstream.nodes[2].endpoint.failures.failed(1_000);
    for (before, during) in before.iter().zip(nodes(1_500)) {
        assert_eq!(*before == during, *before != 3);
    }
    upstream.nodes[2].endpoint.answered(2_000);
    assert_eq!(nodes(2_000), before);
}

#[test]
fn a_retry_goes_on_along_the_ring() {
    let upstream = of("chash", &[(1, 0); 4]);
    let place = ketama::hash(b"key");
    let order = tried_in_order(&upstream, place, 1);
    upstream.nodes[usize::from(order[0]) - 1].endpoint.failures.failed(1_000);
    assert_eq!(tried_in_order(&upstream, place, 1_001)[..3], order[1..]);
}

/// Picks and holds, as forwarding does.
fn holding<'a>(balancers: &mut Balancers, upstream: &'a Upstream) -> (usize, Option<Held<'a>>) {
    let node = balancers.pick(upstream, &mut Tried::default(), 1).expect("a node is there");
    (node, upstream.method.hold(&upstream.nodes[node].endpoint))
}

#[test]
fn the_node_with_the_fewest_requests_for_its_weight_is_next() {
    let upstream = of("least_conn", &[(1, 0), (3, 0)]);
    let mut balancers = Balancers::default();
    let held: Vec<_> = (0..8).map(|_| holding(&mut balancers, &upstream)).collect();
    assert_eq!(held.iter().filter(|(node, _)| *node == 0).count(), 2);
    drop(held);
    assert!(upstream.nodes.iter().all(|node| node.endpoint.load.active() == 0));
}

#[test]
fn equally_loaded_nodes_take_turns() {
    let upstream = of("least_conn", &[(1, 0); 3]);
    assert_eq!(turns(&upstream, 4, 1), [Some(0), Some(1), Some(2), Some(0)]);
}

#[test]
fn a_node_that_keeps_its_requests_gets_no_more() {
    let upstream = of("least_conn", &[(1, 0), (1, 0)]);
    let mut balancers = Balancers::default();
    let (slow, _held) = holding(&mut balancers, &upstream);
    for _ in 0..20 {
        assert_ne!(holding(&mut balancers, &upstream).0, slow);
    }
}

#[test]
fn another_worker_sees_what_is_under_way() {
    let upstream = of("least_conn", &[(1, 0), (1, 0)]);
    let (busy, _held) = holding(&mut Balancers::default(), &upstream);
    assert_ne!(holding(&mut Balancers::default(), &upstream).0, busy);
}

#[test]
fn only_those_who_go_by_it_count_what_is_under_way() {
    for kind in ["roundrobin", "chash"] {
        let upstream = of(kind, &[(1, 0), (1, 0)]);
        assert!(holding(&mut Balancers::default(), &upstream).1.is_none());
    }
    let single = of("least_conn", &[(1, 0)]);
    let _held = holding(&mut Balancers::default(), &single);
    assert_eq!(single.nodes[0].endpoint.load.active(), 1);
}

#[test]
fn of_two_the_faster_node_is_taken_until_it_has_more_to_do() {
    let upstream = of("ewma", &[(1, 0), (1, 0)]);
    let loads: Vec<_> = upstream.nodes.iter().map(|node| &node.endpoint.load).collect();
    loads[0].answered(100_000, 1);
    loads[1].answered(10_000, 1);
    assert_eq!(turns(&upstream, 20, 1), [Some(1); 20]);
    let _held: Vec<_> = (0..10).map(|_| loads[1].hold()).collect();
    assert_eq!(turns(&upstream, 20, 1), [Some(0); 20]);
}

#[test]
fn ewma_takes_every_node_that_may_be_the_best() {
    let upstream = of("ewma", &[(1, 0); 4]);
    let picked: BTreeSet<_> = turns(&upstream, 200, 1).into_iter().collect();
    assert_eq!(picked.len(), 4);
}

fn share_of_first(upstream: &Upstream, now_ms: u64) -> f64 {
    let picked = turns(upstream, 4_000, now_ms);
    picked.iter().filter(|node| **node == Some(0)).count() as f64 / 4_000.0
}

#[test]
fn a_node_that_is_back_grows_into_its_share() {
    for kind in ["roundrobin", "least_conn", "ewma"] {
        let upstream = of_with(kind, &[(1, 0), (1, 0)], &json!({"slow_start": 10}));
        share_of_first(&upstream, 1); // both begin
        let full = share_of_first(&upstream, 20_000);
        upstream.nodes[0].endpoint.failures.failed(20_000);
        upstream.nodes[0].endpoint.answered(30_000);
        let (cold, half) = (share_of_first(&upstream, 30_001), share_of_first(&upstream, 35_000));
        assert!(cold > 0.0 && cold < full / 4.0, "{kind}: {cold} of {full}");
        assert!(half > full / 4.0 && half < full * 0.9, "{kind}: {half} of {full}");
        assert!((share_of_first(&upstream, 40_000) - full).abs() < 0.1, "{kind}");
    }
}

#[test]
fn nodes_that_begin_together_share_as_always() {
    let upstream = of_with("roundrobin", &[(3, 0), (1, 0)], &json!({"slow_start": 10}));
    let share = share_of_first(&upstream, 1);
    assert!((share - 0.75).abs() < 0.05, "{share}");
}

#[test]
fn a_cold_node_comes_before_a_lower_priority() {
    let upstream = of_with("roundrobin", &[(1, 1), (1, 0)], &json!({"slow_start": 10}));
    assert_eq!(turns(&upstream, 50, 1), [Some(0); 50]);
}

#[test]
fn a_key_keeps_to_its_node_however_cold_that_is() {
    let upstream = of_with("chash", &[(1, 0), (1, 0)], &json!({"slow_start": 10}));
    upstream.nodes[0].endpoint.warm_up.restart(1);
    let mut places = (0..100_u32).map(|key| ketama::hash(&key.to_be_bytes()));
    let place = places.find(|place| tried_in_order(&upstream, *place, 50_000)[0] == 1);
    let place = place.expect("the first node has keys");
    assert!((0..50).all(|_| tried_in_order(&upstream, place, 2)[0] == 1));
}

#[test]
fn requests_pay_for_retries() {
    let budget = json!({"retry_budget": {"percent": 50, "min_per_second": 0}});
    let upstream = of_with("roundrobin", &[(1, 0), (1, 0)], &budget);
    let mut balancers = Balancers::default();
    for _ in 0..4 {
        let mut tried = Tried::default();
        balancers.pick(&upstream, &mut tried, 1);
        balancers.pick(&upstream, &mut tried, 1);
    }
    let granted = (0..5).filter(|_| balancers.retry(&upstream, 1)).count();
    assert_eq!(granted, 2, "further tries of a request do not pay");
}

#[test]
fn by_default_a_hundred_retries_need_no_requests() {
    let (upstream, mut balancers) = (three(), Balancers::default());
    assert!((0..100).all(|_| balancers.retry(&upstream, 1)));
    assert!(!balancers.retry(&upstream, 1));
}
