//! Claims about what lowers the limit, and what holds whatever happens.

mod finding;
mod scene;

use proptest::prelude::*;

use self::scene::{MAX, Scene, anything, workers};
use super::*;

#[test]
fn the_limit_is_halved_once_a_second_at_most() {
    let scene = Scene::new().refused(100).calm(999, 0.0).refused(100);
    assert_eq!(scene.limits_since(0), [16]);
    let scene = scene.calm(1, 0.0).refused(100);
    assert_eq!(scene.limits_since(0), [16, 8]);
}

#[test]
fn it_is_halved_when_more_than_one_of_eight_calls_is_refused() {
    let scene = Scene::new().refused(4);
    assert_eq!(scene.pacer.limit(), 32);
    assert_eq!(scene.refused(1).pacer.limit(), 16);

    let mut scene = Scene::new();
    scene.pacer = Pacer::new(28, true);
    let scene = scene.refused(3);
    assert_eq!(scene.pacer.limit(), 28);
    assert_eq!(scene.refused(1).pacer.limit(), 14);
}

#[test]
fn after_it_was_halved_it_is_doubled_if_that_helps() {
    let scene = Scene::new().saturated(60_000, workers(10, 20.0));
    let halved = scene.now_ms;
    let scene = scene.refused(3).saturated(10_000, anything(20.0));
    assert_eq!(scene.limits_since(halved)[..4], [5, 10, 20, 40]);
}

#[test]
fn a_few_refusals_among_as_many_answers_as_there_may_be_calls_are_passed_over() {
    let few = |answers: usize| {
        let mut pacer = Pacer::new(MAX, true);
        for _ in 0..100 {
            for _ in 0..4 {
                pacer.overloaded(Timestamp(1));
            }
            pacer.answered(Timestamp(1), answers, false);
        }
        pacer.limit()
    };
    assert_eq!(few(28), 32);
    assert_eq!(few(27), 16);
}

#[test]
fn one_or_two_refusals_halve_no_limit_however_low() {
    let mut scene = Scene::new();
    for calls in [5, 3, 3, 3] {
        scene = scene.refused(calls).calm(1000, 0.0);
    }
    assert_eq!(scene.pacer.limit(), 2);
    let scene = scene.refused(2);
    assert_eq!(scene.pacer.limit(), 2);
    assert_eq!(scene.refused(1).pacer.limit(), 1);
}

#[test]
fn refusals_of_more_than_before_only_take_that_back() {
    let scene = Scene::new().saturated(100, anything(20.0));
    assert_eq!(scene.limits_since(0), [32, 64]);
    let scene = scene.refused(100);
    assert_eq!(scene.pacer.limit(), 32, "those under way are refused, too");
    let scene = scene.calm(1000, 1.0).refused(5);
    assert_eq!(scene.pacer.limit(), 16);
}

#[test]
fn after_the_backend_was_away_it_begins_again() {
    let mut scene = Scene::new().saturated(60_000, workers(10, 20.0));
    scene.pacer.restart();
    scene.look();
    let begun = scene.now_ms;
    let scene = scene.saturated(1000, anything(20.0));
    assert_eq!(scene.limits_since(begun)[..4], [32, 64, 128, 256]);
}

#[test]
fn a_maximum_below_the_first_limit_is_kept_to() {
    let mut scene = Scene::new();
    scene.pacer = Pacer::new(8, true);
    let mut scene = scene.saturated(60_000, anything(20.0));
    scene.pacer.restart();
    scene.look();
    let limits = scene.limits_since(0);
    assert!(limits.iter().all(|limit| *limit <= 8), "{limits:?}");
    assert_eq!(limits[0], 8);
}

#[test]
fn without_a_maximum_or_pacing_the_limit_stays() {
    for (max, is_on, limit) in [(0, true, usize::MAX), (0, false, usize::MAX), (7, false, 7)] {
        let mut scene = Scene::new();
        scene.pacer = Pacer::new(max, is_on);
        let mut scene = scene.saturated(10_000, |_| 1.0).refused(100);
        scene.pacer.restart();
        assert_eq!(scene.pacer.limit(), limit);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Answered {
        after_ms: u64,
        answers: usize,
        is_saturated: bool,
    },
    Refused(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let ms = prop_oneof![Just(0), 0..5_u64, 0..5000_u64, Just(u64::MAX)];
    let answers = prop_oneof![0..10_usize, 0..5000_usize, Just(usize::MAX / 4)];
    prop_oneof![
        20 => (ms, answers, any::<bool>()).prop_map(|(after_ms, answers, is_saturated)| {
            Step::Answered { after_ms, answers, is_saturated }
        }),
        2 => (0..100_usize).prop_map(Step::Refused),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn the_limit_is_never_beyond_the_maximum_nor_below_one(
        max in prop_oneof![1..5_usize, 1..1000_usize, Just(usize::MAX)],
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut pacer = Pacer::new(max, true);
        let mut now = Timestamp(0);
        for step in steps {
            match step {
                Step::Answered { after_ms, answers, is_saturated } => {
                    now = Timestamp(now.0.saturating_add(after_ms));
                    pacer.answered(now, answers, is_saturated);
                }
                Step::Refused(calls) => (0..calls).for_each(|_| pacer.overloaded(now)),
                Step::Restart => pacer.restart(),
            }
            prop_assert!((1..=max).contains(&pacer.limit()), "{} of {max}", pacer.limit());
        }
    }
}
