use proptest::prelude::*;

use super::{Budget, RetryBudget};

fn budget(percent: u32, min_per_second: u32) -> RetryBudget {
    RetryBudget::new(Budget { percent, min_per_second })
}

fn granted(budget: &mut RetryBudget, now_ms: u64) -> usize {
    (0..100_000).take_while(|_| budget.retry(now_ms)).count()
}

#[test]
fn few_requests_live_on_the_floor() {
    let mut budget = budget(20, 10);
    assert_eq!(granted(&mut budget, 1), 100);
}

#[test]
fn many_requests_pay_by_their_number() {
    let mut budget = budget(20, 10);
    (0..10_000).for_each(|_| budget.request(1));
    assert_eq!(granted(&mut budget, 9_999), 2_100);
}

#[test]
fn what_is_older_than_ten_seconds_neither_pays_nor_costs() {
    let mut budget = budget(50, 0);
    (0..100).for_each(|_| budget.request(500));
    assert_eq!(granted(&mut budget, 5_500), 50);
    assert_eq!(granted(&mut budget, 10_500), 0, "the requests are forgotten first");
    (0..100).for_each(|_| budget.request(10_500));
    assert_eq!(granted(&mut budget, 10_500), 0, "the retries are remembered");
    assert_eq!(granted(&mut budget, 15_500), 50);
}

#[test]
fn a_long_pause_forgets_everything() {
    let mut budget = budget(20, 1);
    assert_eq!(granted(&mut budget, 1), 10);
    assert_eq!(granted(&mut budget, 1_000_000_000), 10);
}

#[test]
fn nothing_allowed_is_nothing_granted() {
    let mut budget = budget(0, 0);
    budget.request(1);
    assert!(!budget.retry(1));
}

proptest! {
    #[test]
    fn no_ten_seconds_grant_more_than_they_pay_for(
        steps in prop::collection::vec((0_u64..3_000, any::<bool>()), 1..300),
        percent in 0_u32..=100,
    ) {
        let mut budget = budget(percent, 1);
        let (mut now, mut requests, mut retries) = (1_u64, Vec::new(), Vec::new());
        for (gap, retry) in steps {
            now += gap;
            if !retry {
                budget.request(now);
                requests.push(now);
            } else if budget.retry(now) {
                retries.push(now);
            }
            let recent = |times: &[u64], ms| times.iter().filter(|t| **t + ms > now).count() as u64;
            // A slot is a whole second, so the span is between nine and ten seconds.
            let paid = recent(&requests, 10_000) * u64::from(percent) / 100 + 10;
            prop_assert!(recent(&retries, 9_000) <= paid);
        }
    }
}
