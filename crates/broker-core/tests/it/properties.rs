//! What holds for any sequence of calls.

mod delivery;
mod history;
mod index;
mod judge;
mod relaying;
mod seed;
mod slices;

use broker_core::Config;

use crate::fleet::Fleet;
use crate::seen::Seen;
use crate::steps::Step;

/// All that is seen of one shard when nothing happens before all that waits is done.
fn run(config: &Config, steps: &[Step]) -> Vec<Seen> {
    let mut fleet = Fleet::new(1, config);
    perform(&mut fleet, steps);
    fleet.take_seen()
}

/// Lets all steps happen, one after the other, and then tells the backend what is left.
fn perform(fleet: &mut Fleet, steps: &[Step]) {
    for step in steps {
        if let Some(call) = fleet.call_of(step) {
            fleet.make(&call);
            fleet.settle();
        }
    }
    fleet.answer_all();
}
