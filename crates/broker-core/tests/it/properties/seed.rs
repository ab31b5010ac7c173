//! Same seed and same calls, same effects, byte by byte.

use proptest::prelude::*;

use super::perform;
use crate::fleet::Fleet;
use crate::steps::{cases, steps, tight_config};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_same_seed_has_the_same_effects(config in tight_config(), steps in steps()) {
        let written = || {
            let mut fleet = Fleet::new(1, &config);
            fleet.write_down();
            perform(&mut fleet, &steps);
            fleet.take_written()
        };
        prop_assert_eq!(written(), written());
    }
}
