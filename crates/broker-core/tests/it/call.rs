//! Steps that have come to be: who they are for is settled, so that they can be made again elsewhere.

use broker_core::{Failure, Source};

use crate::fleet::{Fleet, LONG_MS};
use crate::steps::{Asker, Role, Saying, Step, Written, text_of};

/// One call to a fleet.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Open {
        shard: usize,
        order: usize,
        cookies: &'static str,
        role: Role,
    },
    Say {
        who: usize,
        what: Saying,
    },
    Leave {
        who: usize,
        code: u16,
    },
    Reply {
        who: usize,
        list: Vec<Written>,
    },
    Fail {
        who: usize,
        how: Failure,
    },
    Ask {
        door: Source,
        list: Vec<Written>,
    },
    Tick {
        ms: u64,
    },
}

impl Fleet {
    /// The call that a step comes to here and now, if there is anyone for it.
    pub(crate) fn call_of(&self, step: &Step) -> Option<Call> {
        let everyone: Vec<usize> = (0..self.opened()).collect();
        let asked = |asker: &Asker| match asker {
            Asker::Waiting(number) => pick(*number, &self.with_backend()),
            Asker::Anyone(number) => pick(*number, &everyone),
        };
        Some(match step {
            Step::Open {
                shard,
                cookies,
                role,
            } => Call::Open {
                shard: *shard,
                order: self.opened(),
                cookies,
                role: *role,
            },
            Step::Say { who, what } => Call::Say {
                who: pick(*who, &everyone)?,
                what: *what,
            },
            Step::Leave {
                who,
                is_closed,
                code,
            } => Call::Leave {
                who: pick(*who, &self.told_to_close())
                    .filter(|_| *is_closed)
                    .or_else(|| pick(*who, &everyone))?,
                code: *code,
            },
            Step::Reply { to, list } => Call::Reply {
                who: asked(to)?,
                list: list.clone(),
            },
            Step::Fail { to, how } => Call::Fail {
                who: asked(to)?,
                how: how.clone(),
            },
            Step::Ask { door, list } => Call::Ask {
                door: *door,
                list: list.clone(),
            },
            Step::Wait { is_long } => Call::Tick {
                ms: if *is_long { LONG_MS } else { 0 },
            },
            Step::Work { .. } => return None,
        })
    }

    /// Makes a call.
    pub(crate) fn make(&mut self, call: &Call) {
        match call {
            Call::Open {
                shard,
                order,
                cookies,
                role,
            } => self.open(*shard, *order, cookies, *role),
            Call::Say { who, what } => self.say(*who, what.text),
            Call::Leave { who, code } => self.leave(*who, *code, "bye"),
            Call::Reply { who, list } => self.reply(*who, &text_of(list)),
            Call::Fail { who, how } => self.fail(*who, how.clone()),
            Call::Ask { door, list } => self.ask(*door, &text_of(list)),
            Call::Tick { ms } => self.tick(*ms),
        }
    }
}

/// One of several, if there are any.
fn pick(number: usize, among: &[usize]) -> Option<usize> {
    let place = number.checked_rem(among.len())?;
    Some(among[place])
}
