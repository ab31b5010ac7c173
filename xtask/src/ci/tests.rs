use super::*;

fn workspace() -> Workspace {
    Workspace {
        root: "/project".into(),
    }
}

fn report(name: &'static str, verdict: Verdict) -> Report {
    let command = "A=b cargo check";
    Report {
        step: Step { name, command },
        verdict,
        seconds: 1.25,
    }
}

#[test]
fn summary_shows_every_step_and_how_to_repeat_the_failed_ones() {
    let reports = [
        report("fmt", Verdict::Passed),
        report("clippy", Verdict::Failed),
        report("deny", Verdict::LeftOut("not installed")),
    ];
    let expected = "
step        result   seconds
fmt         ok           1.2
clippy      FAILED       1.2
deny        left out     1.2  not installed

To repeat what failed:
  A=b cargo check

1 passed, 1 failed, 1 skipped
";
    assert_eq!(summary::of(&reports), expected);
}

#[test]
fn summary_of_success_ends_with_the_counts_alone() {
    let summary = summary::of(&[report("fmt", Verdict::Passed)]);
    assert_eq!(summary.lines().last(), Some("1 passed, 0 failed"));
    assert!(!summary.contains("repeat"));
}

#[test]
fn leading_settings_go_to_the_environment() {
    let command = command(&workspace(), "A=b C=d cargo doc --cfg=x");
    let settings: Vec<_> = command.get_envs().collect();
    assert_eq!(
        settings,
        [
            ("A".as_ref(), Some("b".as_ref())),
            ("C".as_ref(), Some("d".as_ref()))
        ]
    );
    assert_eq!(command.get_program(), "cargo");
    assert_eq!(command.get_args().collect::<Vec<_>>(), ["doc", "--cfg=x"]);
}

#[test]
fn xtask_steps_are_run_by_this_program() {
    let command = command(&workspace(), "cargo xtask layers");
    assert_eq!(command.get_program(), env::current_exe().unwrap());
    assert_eq!(command.get_args().collect::<Vec<_>>(), ["layers"]);
}

#[test]
fn every_xtask_step_is_a_command_of_xtask() {
    for step in steps() {
        if let Some(name) = step.command.strip_prefix("cargo xtask ") {
            assert!(
                crate::COMMANDS.iter().any(|command| command.name == name),
                "no command {name}"
            );
        }
    }
}
