//! Backends, closed lists of words, and names.

use expect_test::expect;

use super::super::{BackendTarget, Cookies, DialectKind, Endpoint, OnFull, Subprotocol, Token};
use super::{check, read};

#[test]
fn backends_are_http_urls_or_words() {
    check::<BackendTarget>(
        &[
            "none",
            "demo",
            "http://127.0.0.1:8000/hook?a=1",
            "HTTP://user:secret@example.org/x",
            "http://user:se@cret@example.org/x",
            "https://example.org/",
            "unix:/run/app.sock:/url",
            "http://",
            "http:///x",
            "http://a b/",
            "ftp://user:secret@example.org/",
            "example.org",
            "",
        ],
        expect![[r#"
            none -> None
            demo -> Demo
            http://127.0.0.1:8000/hook?a=1 -> Http("http://127.0.0.1:8000/hook?a=1")
            HTTP://user:secret@example.org/x -> Http("http://user:…@example.org/x")
            http://user:se@cret@example.org/x -> Http("http://user:…@example.org/x")
            https://example.org/ -> Http("https://example.org/")
            unix:/run/app.sock:/url -> Http("unix:/run/app.sock:/url")
            http:// -> error: the backend's URL names no host
            http:///x -> error: the backend's URL names no host
            http://a b/ -> error: the host of the backend's URL cannot be read: invalid uri character
            ftp://user:secret@example.org/ -> error: expected http://HOST[:PORT]/PATH, https://…, unix:PATH:/URL, demo or none
            example.org -> error: expected http://HOST[:PORT]/PATH, https://…, unix:PATH:/URL, demo or none
             -> error: expected http://HOST[:PORT]/PATH, https://…, unix:PATH:/URL, demo or none
        "#]],
    );
}

#[test]
fn dialects_are_known_by_their_names() {
    for kind in DialectKind::ALL {
        let endpoint: Endpoint = format!("*={kind}").parse().expect("a dialect's name");
        assert_eq!(endpoint.dialect, kind);
    }
}

#[test]
fn an_unknown_dialect_is_refused_with_those_that_there_are() {
    let known = DialectKind::ALL.map(DialectKind::name).join(", ");
    for name in ["", "Echo"] {
        let error = format!("*={name}").parse::<Endpoint>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{name}` is not one of: {known}")
        );
    }
}

#[test]
fn words_are_read_as_they_are_spelt() {
    check::<OnFull>(
        &["pause", "drop_oldest", "drop_newest", "close", "wait"],
        expect![[r#"
            pause -> Pause
            drop_oldest -> DropOldest
            drop_newest -> DropNewest
            close -> Close
            wait -> error: `wait` is not one of: pause, drop_oldest, drop_newest, close
        "#]],
    );
}

#[test]
fn tokens_are_visible_ascii_and_never_shown() {
    check::<Token>(
        &["s3cret", "", "two words", "tökén"],
        expect![[r#"
        s3cret -> Token(…)
         -> error: a token is empty
        two words -> error: a token holds a blank or a character that is not visible ASCII
        tökén -> error: a token holds a blank or a character that is not visible ASCII
    "#]],
    );
}

#[test]
fn subprotocols_are_tokens() {
    check::<Subprotocol>(
        &["chat.v1", "", "a b", "a,b"],
        expect![[r#"
        chat.v1 -> Subprotocol { name: "chat.v1" }
         -> error: `` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~
        a b -> error: `a b` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~
        a,b -> error: `a,b` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~
    "#]],
    );
}

#[test]
fn cookies_are_a_word_or_a_list() {
    let cookies = |text: &str| read(text).map(|config| config.session.cookies);
    assert_eq!(cookies("session.cookies = \"none\""), Ok(Cookies::None));
    let named = Cookies::Named(vec!["sid".to_owned(), "lang".to_owned()]);
    assert_eq!(
        cookies("session.cookies = [\" SID\", \"lang\"]"),
        Ok(named.clone())
    );
    assert!(named.keeps("sid") && !named.keeps("other"));
    assert!(Cookies::All.keeps("other") && !Cookies::None.keeps("sid"));
    expect![[r#"invalid value: string "some", expected "all", "none" or a list of cookie names"#]]
        .assert_eq(&cookies("session.cookies = \"some\"").expect_err("no such word"));
}
