//! Steps that have come to be: who they are for is settled, so that they can be made again elsewhere.

use broker_core::{Failure, Source};

use crate::steps::{Saying, Written};

/// One call to a fleet.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Open {
        shard: usize,
        order: usize,
        cookies: &'static str,
        is_told: bool,
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
