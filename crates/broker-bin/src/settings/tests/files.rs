//! Files: which one is read, and those that can't be.

use expect_test::expect;

use super::{Directory, check, outcome, outcome_in};

#[test]
fn columns_count_characters() {
    check(
        "access = { allow = ['ä', 'ö'], nope = 1 }",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:1:21: `access.allow`: `ä` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
            wsbroker.toml:1:26: `access.allow`: `ö` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
            wsbroker.toml:1:32: unknown key `access.nope`
        "#]],
    );
}

#[test]
fn broken_toml_is_told_with_its_place() {
    check(
        "[backend\nurl = 'x'\n",
        &[],
        &[],
        expect![[r#"
        wsbroker.toml:1:9: unclosed table, expected `]`
    "#]],
    );
    check(
        "[backend]\nurl = http://x/\n",
        &[],
        &[],
        expect![[r#"
        wsbroker.toml:2:7: string values must be quoted, expected literal string
    "#]],
    );
    check(
        "[log]\n[log]\n",
        &[],
        &[],
        expect![[r#"
        wsbroker.toml:2:2: duplicate key
    "#]],
    );
}

#[test]
fn a_file_that_is_no_text_is_told_with_its_place() {
    expect![[r#"
        wsbroker.toml:2:10: is not UTF-8 from here on
    "#]]
    .assert_eq(&outcome(Some(b"[log]\nlevel = \"\xff\""), &[], &[]));
}

#[test]
fn a_huge_file_is_not_read_to_its_end() {
    let file = "#".repeat(1024 * 1024 + 1);
    check(
        &file,
        &[],
        &[],
        expect![[r#"
        wsbroker.toml:1:1: is longer than 1048576 bytes
    "#]],
    );
}

#[test]
fn a_named_file_must_exist() {
    let directory = Directory::new();
    directory.write("wsbroker.toml", "log.level = 'debug'");
    let read = |variables: &[&str], typed: &[&str]| outcome_in(&directory, &[], variables, typed);
    expect![[r#"
        log debug auto
    "#]]
    .assert_eq(&read(&[], &["-c", "DIR/wsbroker.toml"]));
    expect![[r#"
        -c: there is no file wsbrokr.toml; did you mean wsbroker.toml?
    "#]]
    .assert_eq(&read(&[], &["-c", "DIR/wsbrokr.toml"]));
    expect![[r#"
        -c: there is no file nothing/like/it
    "#]]
    .assert_eq(&read(&[], &["-c", "DIR/nothing/like/it"]));
    expect![[r#"
        log debug auto
    "#]]
    .assert_eq(&read(&["WSBROKER_CONFIG=DIR/wsbroker.toml"], &[]));
    expect![[r#"
        environment variable WSBROKER_CONFIG: there is no file other.toml
    "#]]
    .assert_eq(&read(&["WSBROKER_CONFIG=DIR/other.toml"], &[]));
    expect![[r#"
        backend demo
    "#]]
    .assert_eq(&read(&["WSBROKER_CONFIG="], &[]));
}

#[test]
fn a_directory_is_no_file() {
    let directory = Directory::new();
    expect![[r#"
        DIR:1:1: cannot be read: Is a directory (os error 21)
    "#]]
    .assert_eq(&outcome_in(&directory, &[], &[], &["-c", "DIR"]));
}

#[test]
fn the_first_file_of_the_search_is_read_alone() {
    let directory = Directory::new();
    let missing = directory.0.join("missing.toml");
    let first = directory.write("first.toml", "log.level = 'debug'");
    let second = directory.write("second.toml", "log.format = 'json'");
    let outcome = outcome_in(&directory, &[&missing, &first, &second], &[], &[]);
    expect![[r#"
        log debug auto
    "#]]
    .assert_eq(&outcome);
}
