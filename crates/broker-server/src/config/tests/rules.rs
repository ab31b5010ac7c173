//! What shows only between values, and what would be open to everybody.

use std::fmt::Write as _;
use std::io::Write as _;

use expect_test::{Expect, expect};

use super::super::{Access, ListenAddr};
use super::read;

pub(super) fn check(text: &str, expected: Expect) {
    let config = read(text).expect("every value is right by itself");
    let mut lines = String::new();
    for problem in config.validate() {
        writeln!(lines, "{problem}").expect("a String takes every line");
    }
    for listener in config.exposed() {
        writeln!(lines, "{listener}").expect("a String takes every line");
    }
    expected.assert_eq(&lines);
}

#[test]
fn a_public_listener_beyond_loopback_needs_an_origin_rule() {
    check(
        "listen.public = \"0.0.0.0:4080\"",
        expect![[r#"
        `listen.public` is 0.0.0.0:4080, which other machines can reach, but no rule says which web pages may connect; add

            [access]
            origins = ["https://example.org"]   # your site; "*" admits every page

    "#]],
    );
    check(
        "listen.public = \"0.0.0.0:4080\"\naccess.origins = [\"*\"]",
        expect![[""]],
    );
}

#[test]
fn an_admin_listener_beyond_loopback_needs_an_origin_rule_and_a_token() {
    check(
        "listen.admin = \"[::]:4081\"",
        expect![[r#"
        `listen.admin` is [::]:4081, which other machines can reach, but no rule says which web pages may connect; add

            [access]
            origins = ["https://example.org"]   # your site; "*" admits every page

        `listen.admin` is [::]:4081, which other machines can reach, but no token guards it; add

            [access]
            tokens = ["…"]   # a long random text, as `openssl rand -hex 32` prints it

    "#]],
    );
    check(
        "listen.admin = \"[::]:4081\"\naccess.origins = [\"*\"]\naccess.tokens = [\"x\"]",
        expect![[""]],
    );
    check(
        "listen.admin = \"[::]:4081\"\naccess.origins = [\"*\"]\naccess.token_file = \"x\"",
        expect![[""]],
    );
}

#[test]
fn unix_sockets_count_as_loopback() {
    check(
        "listen.public = \"unix:/a\"\nlisten.admin = \"unix:/b\"",
        expect![[""]],
    );
}

#[test]
fn a_passed_socket_is_judged_by_where_it_is() {
    let config = read("").expect("the defaults");
    let elsewhere: ListenAddr = "10.0.0.1:80".parse().expect("an address");
    assert_eq!(config.exposed_at("listen.public", &elsewhere).len(), 1);
    assert_eq!(config.exposed_at("listen.admin", &elsewhere).len(), 2);
    assert_eq!(
        config
            .exposed_at("listen.admin", &config.listen.public)
            .len(),
        0
    );
}

#[test]
fn limits_that_would_stop_everything_are_refused() {
    check(
        "backend.timeout = 0\nlimits.max_body = \"0KiB\"\nlimits.close_timeout = \"0s\"",
        expect![[r#"
            `limits.max_body` must be more than 0
            `backend.timeout` must be at least 1ms; it can't be switched off
            `limits.close_timeout` must be at least 1ms; it can't be switched off
        "#]],
    );
}

#[test]
fn the_head_of_a_request_has_a_least_and_a_largest_limit() {
    check(
        "limits.max_header = \"8191B\"",
        expect![[r#"
        `limits.max_header` must be between 8KiB and 1MiB
    "#]],
    );
    check("limits.max_header = \"8KiB\"", expect![[""]]);
    check("limits.max_header = \"1MiB\"", expect![[""]]);
    check(
        "limits.max_header = \"1048577B\"",
        expect![[r#"
        `limits.max_header` must be between 8KiB and 1MiB
    "#]],
    );
}

#[test]
fn a_hold_has_room_for_one_message() {
    check(
        "limits.max_message = \"65MiB\"",
        expect![[r#"
        `backend.hold.max_bytes` is 64MiB, which leaves no room for one message of `limits.max_message` (65MiB)
    "#]],
    );
}

#[test]
fn shards_are_bounded() {
    check("listen.shards = 255", expect![[""]]);
    check(
        "listen.shards = 256",
        expect![[r#"
        `listen.shards` must be at most 255
    "#]],
    );
}

#[test]
fn two_listeners_do_not_share_an_address() {
    check(
        "listen.admin = \"127.0.0.1:4080\"",
        expect![[r#"
        `listen.admin` is 127.0.0.1:4080, which `listen.public` is already
    "#]],
    );
    check(
        "listen.admin = \"127.0.0.1:0\"\nlisten.public = \"127.0.0.1:0\"",
        expect![[""]],
    );
}

#[test]
fn endpoints_differ_in_their_paths() {
    check(
        "endpoint = []",
        expect![[r#"
        `endpoint` lists no endpoint, so that nobody could connect
    "#]],
    );
    check(
        "endpoint = [{ path = \"/a\" }, { path = \"a\", dialect = \"echo\" }]",
        expect![[r#"
            `endpoint` lists the path /a twice
        "#]],
    );
}

fn check_token_file(content: &str, expected: Expect) {
    let directory = std::env::temp_dir();
    let path = directory.join(format!(
        "wsbroker-tokens-{}-{}",
        std::process::id(),
        content.len()
    ));
    let mut file = std::fs::File::create_new(&path).expect("a new file");
    file.write_all(content.as_bytes())
        .expect("the file takes the tokens");
    let access = Access {
        tokens: vec!["first".parse().expect("a token")],
        token_file: Some(path.clone()),
        ..Access::default()
    };
    let loaded = access.load_tokens();
    std::fs::remove_file(&path).expect("the file is ours");
    let shown = match loaded {
        Ok(tokens) => tokens
            .iter()
            .map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => error
            .to_string()
            .replace(&path.display().to_string(), "FILE"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_token_file_holds_one_token_to_a_line() {
    check_token_file(
        "second\n\n# a comment\n  third \n",
        expect!["first second third"],
    );
    check_token_file(
        "second\nnot one\n",
        expect![
            "`access.token_file`: FILE:2: a token holds a blank or a character that is not visible ASCII"
        ],
    );
    check_token_file(
        "# none\n",
        expect!["`access.token_file`: FILE holds no token"],
    );
}

#[test]
fn a_missing_token_file_is_an_error() {
    let access = Access {
        token_file: Some("/no/such/directory/tokens".into()),
        ..Access::default()
    };
    let error = access
        .load_tokens()
        .expect_err("there is no such file")
        .to_string();
    expect!["`access.token_file`: cannot read /no/such/directory/tokens: No such file or directory (os error 2)"]
        .assert_eq(&error);
}
