//! Messages of clients in the dialect `wsmsgbroker`, and what comes of them for a second client and for the backend.
//!
//! Two clients talk, by one shard or by two. What is asked here is what neither of them, nor both together, can change:
//! whose words the backend takes them for, what a client hears, and that what is asked ends once.

mod fleet;
mod ledger;

use broker_dialect::{BinaryMessages, Options};

use self::fleet::Fleet;

/// The first byte holds the choices of the endpoint and whether there are two shards. The rest are lines:
///
/// | a line | what happens |
/// | --- | --- |
/// | `A…`, `B…` | the client says the rest, as text if it is UTF-8 |
/// | `a…`, `b…` | the client says the rest in a binary message |
/// | `x`, `y` | the connection of A or B ends |
/// | `t…` | so many seconds pass |
/// | `=…` | these commands are carried out |
/// | another | A says all of it |
///
/// `$0` is the ack that was shown last, to whomever, `$1` the one before it, and so on to `$9`.
pub(crate) fn feed(input: &[u8]) {
    let Some((choices, lines)) = input.split_first() else {
        return;
    };
    let mut options = Options::default();
    options.binary = BinaryMessages::ALL[usize::from(choices & 1)];
    options.relay_events = choices & 2 != 0;
    let shards = if choices & 4 == 0 { 1 } else { 2 };
    let mut fleet = Fleet::new(options, shards);
    for line in lines.split(|byte| *byte == b'\n') {
        match line.split_first() {
            Some((b'A', said)) => fleet.says(0, said, str::from_utf8(said).is_err()),
            Some((b'B', said)) => fleet.says(1, said, str::from_utf8(said).is_err()),
            Some((b'a', said)) => fleet.says(0, said, true),
            Some((b'b', said)) => fleet.says(1, said, true),
            Some((b'x', _)) => fleet.leaves(0),
            Some((b'y', _)) => fleet.leaves(1),
            Some((b't', seconds)) => fleet.waits(number(seconds)),
            Some((b'=', commands)) => fleet.execute(commands),
            _ => fleet.says(0, line, str::from_utf8(line).is_err()),
        }
    }
    fleet.end();
}

/// The number that the bytes write; 1 where they write none.
fn number(digits: &[u8]) -> u16 {
    let digits = str::from_utf8(digits).unwrap_or_default();
    digits.parse().unwrap_or(1)
}
