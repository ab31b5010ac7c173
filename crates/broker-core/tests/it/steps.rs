//! What can happen to a broker, drawn at random: few sessions, few fields and few values, so that they meet often.

mod commands;

use std::time::Duration;

use broker_core::{Config, Delivery, Failure, OnFull, Source};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngAlgorithm;

use self::commands::list;

use crate::fleet::LONG_MS;
use crate::scenes::unwavering;

pub(crate) use self::commands::{Written, text_of};

/// One thing that happens. Whom it happens to is a number that is taken modulo those there are.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Open {
        shard: usize,
        cookies: &'static str,
        role: Role,
    },
    Say {
        who: usize,
        what: Saying,
    },
    /// A connection ends; of those that were told to close, if there are any and it is one of those.
    Leave {
        who: usize,
        is_closed: bool,
        code: u16,
    },
    /// The backend answers, or answers once more, or answers what it was never asked.
    Reply {
        to: Asker,
        list: Vec<Written>,
    },
    Fail {
        to: Asker,
        how: Failure,
    },
    /// Commands come through one of the other doors.
    Ask {
        door: Source,
        list: Vec<Written>,
    },
    /// Time passes: nothing, or more than any retry waits.
    Wait {
        is_long: bool,
    },
    /// A shard works on: takes its next mail, or does the next slice. Elsewhere every shard does so at once.
    Work {
        shard: usize,
    },
}

/// What kind of session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The backend is told of it, and commands reach it.
    Usual,
    /// The backend is not told of it.
    Untold,
    /// Commands do not reach it.
    Unreachable,
    /// The backend decides whether it is let in.
    Asked,
}

/// Whom a reply is for.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// A session with an event at the backend.
    Waiting(usize),
    /// Any session there ever was.
    Anyone(usize),
}

/// A client's message, and how the backend has to see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying {
    pub(crate) text: &'static str,
    pub(crate) told: &'static str,
}

const SAYINGS: [Saying; 5] = [
    Saying {
        text: r#"{"type":"say","n":1.0}"#,
        told: r#"{"type":"client-say","n":1.0}"#,
    },
    Saying {
        text: "{}",
        told: r#"{"type":"client-message"}"#,
    },
    Saying {
        text: r#"{"\u0074ype":"session-connect"}"#,
        told: r#"{"type":"client-session-connect"}"#,
    },
    Saying {
        text: "null",
        told: "null",
    },
    Saying {
        text: r#""a longer text, of forty-two bytes or more""#,
        told: r#""a longer text, of forty-two bytes or more""#,
    },
];

/// How many sequences are drawn is left to the environment. Drawing takes a random generator for each choice, and the
/// usual one is dear to make where the compiler does not optimise.
pub(crate) fn cases() -> ProptestConfig {
    ProptestConfig {
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    }
}

/// Up to 100 steps, about 50 on average.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..=100).prop_map(numbered)
}

/// Limits so tight that they are met.
pub(crate) fn tight_config() -> impl Strategy<Value = Config> {
    let on_full = select(&[
        OnFull::Pause,
        OnFull::Pause,
        OnFull::DropOldest,
        OnFull::DropNewest,
        OnFull::Close,
    ]);
    let sizes = (0..4_usize, 1..4_usize, 0..6_000_usize, 70..160_usize);
    let max_held_age = prop::option::of(Just(Duration::from_millis(LONG_MS / 2)));
    let is_once = prop::bool::weighted(0.2);
    (
        any::<u64>(),
        sizes,
        on_full,
        max_held_age,
        1..4_u32,
        is_once,
    )
        .prop_map(|(seed, sizes, on_full, max_held_age, retries, is_once)| {
            let mut config = roomy_config(seed);
            config.gate = unwavering(sizes.0);
            config.max_held_events = sizes.1;
            config.max_held_bytes = sizes.2;
            config.max_session = sizes.3;
            config.on_full = on_full;
            config.max_held_age = max_held_age;
            config.retries = retries;
            if is_once {
                config.delivery = Delivery::AtMostOnce;
            }
            config
        })
}

/// No limit on what is the shard's as a whole, since three shards have three of those.
pub(crate) fn roomy_config(seed: u64) -> Config {
    let mut config = Config::default();
    config.seed = seed;
    config.gate = unwavering(0);
    config.retries = u32::MAX;
    config.max_held_events = 2;
    config.max_session = 120;
    config.slice = usize::MAX;
    config
}

fn step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![
        8 => Just(Role::Usual),
        1 => Just(Role::Untold),
        1 => Just(Role::Unreachable),
    ];
    let open =
        (0..3_usize, select(&COOKIES[..]), role).prop_map(|(shard, cookies, role)| Step::Open {
            shard,
            cookies,
            role,
        });
    let say = (0..256_usize, select(&SAYINGS[..])).prop_map(|(who, what)| Step::Say { who, what });
    let code = select(&[1000_u16, 1006, 4000][..]);
    let leave =
        (0..256_usize, any::<bool>(), code).prop_map(|(who, is_closed, code)| Step::Leave {
            who,
            is_closed,
            code,
        });
    let reply = (asker(), list()).prop_map(|(to, list)| Step::Reply { to, list });
    let fail = (asker(), failure()).prop_map(|(to, how)| Step::Fail { to, how });
    let ask = (
        select(&[Source::Public, Source::Admin, Source::Embedder][..]),
        list(),
    )
        .prop_map(|(door, list)| Step::Ask { door, list });
    prop_oneof![
        5 => open,
        4 => say,
        2 => leave,
        8 => reply,
        2 => fail,
        4 => ask,
        1 => any::<bool>().prop_map(|is_long| Step::Wait { is_long }),
        6 => (0..3_usize).prop_map(|shard| Step::Work { shard }),
    ]
}

const COOKIES: [&str; 4] = ["", "a=1", "a=x; s=1", "b=XY; c"];

fn asker() -> impl Strategy<Value = Asker> {
    prop_oneof![
        6 => (0..256_usize).prop_map(Asker::Waiting),
        1 => (0..256_usize).prop_map(Asker::Anyone),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    let asked = prop::option::of(select(&[1_u64, 40, 100_000][..]).prop_map(Duration::from_secs));
    prop_oneof![
        Just(Failure::Unreachable("refused".into())),
        Just(Failure::Interrupted("reset".into())),
        Just(Failure::TimedOut(Duration::from_secs(10))),
        (select(&[302_u16, 404, 429, 500, 503][..]), asked)
            .prop_map(|(code, retry_after)| Failure::Status { code, retry_after }),
        Just(Failure::BadAnswer("no list".into())),
        Just(Failure::Panicked("oh".into())),
    ]
}

/// Gives every command that is seen a number of its own, so that what is seen tells where it came from.
fn numbered(mut steps: Vec<Step>) -> Vec<Step> {
    let mut number = 0;
    for step in &mut steps {
        if let Step::Reply { list, .. } | Step::Ask { list, .. } = step {
            for command in list {
                number += 1;
                command.fields = command.fields.replace("@@@@", &format!("{number:04}"));
            }
        }
    }
    steps
}
