use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const MAX: usize = 256;

/// A pacer before a backend of which only matters how many answers it gives in a millisecond, by how many calls it has.
struct Scene {
    pacer: Pacer,
    now_ms: u64,
    /// What has come of an answer that is not whole.
    rest: f64,
    /// The limits that there were, each with the time from which on.
    limits: Vec<(u64, usize)>,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            pacer: Pacer::new(MAX, true),
            now_ms: 0,
            rest: 0.0,
            limits: Vec::new(),
        }
    }

    /// More is wanted than may go out, for so long.
    fn saturated(mut self, ms: u64, rate: impl Fn(usize) -> f64) -> Scene {
        for _ in 0..ms {
            self.pass_ms(rate(self.pacer.limit()), true);
        }
        self
    }

    fn calm(mut self, ms: u64, rate: f64) -> Scene {
        for _ in 0..ms {
            self.pass_ms(rate, false);
        }
        self
    }

    fn pass_ms(&mut self, answers: f64, is_saturated: bool) {
        self.now_ms += 1;
        self.rest += answers;
        let whole = self.rest.floor();
        self.rest -= whole;
        self.pacer
            .answered(Timestamp(self.now_ms), whole as usize, is_saturated);
        self.look();
    }

    /// So many calls are refused at once.
    fn refused(mut self, calls: usize) -> Scene {
        for _ in 0..calls {
            self.pacer.overloaded(Timestamp(self.now_ms));
            self.look();
        }
        self
    }

    fn look(&mut self) {
        let limit = self.pacer.limit();
        if self.limits.last().is_none_or(|(_, last)| *last != limit) {
            self.limits.push((self.now_ms, limit));
        }
    }

    fn limits_since(&self, ms: u64) -> Vec<usize> {
        let before = self.limits.iter().rposition(|(at, _)| *at <= ms);
        let since = &self.limits[before.unwrap_or(0)..];
        since.iter().map(|(_, limit)| *limit).collect()
    }

    fn is(&self, expected: &Expect) {
        let lines = self
            .limits
            .iter()
            .map(|(ms, limit)| format!("{ms} ms: {limit}\n"));
        expected.assert_eq(&lines.collect::<String>());
    }
}

fn workers(count: usize, service_ms: f64) -> impl Fn(usize) -> f64 {
    move |limit| limit.min(count) as f64 / service_ms
}

/// It takes everything, and needs so long for each.
fn anything(service_ms: f64) -> impl Fn(usize) -> f64 {
    workers(usize::MAX, service_ms)
}

#[test]
fn it_finds_the_knee_of_ten_workers_and_tries_others_ever_less_often() {
    let scene = Scene::new().saturated(60_000, workers(10, 20.0));
    scene.is(&expect![[r#"
        1 ms: 32
        64 ms: 64
        256 ms: 32
        512 ms: 16
        704 ms: 8
        904 ms: 12
        1048 ms: 24
        1200 ms: 12
        1376 ms: 6
        1576 ms: 12
        1716 ms: 24
        1868 ms: 12
        2428 ms: 10
        2964 ms: 5
        3164 ms: 10
        3302 ms: 20
        3450 ms: 10
        4002 ms: 8
        4667 ms: 10
        5195 ms: 13
        5727 ms: 10
        6777 ms: 8
        7442 ms: 10
        8482 ms: 13
        9014 ms: 10
        11088 ms: 8
        11753 ms: 10
        13817 ms: 13
        14349 ms: 10
        18471 ms: 8
        19136 ms: 10
        23248 ms: 13
        23780 ms: 10
        31998 ms: 8
        32663 ms: 10
        40871 ms: 13
        41403 ms: 10
        49621 ms: 8
        50286 ms: 10
        58494 ms: 13
        59026 ms: 10
    "#]]);
}

#[test]
fn it_climbs_to_the_maximum_within_five_answer_times_of_a_backend_that_takes_everything() {
    let scene = Scene::new().saturated(15_000, anything(3000.0));
    scene.is(&expect![[r#"
        1 ms: 32
        3000 ms: 64
        7500 ms: 128
        10501 ms: 256
    "#]]);
}

#[test]
fn it_finds_the_knee_of_two_hundred_workers() {
    let scene = Scene::new().saturated(10_000, workers(200, 20.0));
    scene.is(&expect![[r#"
        1 ms: 32
        51 ms: 64
        111 ms: 128
        171 ms: 256
        440 ms: 205
        630 ms: 103
        720 ms: 205
        781 ms: 256
        854 ms: 205
        1044 ms: 164
        1229 ms: 205
        1410 ms: 256
        1636 ms: 205
        1990 ms: 164
        2175 ms: 205
        2520 ms: 256
        2746 ms: 205
        3428 ms: 164
        3613 ms: 205
        4286 ms: 256
        4512 ms: 205
        5850 ms: 164
        6035 ms: 205
        7364 ms: 256
        7590 ms: 205
    "#]]);
}

#[test]
fn it_comes_down_to_where_a_backend_does_not_thrash() {
    let thrashing = |limit: usize| {
        let over = (limit as f64 / 16.0).max(1.0);
        limit as f64 / (20.0 * over * over)
    };
    let scene = Scene::new().saturated(20_000, thrashing);
    scene.is(&expect![[r#"
        1 ms: 32
        80 ms: 64
        560 ms: 32
        880 ms: 16
        1000 ms: 8
        1200 ms: 16
        1290 ms: 32
        1490 ms: 16
        1610 ms: 8
        1810 ms: 16
        1900 ms: 32
        2100 ms: 16
        2460 ms: 13
        2879 ms: 16
        3215 ms: 20
        3640 ms: 16
        4305 ms: 13
        4724 ms: 16
        5380 ms: 20
        5805 ms: 16
        7110 ms: 13
        7528 ms: 16
        8825 ms: 20
        9250 ms: 16
        11835 ms: 13
        12253 ms: 16
        14829 ms: 20
        15254 ms: 16
    "#]]);
}

#[test]
fn it_lets_one_more_out_than_a_backend_works_on_at_once() {
    let scene = Scene::new().saturated(60_000, workers(1, 20.0));
    scene.is(&expect![[r#"
        1 ms: 32
        640 ms: 64
        2560 ms: 32
        5120 ms: 16
        7040 ms: 8
        8640 ms: 4
        9440 ms: 2
        9840 ms: 1
        10040 ms: 2
        10380 ms: 4
        11060 ms: 2
        11460 ms: 1
        11660 ms: 2
        12000 ms: 4
        12680 ms: 2
        14040 ms: 1
        14720 ms: 2
        16020 ms: 3
        17980 ms: 2
        20600 ms: 1
        21280 ms: 2
        23860 ms: 3
        25820 ms: 2
        31000 ms: 1
        31680 ms: 2
        36820 ms: 3
        38780 ms: 2
        49080 ms: 1
        49760 ms: 2
    "#]]);
}

#[test]
fn it_comes_up_from_one_when_more_help_again() {
    let mut scene = Scene::new();
    for _ in 0..8 {
        scene = scene.refused(100).calm(1000, 1.0);
    }
    assert_eq!(scene.pacer.limit(), 1);
    scene.limits.clear();
    scene.saturated(30_000, anything(100.0)).is(&expect![[r#"
        8001 ms: 1
        8800 ms: 2
        9650 ms: 4
        10500 ms: 8
        11350 ms: 16
        11800 ms: 32
        12050 ms: 64
        12200 ms: 128
        12300 ms: 256
        13201 ms: 205
        14126 ms: 256
        16607 ms: 205
        17532 ms: 256
        22413 ms: 205
        23338 ms: 256
        33020 ms: 205
        33945 ms: 256
    "#]]);
}

#[test]
fn a_backend_that_gets_slower_and_recovers_is_asked_as_much_as_before() {
    let scene = Scene::new()
        .saturated(20_000, workers(10, 20.0))
        .saturated(20_000, workers(10, 80.0))
        .saturated(20_000, workers(10, 20.0));
    let limits = scene.limits_since(15_000);
    assert!(
        limits.iter().all(|limit| (7..=15).contains(limit)),
        "{limits:?}"
    );
}

#[test]
fn a_backend_that_gets_more_workers_is_asked_for_more() {
    let scene = Scene::new()
        .saturated(60_000, workers(10, 20.0))
        .saturated(60_000, workers(100, 20.0));
    let limits = scene.limits_since(110_000);
    assert!(
        limits.iter().all(|limit| (80..=130).contains(limit)),
        "{limits:?}"
    );
}

#[test]
fn nothing_is_concluded_while_all_go_out() {
    let scene = Scene::new().calm(60_000, 10.0);
    assert_eq!(scene.limits_since(0), [32]);
}

#[test]
fn bursts_are_enough_to_find_the_knee() {
    let mut scene = Scene::new();
    for _ in 0..60 {
        scene = scene.saturated(100, workers(10, 20.0)).calm(900, 0.0);
    }
    scene.is(&expect![[r#"
        1 ms: 32
        64 ms: 64
        2092 ms: 32
        5064 ms: 16
        7064 ms: 8
        9069 ms: 13
        11025 ms: 26
        12091 ms: 13
        14077 ms: 7
        16078 ms: 12
        18032 ms: 24
        19096 ms: 12
        25086 ms: 10
        31042 ms: 5
        33049 ms: 10
        34091 ms: 20
        36049 ms: 10
        42025 ms: 8
        49025 ms: 10
        54073 ms: 13
    "#]]);
}

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
