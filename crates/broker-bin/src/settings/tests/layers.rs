//! Which source wins, and what each can say.

use broker_server::config::{BackendTarget, Config, LogLevel};
use expect_test::expect;

use super::{check, check_without_file, outcome};

#[test]
fn without_any_setting_there_is_the_demo() {
    check_without_file(
        &[],
        &[],
        expect![[r#"
        backend demo
    "#]],
    );
}

#[test]
fn a_file_or_a_flag_that_says_what_the_broker_is_for_ends_the_demo() {
    check("", &[], &[], expect![[""]]);
    check_without_file(
        &[],
        &["--endpoint", "*=echo"],
        expect![[r#"
        endpoints *=echo event
    "#]],
    );
    check_without_file(
        &[],
        &["--allow", "127.0.0.1"],
        expect![[r#"
        allow 127.0.0.1
    "#]],
    );
    check_without_file(&[], &["--backend", "none"], expect![[""]]);
    check_without_file(&["WSBROKER_BACKEND__URL=none"], &[], expect![[""]]);
}

#[test]
fn other_flags_and_variables_leave_the_demo() {
    check_without_file(
        &["WSBROKER_LOG__FORMAT=json"],
        &[
            "--listen",
            "127.0.0.1:80",
            "--admin",
            "off",
            "--shards",
            "3",
            "-v",
        ],
        expect![[r#"
            public 127.0.0.1:80
            admin off
            shards 3
            backend demo
            log debug json
        "#]],
    );
}

const BACKENDS: &str = "[backend]\nurl = 'http://file/'\nformat = 'form'\ntimeout = '1s'\n";

#[test]
fn flags_go_before_variables_before_the_file_before_defaults() {
    check(
        BACKENDS,
        &[],
        &[],
        expect![[r#"
        backend http://file/
        format form
        backend timeout 1s
    "#]],
    );
    check(
        BACKENDS,
        &[
            "WSBROKER_BACKEND__URL=http://variable/",
            "WSBROKER_BACKEND__FORMAT=json",
        ],
        &["--backend", "http://flag/"],
        expect![[r#"
            backend http://flag/
            format json
            backend timeout 1s
        "#]],
    );
}

#[test]
fn variables_reach_every_kind_of_key() {
    check_without_file(
        &[
            "WSBROKER_BACKEND__HOLD__MAX_EVENTS=5",
            "WSBROKER_BACKEND__MAX_IN_FLIGHT=0",
            "WSBROKER_ACCESS__ALLOW=127.0.0.1, 10.0.0.0/8,",
            "WSBROKER_ACCESS__ORIGINS=",
            "WSBROKER_WEBSOCKET__PING_INTERVAL=0",
            "WSBROKER_SESSION__COOKIES=sid,lang",
            "WSBROKER_LISTEN__ADMIN=off",
        ],
        &[],
        expect![[r#"
            admin off
            backend demo
            in flight 0
            hold 5 64MiB
            allow 127.0.0.1 10.0.0.0/8
            ping None
            cookies sid lang
        "#]],
    );
    check_without_file(
        &["WSBROKER_SESSION__COOKIES=none"],
        &[],
        expect![[r#"
        backend demo
        cookies none
    "#]],
    );
}

#[test]
fn only_variables_with_a_double_underscore_are_settings() {
    check_without_file(
        &["WSBROKER_NONSENSE=1", "WSBROKER_ADMIN=x", "OTHER__KEY=1"],
        &[],
        expect![[r#"
            backend demo
        "#]],
    );
}

#[test]
fn port_changes_the_public_port_only() {
    check_without_file(
        &["PORT=8080"],
        &[],
        expect![[r#"
        public 127.0.0.1:8080
        backend demo
    "#]],
    );
    check(
        "listen.public = '[::1]:1'",
        &["PORT=8080"],
        &[],
        expect![[r#"
            public [::1]:8080
        "#]],
    );
    check_without_file(
        &["PORT=8080", "WSBROKER_LISTEN__PUBLIC=127.0.0.2:1"],
        &[],
        expect![[r#"
            public 127.0.0.2:8080
            backend demo
        "#]],
    );
    check_without_file(
        &["PORT=8080"],
        &["--listen", "127.0.0.1:9"],
        expect![[r#"
        public 127.0.0.1:9
        backend demo
    "#]],
    );
    check_without_file(
        &["PORT="],
        &[],
        expect![[r#"
        backend demo
    "#]],
    );
    check_without_file(
        &["PORT=http"],
        &[],
        expect![[r#"
        environment variable PORT: `http` is not a port: expected a number from 0 to 65535
    "#]],
    );
    check(
        "listen.public = 'unix:/x'",
        &["PORT=8080"],
        &[],
        expect![[r#"
            public unix:/x
            warning: environment variable PORT: has no effect: `listen.public` is a Unix socket
        "#]],
    );
    check(
        "listen.public = 'x'",
        &["PORT=8080"],
        &[],
        expect![[r#"
        wsbroker.toml:1:17: `listen.public`: `x` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH
    "#]],
    );
}

#[test]
fn endpoint_flags_replace_the_list() {
    let file = "[[endpoint]]\npath = '/a'\n[[endpoint]]\npath = 'b/*'\nbinary = 'text'\n";
    check(
        file,
        &[],
        &[],
        expect![[r#"
        endpoints /a=wsbroker event /b/*=wsbroker text
    "#]],
    );
    check(
        file,
        &[],
        &["--endpoint", "/c=echo", "--endpoint", "/d=wsbroker"],
        expect![[r#"
            endpoints /c=echo event /d=wsbroker event
        "#]],
    );
}

#[test]
fn the_level_flags_go_before_the_file() {
    for (flag, level) in [
        ("-q", LogLevel::Warn),
        ("-v", LogLevel::Debug),
        ("-vv", LogLevel::Trace),
    ] {
        let expected = format!("log {level} auto\n");
        assert_eq!(
            outcome(Some(b"log.level = 'error'"), &[], &[flag]),
            expected
        );
    }
}

#[test]
fn the_demo_is_a_backend_like_others() {
    check(
        "backend.url = 'demo'",
        &[],
        &[],
        expect![[r#"
        backend demo
    "#]],
    );
    assert_eq!(Config::default().backend.url, BackendTarget::None);
}

#[test]
fn a_secret_and_headers_can_be_variables() {
    check(
        "[backend]\nurl = 'https://app/'\nformat = 'json'\n",
        &[
            "WSBROKER_BACKEND__SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WSBROKER_BACKEND__HEADERS=Cookie, user-agent",
        ],
        &[],
        expect![[r#"
            backend https://app/
            format json
            signed true
            passed on cookie user-agent
        "#]],
    );
}
