//! What the backend is told with: secrets, authorities, headers of clients.

use std::io::Write as _;

use broker_testkit::authority::Authority;
use expect_test::{Expect, expect};

use super::super::Backend;
use super::read;
use super::rules::check;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn a_secret_needs_a_format_whose_body_php_can_read() {
    check(
        &format!("backend.secret = \"{SECRET}\""),
        expect![[r#"
        `backend.secret` signs the raw body, which PHP cannot read of a multipart request; set

            [backend]
            format = "form"   # or "json"; PHP has the same two fields of a form in $_POST

    "#]],
    );
    check(
        "[backend]\nsecret_file = \"secret\"\nformat = \"multipart\"",
        expect![[r#"
            `backend.secret_file` signs the raw body, which PHP cannot read of a multipart request; set

                [backend]
                format = "form"   # or "json"; PHP has the same two fields of a form in $_POST

        "#]],
    );
    for format in ["form", "json"] {
        check(
            &format!("[backend]\nsecret = \"{SECRET}\"\nformat = \"{format}\""),
            expect![[""]],
        );
    }
}

#[test]
fn a_secret_comes_from_one_place() {
    check(
        &format!("[backend]\nsecret = \"{SECRET}\"\nsecret_file = \"secret\"\nformat = \"json\""),
        expect![[r#"
            `backend.secret_file` is set, and so is `backend.secret`: leave out one of them
        "#]],
    );
}

#[test]
fn headers_need_json_and_differ_and_are_not_too_many() {
    check(
        "backend.headers = [\"cookie\"]",
        expect![[r#"
        `backend.headers` needs `backend.format` to be "json": the other formats have no room for headers
    "#]],
    );
    let names: Vec<String> = (0..65).map(|number| format!("\"x-{number}\"")).collect();
    let headers = |names: &str| format!("[backend]\nformat = \"json\"\nheaders = [{names}]");
    check(
        &headers("\"cookie\", \"x-a\", \"Cookie\""),
        expect![[r#"
        `backend.headers` lists `cookie` twice
    "#]],
    );
    check(
        &headers(&names.join(",")),
        expect![[r#"
        `backend.headers` lists more than 64 names
    "#]],
    );
    check(&headers(&names[1..].join(",")), expect![[""]]);
}

#[test]
fn headers_that_only_the_broker_or_a_proxy_may_write_are_refused() {
    for name in ["Wsbroker-Event", "webhook_id", "X-Forwarded-For"] {
        let error = read(&format!("backend.headers = [\"{name}\"]")).expect_err(name);
        assert!(
            error.contains(&format!("`{name}` is never passed on")),
            "{error}"
        );
    }
}

#[test]
fn a_secret_shows_nowhere() {
    let config = read(&format!("backend.secret = \"{SECRET}\"")).expect("it is one");
    assert!(!format!("{config:?}").contains("MfKQ"));
    for text in ["\"whsec_MfKQ\"", "\"MfKQ\"", "[\"MfKQ\"]", "{ MfKQ = 1 }"] {
        let error = read(&format!("backend.secret = {text}")).expect_err(text);
        assert!(!error.contains("MfKQ"), "{error}");
    }
}

/// What comes of a file that a setting of the backend names.
fn check_backend_file(content: &[u8], load: impl Fn(Backend) -> String, expected: Expect) {
    let name = format!("wsbroker-file-{}-{}", std::process::id(), content.len());
    let path = std::env::temp_dir().join(name);
    let mut file = std::fs::File::create_new(&path).expect("a new file");
    file.write_all(content).expect("it takes it");
    let said = load(Backend {
        secret_file: Some(path.clone()),
        ca: Some(path.clone()),
        ..Backend::default()
    });
    std::fs::remove_file(&path).expect("the file is ours");
    expected.assert_eq(&said.replace(&path.display().to_string(), "FILE"));
}

#[test]
fn a_secret_file_holds_one_secret() {
    let load = |backend: Backend| match backend.load_secret() {
        Ok(secret) => {
            assert_eq!(secret, Some(SECRET.parse().expect("a secret")));
            "the secret".to_owned()
        }
        Err(error) => {
            assert_eq!(error.key(), "backend.secret_file");
            error.to_string()
        }
    };
    let padded = format!("\n {SECRET}\r\n");
    check_backend_file(padded.as_bytes(), load, expect!["the secret"]);
    let two = format!("{SECRET}\n{SECRET}\n");
    check_backend_file(
        two.as_bytes(),
        load,
        expect!["`backend.secret_file`: FILE: what follows `whsec_` is no base64: was it cut?"],
    );
    check_backend_file(
        b"",
        load,
        expect![
            "`backend.secret_file`: FILE: a secret is `whsec_` and then 24 to 64 bytes in base64, such as `openssl rand -base64 32` prints"
        ],
    );
    check_backend_file(
        b"\xff\xfe",
        load,
        expect![
            "`backend.secret_file`: FILE: a secret is `whsec_` and then 24 to 64 bytes in base64, such as `openssl rand -base64 32` prints"
        ],
    );
    check_backend_file(
        &vec![b' '; 1024 * 1024 + 1],
        load,
        expect!["`backend.secret_file`: FILE is longer than 1048576 bytes"],
    );
}

#[test]
fn a_file_of_authorities_holds_certificates() {
    let load = |backend: Backend| match backend.load_authorities() {
        Ok(authorities) => format!("{authorities:?}"),
        Err(error) => {
            assert_eq!(error.key(), "backend.ca");
            error.to_string()
        }
    };
    let authority = Authority::new();
    check_backend_file(
        authority.root().as_bytes(),
        load,
        expect!["Some(Authorities { count: 1 })"],
    );
    check_backend_file(
        b"no certificate",
        load,
        expect![
            "`backend.ca`: FILE: there is no certificate in it (expected PEM: -----BEGIN CERTIFICATE-----)"
        ],
    );
}

#[test]
fn a_missing_file_of_the_backends_is_an_error() {
    let missing = || Some("/no/such/directory/file".into());
    let backend = Backend {
        secret_file: missing(),
        ca: missing(),
        ..Backend::default()
    };
    let secret = backend
        .load_secret()
        .expect_err("there is none")
        .to_string();
    expect!["`backend.secret_file`: cannot read /no/such/directory/file: No such file or directory (os error 2)"].assert_eq(&secret);
    let authorities = backend.load_authorities().expect_err("there is none");
    expect![
        "`backend.ca`: cannot read /no/such/directory/file: No such file or directory (os error 2)"
    ]
    .assert_eq(&authorities.to_string());
}
