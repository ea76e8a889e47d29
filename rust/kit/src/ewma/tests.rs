use proptest::prelude::*;

use super::Average;

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-3 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn the_first_sample_counts_whole() {
    assert!(close(Average::default().with(500.0, 7).at(7), 500.0));
}

#[test]
fn after_ten_seconds_a_sample_counts_as_apisix_counts_it() {
    let average = Average::default().with(100.0, 0).with(100.0, 1);
    let (kept, sample) = ((-1.0_f32).exp(), 300.0);
    let expected = 100.0 * kept + sample * (1.0 - kept);
    assert!(close(average.with(sample, 10_001).at(10_001), expected));
}

#[test]
fn one_slow_answer_among_many_does_not_shun_a_node() {
    let average = Average::default().with(10.0, 1_000).with(1_000.0, 1_001);
    assert!(average.at(1_001) < 11.0);
}

#[test]
fn a_sample_that_comes_late_changes_nothing() {
    let average = Average::default().with(100.0, 5_000);
    assert_eq!(average.with(9_000.0, 4_000), average);
    assert!(close(average.at(4_000), average.at(5_000)));
}

#[test]
fn the_clock_may_wrap() {
    let average = Average::default().with(100.0, u32::MAX - 4_999);
    assert!(close(average.at(5_000), 100.0 * (-1.0_f32).exp()));
}

#[test]
fn a_node_that_hangs_gets_dearer_with_each_request() {
    let (slow, hanging) = (Average::default().with(300.0, 1), Average::default().with(50.0, 1));
    assert!(hanging.cost(0, 1) < slow.cost(0, 1));
    assert!(hanging.cost(6, 1) > slow.cost(0, 1));
}

#[test]
fn an_unproven_node_gets_one_request_until_it_has_answered() {
    let (known, unproven) = (Average::default().with(1e9, 1), Average::default());
    assert!(unproven.cost(0, 1) < known.cost(0, 1));
    assert!(unproven.cost(1, 1) > known.cost(1_000, 1));
    assert!(unproven.cost(2, 1) > unproven.cost(1, 1));
}

#[test]
fn nothing_is_kept_as_zero_bits() {
    assert_eq!(Average::default().to_bits(), 0);
}

proptest! {
    #[test]
    fn bits_lose_nothing(sample in 0.0_f32..1e9, now in any::<u32>()) {
        let average = Average::default().with(sample, now);
        prop_assert_eq!(Average::from_bits(average.to_bits()), average);
    }

    #[test]
    fn an_average_lies_between_its_samples(
        samples in prop::collection::vec((1.0_f32..1e6, 1_u32..5_000), 1..40),
    ) {
        let (mut average, mut now) = (Average::default(), 1);
        for (sample, gap) in &samples {
            now += gap;
            average = average.with(*sample, now);
        }
        let values = || samples.iter().map(|(sample, _)| *sample);
        let (low, high) = (values().fold(f32::MAX, f32::min), values().fold(0.0, f32::max));
        prop_assert!(average.at(now) >= low * 0.999 && average.at(now) <= high * 1.001);
    }
}
