//! The places of known keys were computed with `chash.c` of lua-resty-balancer 0.05.

use proptest::prelude::*;

use super::{Ring, UNITS, hash, node_id, units};

fn ring(nodes: &[(&str, u32)]) -> Ring {
    Ring::new(nodes.iter().map(|(address, weight)| (node_id(address), *weight)))
}

/// The nodes of the keys "0", "1" … in order.
fn nodes_of(ring: &Ring, keys: usize) -> Vec<usize> {
    let node = |key: usize| ring.find(hash(key.to_string().as_bytes()), |_| true);
    (0..keys).map(|key| node(key).expect("the ring has points")).collect()
}

fn counts(ring: &Ring, nodes: usize) -> Vec<usize> {
    let picked = nodes_of(ring, 1_000);
    (0..nodes).map(|node| picked.iter().filter(|picked| **picked == node).count()).collect()
}

/// One number for the places and nodes of all points.
fn digest(ring: &Ring) -> u32 {
    ring.points.iter().fold(0_u32, |sum, point| {
        sum.wrapping_mul(31).wrapping_add(point.place).wrapping_add(point.node)
    })
}

#[test]
fn equal_nodes_lie_where_apisix_puts_them() {
    let ring = ring(&[("127.0.0.1:1980", 1), ("127.0.0.1:1981", 1), ("127.0.0.1:1982", 1)]);
    assert_eq!((ring.points.len(), digest(&ring)), (480, 2_252_083_514));
    assert_eq!(
        nodes_of(&ring, 32),
        [
            2, 2, 0, 0, 1, 1, 1, 2, 0, 1, 1, 2, 1, 2, 1, 0, 2, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1,
            1, 2, 2
        ]
    );
    assert_eq!(counts(&ring, 3), [310, 356, 334]);
}

#[test]
fn weighted_nodes_lie_where_apisix_puts_them() {
    let nodes = [("127.0.0.1:16730", 3), ("127.0.0.1:16731", 6), ("127.0.0.1:16732", 10)];
    let ring = ring(&nodes);
    assert_eq!((ring.points.len(), digest(&ring)), (3_040, 4_090_112_570));
    assert_eq!(counts(&ring, 3), [165, 316, 519]);
}

#[test]
fn names_and_ipv6_lie_where_apisix_puts_them() {
    let ring = ring(&[("[::1]:8080", 2), ("foo.example:80", 1)]);
    assert_eq!((ring.points.len(), digest(&ring)), (480, 284_124_872));
    assert_eq!(counts(&ring, 2), [698, 302]);
}

#[test]
fn a_refused_node_is_stepped_over_in_the_order_of_the_ring() {
    let ring = ring(&[("127.0.0.1:1980", 1), ("127.0.0.1:1981", 1), ("127.0.0.1:1982", 1)]);
    let key = hash(b"session-7");
    assert_eq!(ring.find(key, |_| true), Some(0));
    assert_eq!(ring.find(key, |node| node != 0), Some(1));
    assert_eq!(ring.find(key, |node| node == 2), Some(2));
    assert_eq!(ring.find(key, |_| false), None);
}

#[test]
fn the_ring_is_closed() {
    let ring = ring(&[("127.0.0.1:1980", 1), ("127.0.0.1:1981", 1)]);
    let (first, last) = (ring.points[0], ring.points[ring.points.len() - 1]);
    assert_eq!(ring.find(last.place + 1, |_| true), Some(first.node as usize));
    assert_eq!(ring.find(last.place, |_| true), Some(last.node as usize));
    assert_eq!(ring.find(0, |_| true), Some(first.node as usize));
}

#[test]
fn only_what_weights_have_in_common_is_lost() {
    assert_eq!(units(&[1_000_000_000, 0, 4_000_000_000]), [1, 0, 4]);
    assert_eq!(units(&[2, 4, 6]), [1, 2, 3]);
    assert_eq!(units(&[0, 0]), [0, 0]);
    assert_eq!(units(&[]), [0_u32; 0]);
}

#[test]
fn weights_without_a_divisor_are_rounded_to_what_fits() {
    let rounded = units(&[1_000_003, 999_983, 1]);
    assert!(rounded.iter().map(|units| u64::from(*units)).sum::<u64>() <= UNITS + 3);
    assert_eq!(rounded[2], 1, "a small node keeps a place");
    assert!(rounded[0].abs_diff(rounded[1]) <= 1);
}

#[test]
fn a_ring_without_points_has_no_node() {
    assert_eq!(ring(&[]).find(7, |_| true), None);
    assert_eq!(ring(&[("127.0.0.1:1980", 0)]).find(7, |_| true), None);
}

/// Some nodes with their weights.
fn nodes() -> impl Strategy<Value = Vec<(String, u32)>> {
    prop::collection::btree_map(1_u16..9_000, 1_u32..6, 2..8).prop_map(|nodes| {
        nodes.into_iter().map(|(port, weight)| (format!("10.0.0.1:{port}"), weight)).collect()
    })
}

fn ring_of(nodes: &[(String, u32)]) -> Ring {
    Ring::new(nodes.iter().map(|(address, weight)| (node_id(address), *weight)))
}

proptest! {
    /// 160 points leave a node's share 8 % off, as a standard deviation; 40 % is five of them.
    #[test]
    fn keys_are_spread_by_weight(nodes in nodes()) {
        let ring = ring_of(&nodes);
        let total: u32 = nodes.iter().map(|(_, weight)| weight).sum();
        let picked = nodes_of(&ring, 20_000);
        for (node, (_, weight)) in nodes.iter().enumerate() {
            let count = picked.iter().filter(|picked| **picked == node).count() as f64;
            let expected = 20_000.0 * f64::from(*weight) / f64::from(total);
            prop_assert!((count / expected - 1.0).abs() < 0.40, "{count} of {expected}");
        }
    }

    #[test]
    fn a_node_that_is_away_moves_only_its_own_keys(nodes in nodes(), away in 0_usize..8) {
        let (ring, away) = (ring_of(&nodes), away % nodes.len());
        for key in 0..500_u32 {
            let place = hash(&key.to_be_bytes());
            let before = ring.find(place, |_| true);
            let during = ring.find(place, |node| node != away);
            if before == Some(away) {
                prop_assert!(during.is_some() && during != Some(away));
            } else {
                prop_assert_eq!(before, during);
            }
        }
    }

    /// With weights whose divisor stays 1, a node that leaves the configuration moves only its own
    /// keys, too, and to where stepping over it moves them.
    #[test]
    fn a_node_that_leaves_moves_its_keys_as_one_that_is_away(nodes in nodes()) {
        let mut nodes = nodes;
        nodes[0].1 = 1;
        let (full, less) = (ring_of(&nodes), ring_of(&nodes[..nodes.len() - 1]));
        let last = nodes.len() - 1;
        for key in 0..500_u32 {
            let place = hash(&key.to_be_bytes());
            prop_assert_eq!(full.find(place, |node| node != last), less.find(place, |_| true));
        }
    }
}
