//! The index finds what a look at every session would.

use proptest::prelude::*;

use super::run;
use crate::seen::joined;
use crate::steps::{Step, cases, roomy_config, steps, tight_config};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_index_equals_the_scan(config in tight_config(), steps in steps()) {
        prop_assert_eq!(run(&config, &steps), run(&config, &scanning(&steps)));
    }

    /// Fields come and go, and are built and let go of in slices.
    #[test]
    fn the_index_equals_the_scan_with_room_for_few_fields(
        seed: u64,
        fields in 0..4_usize,
        slice in 1..50_usize,
        steps in steps(),
    ) {
        let mut config = roomy_config(seed);
        config.max_indexed_fields = fields;
        config.slice = slice;
        let scanning = run(&config, &scanning(&steps));
        prop_assert_eq!(joined(&run(&config, &steps)), joined(&scanning));
    }
}

/// The same steps with criteria of the same meaning that no index can answer.
fn scanning(steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    for step in &mut steps {
        if let Step::Reply { list, .. } | Step::Ask { list, .. } = step {
            let criteria = list
                .iter_mut()
                .filter_map(|command| command.criteria.as_mut());
            for criteria in criteria.filter(|criteria| criteria.starts_with('{')) {
                *criteria = format!(r#"{{"$and":[{criteria}]}}"#);
            }
        }
    }
    steps
}
