use proptest::prelude::*;

use super::SmoothWeighted;

fn picks(nodes: &mut SmoothWeighted, count: usize) -> Vec<usize> {
    (0..count).map(|_| nodes.pick(|_| false).expect("a node has weight")).collect()
}

#[test]
fn equal_weights_take_turns() {
    assert_eq!(picks(&mut SmoothWeighted::new([1, 1, 1]), 6), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn heavy_nodes_do_not_come_in_bursts() {
    assert_eq!(picks(&mut SmoothWeighted::new([4, 2, 1]), 7), [0, 1, 0, 2, 0, 1, 0]);
}

#[test]
fn weight_zero_is_never_picked() {
    assert_eq!(picks(&mut SmoothWeighted::new([0, 1, 0]), 3), [1, 1, 1]);
    assert_eq!(SmoothWeighted::new([0, 0]).pick(|_| false), None);
    assert_eq!(SmoothWeighted::new([]).pick(|_| false), None);
}

#[test]
fn tried_nodes_are_skipped_until_none_is_left() {
    let mut nodes = SmoothWeighted::new([3, 1]);
    assert_eq!(nodes.pick(|index| index == 0), Some(1));
    assert_eq!(nodes.pick(|_| true), None);
}

#[test]
fn a_node_that_was_away_gets_no_burst() {
    let mut nodes = SmoothWeighted::new([1, 1]);
    for _ in 0..100 {
        nodes.pick(|index| index == 1);
    }
    assert_eq!(picks(&mut nodes, 4).iter().filter(|index| **index == 1).count(), 2);
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let mut nodes = SmoothWeighted::new([u32::MAX; 4]);
    assert_eq!(picks(&mut nodes, 4), [0, 1, 2, 3]);
}

proptest! {
    #[test]
    fn one_round_gives_each_node_its_weight(weights in prop::collection::vec(0_u32..20, 1..8)) {
        let round: u32 = weights.iter().sum();
        let mut nodes = SmoothWeighted::new(weights.iter().copied());
        let mut counts = vec![0; weights.len()];
        for _ in 0..round {
            counts[nodes.pick(|_| false).expect("a node has weight")] += 1;
        }
        prop_assert_eq!(counts, weights);
    }
}
