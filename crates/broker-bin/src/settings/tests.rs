//! Claims about where settings come from: a file, variables and flags go in,
//! the effective settings or everything that is wrong comes out.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use broker_server::config::{BackendTarget, Config, Cookies, LogLevel};
use clap::Parser;
use expect_test::{Expect, expect};

use super::{Sources, load};
use crate::cli::{Cli, Command};

/// A directory of the test's own, gone when the test is.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wsbroker-settings-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the directory is ours");
    }
}

/// Reads `file` (as the one that is found, if there is one), variables written
/// `NAME=value`, and flags.
fn outcome(file: Option<&[u8]>, variables: &[&str], typed: &[&str]) -> String {
    let directory = Directory::new();
    let found = directory.0.join("wsbroker.toml");
    if let Some(content) = file {
        directory.write("wsbroker.toml", content);
    }
    outcome_in(&directory, &[&found], variables, typed)
}

fn outcome_in(
    directory: &Directory,
    search: &[&Path],
    variables: &[&str],
    typed: &[&str],
) -> String {
    let place = directory.0.display().to_string();
    let typed = typed.iter().map(|flag| flag.replace("DIR", &place));
    let arguments = std::iter::once("wsbroker".to_owned()).chain(typed);
    let (command, global) = Cli::try_parse_from(arguments)
        .and_then(Cli::into_command)
        .expect("the flags are well-formed");
    let Command::Serve(flags) = command else {
        panic!("`serve` is the default")
    };
    let environment = variables
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (OsString::from(name), value.replace("DIR", &place).into()))
        .collect();
    let sources = Sources {
        flags: &flags,
        level: global.level(),
        environment,
        search,
    };
    let text = match load(&sources) {
        Ok(settings) => {
            let mut lines = changed(&settings.config);
            for warning in settings.warnings {
                writeln!(lines, "warning: {warning}").expect("a String takes every line");
            }
            lines
        }
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect(),
    };
    text.replace(&format!("{place}/"), "")
        .replace(&place, "DIR")
}

/// The settings that differ from the defaults.
fn changed(config: &Config) -> String {
    let (ours, defaults) = (shown(config), shown(&Config::default()));
    ours.into_iter()
        .zip(defaults)
        .filter(|(our, default)| our != default)
        .map(|(our, _)| our + "\n")
        .collect()
}

fn shown(config: &Config) -> Vec<String> {
    let endpoints: Vec<String> = config
        .endpoints
        .iter()
        .map(|endpoint| format!("{}={} {}", endpoint.path, endpoint.dialect, endpoint.binary))
        .collect();
    let join = |rules: &[String]| rules.join(" ");
    let allow: Vec<String> = config
        .access
        .allow
        .iter()
        .map(ToString::to_string)
        .collect();
    let origins: Vec<String> = config
        .access
        .origins
        .iter()
        .map(ToString::to_string)
        .collect();
    let admin = config.listen.admin.as_ref();
    let cookies = match &config.session.cookies {
        Cookies::All => "all".to_owned(),
        Cookies::None => "none".to_owned(),
        Cookies::Named(names) => names.join(" "),
    };
    vec![
        format!("public {}", config.listen.public),
        format!(
            "admin {}",
            admin.map_or("off".to_owned(), ToString::to_string)
        ),
        format!("shards {}", config.listen.shards.map_or(0, u32::from)),
        format!("endpoints {}", join(&endpoints)),
        format!("backend {}", config.backend.url),
        format!("format {}", config.backend.format),
        format!("backend timeout {}", config.backend.timeout),
        format!(
            "in flight {}",
            config.backend.max_in_flight.map_or(0, u32::from)
        ),
        format!(
            "hold {} {}",
            config.backend.hold.max_events, config.backend.hold.max_bytes
        ),
        format!("allow {}", join(&allow)),
        format!("origins {}", join(&origins)),
        format!("tokens {}", config.access.tokens.len()),
        format!("max message {}", config.limits.max_message),
        format!("ping {:?}", config.websocket.ping_interval),
        format!("cookies {cookies}"),
        format!("log {} {}", config.log.level, config.log.format),
    ]
}

fn check(file: &str, variables: &[&str], typed: &[&str], expected: Expect) {
    expected.assert_eq(&outcome(Some(file.as_bytes()), variables, typed));
}

fn check_without_file(variables: &[&str], typed: &[&str], expected: Expect) {
    expected.assert_eq(&outcome(None, variables, typed));
}

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
fn wrong_variables_are_named() {
    check_without_file(
        &[
            "WSBROKER_BACKEND__ULR=http://x/",
            "WSBROKER_BACKEND__BATCH=5",
            "WSBROKER_BACKEND__MAX_IN_FLIGHT=many",
            "WSBROKER_BACKEND__TIMEOUT=10",
            "WSBROKER_ACCESS__ALLOW=127.0.0.1,somebody,10.0.0.1/8",
            "WSBROKER_ENDPOINT__PATH=/x",
            "WSBROKER__LISTEN__PUBLIC=x",
        ],
        &[],
        expect![[r#"
            environment variable WSBROKER_ACCESS__ALLOW: `access.allow`: `somebody` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
            environment variable WSBROKER_ACCESS__ALLOW: `access.allow`: `10.0.0.1/8` has address bits beyond its prefix; write 10.0.0.0/8
            environment variable WSBROKER_BACKEND__BATCH: `backend.batch` is not available in this version
            environment variable WSBROKER_BACKEND__MAX_IN_FLIGHT: `backend.max_in_flight`: `many` is not a whole number
            environment variable WSBROKER_BACKEND__TIMEOUT: `backend.timeout`: `10` has no unit: expected a time with its unit, such as "100ms", "25s" or "5m"
            environment variable WSBROKER_BACKEND__ULR: unknown key `backend.ulr`; did you mean WSBROKER_BACKEND__URL?
            environment variable WSBROKER_ENDPOINT__PATH: endpoints can't be set here; use --endpoint or the file
            environment variable WSBROKER__LISTEN__PUBLIC: unknown key `_listen.public`; did you mean WSBROKER_LISTEN__PUBLIC?
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
fn unknown_keys_are_told_with_their_place_and_the_nearest_name() {
    check(
        r#"
listn.public = "127.0.0.1:1"
max_connections = 5

[backend]
  ulr = "http://127.0.0.1/"
  max_message = "1MiB"
  something = 1

[backned]
url = "none"

[backend.hold]
max_bites = "1MiB"
"#,
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:2:1: unknown key `listn`; did you mean `listen`?
            wsbroker.toml:3:1: unknown key `max_connections`; did you mean `limits.max_connections`?
            wsbroker.toml:6:3: unknown key `backend.ulr`; did you mean `backend.url`?
            wsbroker.toml:7:3: unknown key `backend.max_message`; did you mean `limits.max_message`?
            wsbroker.toml:8:3: unknown key `backend.something`
            wsbroker.toml:10:2: unknown key `backned`; did you mean `backend`?
            wsbroker.toml:14:1: unknown key `backend.hold.max_bites`; did you mean `backend.hold.max_bytes`?
        "#]],
    );
}

#[test]
fn keys_of_later_versions_are_refused_by_name() {
    check(
        r#"
[listen]
proxy_protocol = true
[backend]
batch = 10
delivery = "at_least_once"
[backend.hold]
max_age = "1h"
on_full = "close"
[tls]
cert = "a"
key = "b"
"#,
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:3:1: `listen.proxy_protocol` is not available in this version
            wsbroker.toml:5:1: `backend.batch` is not available in this version
            wsbroker.toml:6:1: `backend.delivery` is not available in this version
            wsbroker.toml:8:1: `backend.hold.max_age` is not available in this version
            wsbroker.toml:9:11: `backend.hold.on_full`: `close` is not available in this version; available: pause
            wsbroker.toml:11:1: `tls.cert` is not available in this version
            wsbroker.toml:12:1: `tls.key` is not available in this version
        "#]],
    );
}

#[test]
fn every_wrong_value_is_told_with_its_place() {
    check(
        r#"
[listen]
public = "localhost:80"
shards = -1
[[endpoint]]
path = "/ä"
dialect = "socketio"
colour = "red"
[[endpoint]]
path = 5
[backend]
url = "https://user:secret@example.org/"
timeout = 10
max_in_flight = "many"
hold = { max_events = 0, max_bytes = "1TB" }
[access]
allow = ["127.0.0.1", "nobody", "::1", "10.0.0.1/8"]
tokens = ["two words"]
[session]
cookies = [1]
[limits]
max_message = 1979-05-27
max_body = 99999999999999999999
"#,
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:3:10: `listen.public`: `localhost:80` is not an address: write the IP address, such as 127.0.0.1:80 or [::1]:80
            wsbroker.toml:4:10: `listen.shards`: invalid value: integer `-1`, expected a whole number from 0 to 4294967295
            wsbroker.toml:6:8: `endpoint.path`: `/ä`: the character 'ä' is never part of a request's path; write it %-encoded
            wsbroker.toml:7:11: `endpoint.dialect`: `socketio` is not available in this version; available: wsbroker, echo
            wsbroker.toml:8:1: unknown key `endpoint.colour`
            wsbroker.toml:10:8: `endpoint.path`: invalid type: integer `5`, expected a string
            wsbroker.toml:12:7: `backend.url`: https:// backends come with TLS; not in this version
            wsbroker.toml:13:11: `backend.timeout`: invalid type: integer `10`, expected a time with its unit, such as "100ms", "25s" or "5m"
            wsbroker.toml:14:17: `backend.max_in_flight`: invalid type: string "many", expected a whole number from 0 to 4294967295
            wsbroker.toml:15:23: `backend.hold.max_events`: invalid value: integer `0`, expected a whole number from 1 to 4294967295
            wsbroker.toml:15:38: `backend.hold.max_bytes`: unknown unit `TB`; the units are B, KB, KiB, MB, MiB, GB, GiB
            wsbroker.toml:17:23: `access.allow`: `nobody` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
            wsbroker.toml:17:40: `access.allow`: `10.0.0.1/8` has address bits beyond its prefix; write 10.0.0.0/8
            wsbroker.toml:18:11: `access.tokens`: a token holds a blank or a character that is not visible ASCII
            wsbroker.toml:20:12: `session.cookies`: invalid type: integer `1`, expected a string
            wsbroker.toml:22:15: `limits.max_message`: `1979-05-27` is not a size with its unit, such as "64KiB" or "1MiB"
            wsbroker.toml:23:12: this integer is too large
        "#]],
    );
}

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
fn sections_and_lists_are_told_from_values() {
    check(
        "backend = 'http://x/'\n[endpoint]\npath = '/'\n",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:1:1: `backend` is a section: write [backend] and its keys below
            wsbroker.toml:2:2: `endpoint` is a list: write [[endpoint]]
        "#]],
    );
    check(
        "endpoint = 'echo'\n[log.level]\nx = 1\n",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:1:1: `endpoint` is a list: write [[endpoint]]
            wsbroker.toml:2:1: `log.level`: invalid type: map, expected a string
        "#]],
    );
    check(
        "endpoint = ['echo']\naccess.allow = '127.0.0.1'",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:1:13: `endpoint`: invalid type: string "echo", expected a table with `path` and `dialect`
            wsbroker.toml:2:16: `access.allow`: invalid type: string "127.0.0.1", expected a list
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

#[test]
fn settings_that_contradict_each_other_are_told_where_they_stand() {
    check(
        "[limits]\nmax_header = '1KiB'\nmax_message = '65MiB'\n[backend.hold]\nmax_bytes = '1MiB'\n",
        &["WSBROKER_LISTEN__ADMIN=127.0.0.1:4080"],
        &["--shards", "1000"],
        expect![[r#"
            wsbroker.toml:2:14: `limits.max_header` must be between 8KiB and 1MiB
            wsbroker.toml:5:13: `backend.hold.max_bytes` is 1MiB, which leaves no room for one message of `limits.max_message` (65MiB)
            environment variable WSBROKER_LISTEN__ADMIN: `listen.admin` is 127.0.0.1:4080, which `listen.public` is already
            --shards: `listen.shards` must be at most 255
        "#]],
    );
    check(
        "access.token_file = '/no/such/file'",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:1:21: `access.token_file`: cannot read /no/such/file: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn beyond_loopback_rules_are_needed_unless_told_otherwise() {
    check_without_file(
        &[],
        &["--listen", "0.0.0.0:80"],
        expect![[r#"
        --listen: `listen.public` is 0.0.0.0:80, which other machines can reach, but no rule says which web pages may connect; add

            [access]
            origins = ["https://example.org"]   # your site; "*" admits every page

        or start with --insecure
    "#]],
    );
    check(
        "listen.admin = '0.0.0.0:81'\naccess.origins = ['*']",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:1:16: `listen.admin` is 0.0.0.0:81, which other machines can reach, but no token guards it; add

                [access]
                tokens = ["…"]   # a long random text, as `openssl rand -hex 32` prints it

            or start with --insecure
        "#]],
    );
    check_without_file(
        &[
            "WSBROKER_ACCESS__TOKENS=s3cret",
            "WSBROKER_ACCESS__ORIGINS=https://example.org",
        ],
        &["--listen", "0.0.0.0:80", "--admin", "0.0.0.0:81"],
        expect![[r#"
            public 0.0.0.0:80
            admin 0.0.0.0:81
            backend demo
            origins https://example.org
            tokens 1
        "#]],
    );
    check_without_file(
        &[],
        &["--listen", "0.0.0.0:80", "--insecure"],
        expect![[r#"
            public 0.0.0.0:80
            backend demo
        "#]],
    );
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
