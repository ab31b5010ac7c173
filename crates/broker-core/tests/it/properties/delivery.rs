//! The delivery promise, under any sequence of failures: nothing is lost, nothing doubled without a failure, nothing overtaken.

use std::num::NonZeroU32;

use broker_core::{Config, Delivery, GateConfig, Loss};
use proptest::prelude::*;
use proptest::sample::select;

use crate::steps::cases;
use crate::world::{Mood, POISON, World};

#[derive(Clone, Copy, Debug)]
enum Step {
    Open,
    Knock,
    Say(usize),
    Poison(usize),
    Leave(usize),
    Become(Mood),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let moods = [
        Mood::Well(5),
        Mood::Well(5),
        Mood::Well(300),
        Mood::Refusing,
        Mood::Unwilling(502),
        Mood::Unwilling(503),
        Mood::Unwilling(429),
        Mood::Cutting,
        Mood::Hanging,
    ];
    prop_oneof![
        3 => Just(Step::Open),
        1 => Just(Step::Knock),
        12 => (0..64_usize).prop_map(Step::Say),
        1 => (0..64_usize).prop_map(Step::Poison),
        1 => (0..64_usize).prop_map(Step::Leave),
        4 => select(moods.to_vec()).prop_map(Step::Become),
        8 => select(&[1_u64, 20, 300, 6_000, 60_000][..]).prop_map(Step::Pass),
    ]
}

#[derive(Debug)]
struct Setting {
    shards: u16,
    gate: GateConfig,
    config: Config,
}

fn setting() -> impl Strategy<Value = Setting> {
    let sizes = (
        1..4_u16,
        select(&[0_usize, 1, 3, 20][..]),
        1..5_usize,
        2..5_u32,
    );
    let away_after = prop::option::weighted(0.9, 1..6_u32);
    let odds = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (sizes, away_after, any::<u64>(), odds).prop_map(
        |((shards, max_in_flight, batch, retries), away_after, seed, (is_once, begins_shut))| {
            let mut gate = GateConfig::default();
            gate.max_in_flight = max_in_flight;
            gate.away_after = away_after.and_then(NonZeroU32::new);
            gate.begins_shut = begins_shut;
            gate.seed = seed;
            let mut config = Config::default();
            config.seed = seed;
            config.batch = batch;
            config.retries = retries;
            if is_once {
                config.delivery = Delivery::AtMostOnce;
            }
            Setting {
                shards,
                gate,
                config,
            }
        },
    )
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_fails_everything_arrives_in_order_and_nothing_twice_without_a_failure(
        setting in setting(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(setting.shards, &setting.gate, &setting.config);
        if setting.gate.begins_shut {
            world.start();
        }
        let mut poisoned = Vec::new();
        let mut has_failed = false;
        for step in steps {
            let one_of = |number: usize| number.checked_rem(world.clients());
            match step {
                Step::Open => {
                    world.open();
                }
                Step::Knock => {
                    world.knock();
                }
                Step::Say(number) => {
                    if let Some(who) = one_of(number) {
                        world.say(who, r#""hi""#);
                    }
                }
                Step::Poison(number) => {
                    if let Some(who) = one_of(number) {
                        poisoned.push(who);
                        world.say(who, POISON);
                    }
                }
                Step::Leave(number) => {
                    if let Some(who) = one_of(number) {
                        world.leave(who);
                    }
                }
                Step::Become(mood) => {
                    has_failed |= !matches!(mood, Mood::Well(_));
                    world.mood = mood;
                }
                Step::Pass(ms) => world.pass(ms),
            }
        }
        // Poison is told from bad times only where others are answered.
        world.mood = Mood::Well(5);
        let healthy = world.open();
        for _ in 0..400 {
            world.pass(3_000);
            world.say(healthy, r#""hi""#);
        }
        world.end_well();
        for (who, loss) in &world.lost {
            match loss {
                Loss::Poison(_) => prop_assert!(has_failed || poisoned.contains(who), "{who} is no poison"),
                Loss::Doubtful(_) => prop_assert_eq!(setting.config.delivery, Delivery::AtMostOnce),
                Loss::Refused(_) | Loss::Expired | Loss::NoRoom(_) => prop_assert!(false, "{loss:?}"),
            }
        }
    }
}
