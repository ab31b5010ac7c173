//! The index finds what a look at every session would.

use proptest::prelude::*;

use super::run;
use crate::steps::{Step, cases, steps, tight_config};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_index_equals_the_scan(config in tight_config(), steps in steps()) {
        prop_assert_eq!(run(&config, &steps), run(&config, &scanning(&steps)));
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
