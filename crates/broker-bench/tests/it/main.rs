//! The benchmark as it is run, against the one server that is always there.

use std::process::Command;

fn bench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_broker-bench"))
}

#[test]
fn every_case_gives_a_positive_figure_for_the_floor() {
    let json = std::env::temp_dir().join(format!("broker-bench-it-{}.json", std::process::id()));
    let output = bench()
        .args(["fanout", "roundtrip", "start", "--quick", "--rounds", "1"])
        .args(["--only", "floor", "--json"])
        .arg(&json)
        .output()
        .expect("it can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let run = std::fs::read(&json).expect("it wrote the file");
    std::fs::remove_file(&json).expect("it is ours");
    let run: serde_json::Value = serde_json::from_slice(&run).expect("it is JSON");
    let tables = run["tables"].as_array().expect("it has tables");
    assert_eq!(tables.len(), 5);
    let stdout = String::from_utf8_lossy(&output.stdout);
    for table in tables {
        let figure = table["rows"][0]["medians"][0].as_f64();
        assert!(figure.is_some_and(|figure| figure > 0.0), "{table}");
        let title = table["title"].as_str().expect("it has a title");
        assert!(stdout.contains(title), "{title} is not in {stdout}");
    }
}

#[test]
fn a_missing_server_fails_the_run_and_says_what_to_do() {
    let output = bench()
        .args(["start", "--wsbroker", "/nowhere/wsbroker"])
        .output()
        .expect("it can be run");
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("no wsbroker at /nowhere/wsbroker"),
        "{stderr}"
    );
    assert!(stderr.contains("cargo build --release"), "{stderr}");
}

#[test]
fn a_server_that_ends_at_once_is_quoted() {
    let output = bench()
        .args(["start", "--only", "wsbroker", "--wsbroker", "/bin/ls"])
        .output()
        .expect("it can be run");
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("wsbroker: it ended at once"), "{stderr}");
    assert!(stderr.contains("--admin"), "{stderr}");
}
