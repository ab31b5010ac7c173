//! What is wrong is told with its place, all of it.

use expect_test::expect;

use super::{check, check_without_file};

#[test]
fn wrong_variables_are_named() {
    check_without_file(
        &[
            "WSBROKER_BACKEND__ULR=http://x/",
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
            environment variable WSBROKER_BACKEND__MAX_IN_FLIGHT: `backend.max_in_flight`: `many` is not a whole number
            environment variable WSBROKER_BACKEND__TIMEOUT: `backend.timeout`: `10` has no unit: expected a time with its unit, such as "100ms", "25s" or "5m"
            environment variable WSBROKER_BACKEND__ULR: unknown key `backend.ulr`; did you mean WSBROKER_BACKEND__URL?
            environment variable WSBROKER_ENDPOINT__PATH: endpoints can't be set here; use --endpoint or the file
            environment variable WSBROKER__LISTEN__PUBLIC: unknown key `_listen.public`; did you mean WSBROKER_LISTEN__PUBLIC?
        "#]],
    );
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
fn an_unknown_dialect_is_refused_with_those_that_there_are() {
    check(
        r#"
[[endpoint]]
path = "*"
dialect = "sockjs"
"#,
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:4:11: `endpoint.dialect`: `sockjs` is not one of: DIALECTS
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
dialect = "sockjs"
colour = "red"
[[endpoint]]
path = 5
[backend]
url = "https://user:secret@example.org:0/"
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
            wsbroker.toml:7:11: `endpoint.dialect`: `sockjs` is not one of: DIALECTS
            wsbroker.toml:8:1: unknown key `endpoint.colour`
            wsbroker.toml:10:8: `endpoint.path`: invalid type: integer `5`, expected a string
            wsbroker.toml:12:7: `backend.url`: `0` is no port
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
fn the_proxy_protocol_needs_a_trusted_proxy_to_speak_it() {
    check(
        "listen.proxy_protocol = true",
        &[],
        &[],
        expect![[r#"
        wsbroker.toml:1:25: `listen.proxy_protocol` takes connections from trusted proxies only, and there are none; add

            [access]
            trusted_proxies = ["127.0.0.1"]   # where your proxy connects from

    "#]],
    );
    check_without_file(
        &["WSBROKER_LISTEN__PROXY_PROTOCOL=yes"],
        &[],
        expect![[r#"
        environment variable WSBROKER_LISTEN__PROXY_PROTOCOL: `listen.proxy_protocol`: `yes` is neither true nor false
    "#]],
    );
    let switched_on = "WSBROKER_LISTEN__PROXY_PROTOCOL=true";
    check_without_file(
        &[switched_on],
        &["--listen", "unix:/run/wsbroker"],
        expect![[r#"
            public unix:/run/wsbroker
            backend demo
        "#]],
    );
    let trusting = "WSBROKER_ACCESS__TRUSTED_PROXIES=127.0.0.1";
    check_without_file(
        &[switched_on, trusting],
        &[],
        expect![[r#"
        backend demo
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
fn a_secret_that_cannot_be_used_is_told_where_it_stands_and_not_repeated() {
    check(
        "[backend]\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n",
        &["WSBROKER_BACKEND__SECRET_FILE=/no/such/file"],
        &["--backend-format", "json"],
        expect![[r#"
            environment variable WSBROKER_BACKEND__SECRET_FILE: `backend.secret_file` is set, and so is `backend.secret`: leave out one of them
            environment variable WSBROKER_BACKEND__SECRET_FILE: `backend.secret_file`: cannot read /no/such/file: No such file or directory (os error 2)
        "#]],
    );
    check(
        "[backend]\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:2:10: `backend.secret` signs the raw body, which PHP cannot read of a multipart request; set

                [backend]
                format = "form"   # or "json"; PHP has the same two fields of a form in $_POST

        "#]],
    );
    check(
        "",
        &["WSBROKER_BACKEND__SECRET=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        &[],
        expect![[r#"
            environment variable WSBROKER_BACKEND__SECRET: `backend.secret`: a secret is `whsec_` and then 24 to 64 bytes in base64, such as `openssl rand -base64 32` prints
        "#]],
    );
}

#[test]
fn headers_that_are_not_passed_on_are_told_one_by_one() {
    check(
        "[backend]\nformat = 'json'\nca = '/no/such/file'\nheaders = ['cookie', 'x_forwarded_for', 'two words']\n",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:4:22: `backend.headers`: `x_forwarded_for` is never passed on from a client, who could forge with it what only the broker or a proxy may say
            wsbroker.toml:4:41: `backend.headers`: `two words` is not the name of a header
        "#]],
    );
    check(
        "[backend]\nca = '/no/such/file'\nheaders = ['cookie', 'cookie']\n",
        &[],
        &[],
        expect![[r#"
            wsbroker.toml:2:6: `backend.ca`: cannot read /no/such/file: No such file or directory (os error 2)
            wsbroker.toml:3:11: `backend.headers` needs `backend.format` to be "json": the other formats have no room for headers
            wsbroker.toml:3:11: `backend.headers` lists `cookie` twice
        "#]],
    );
}
