//! Which path speaks what.

use std::fmt::Write as _;

use expect_test::expect;

use super::super::{Endpoint, EndpointPath};
use super::check;

#[test]
fn endpoint_paths_are_exact_or_end_with_a_star() {
    check::<EndpointPath>(
        &[
            "*", "/*", "/chat", "chat", "/chat/*", "chat/*", "/", "/a*", "/*/b", "", "/a?b", "/ä",
        ],
        expect![[r#"
            * -> Any
            /* -> Any
            /chat -> Exact("/chat")
            chat -> Exact("/chat")
            /chat/* -> Prefix("/chat/")
            chat/* -> Prefix("/chat/")
            / -> Exact("/")
            /a* -> error: `/a*`: a `*` stands alone or at the end, as in "/chat/*"
            /*/b -> error: `/*/b`: a `*` stands alone or at the end, as in "/chat/*"
             -> error: an endpoint needs a path; "*" is every path
            /a?b -> error: `/a?b`: the character '?' is never part of a request's path; write it %-encoded
            /ä -> error: `/ä`: the character 'ä' is never part of a request's path; write it %-encoded
        "#]],
    );
}

#[test]
fn endpoints_have_a_short_form() {
    check::<Endpoint>(
        &[
            "*=echo",
            "/a=b=wsbroker",
            "/chat",
            "=echo",
            "*=socketio",
            "*=wsmsgbroker",
        ],
        expect![[r#"
            *=echo -> Endpoint { path: Any, dialect: Echo, binary: Event, relay_events: false, allow_eio3: false }
            /a=b=wsbroker -> Endpoint { path: Exact("/a=b"), dialect: Wsbroker, binary: Event, relay_events: false, allow_eio3: false }
            /chat -> error: `/chat` is not PATH=DIALECT, such as /chat=wsbroker
            =echo -> error: an endpoint needs a path; "*" is every path
            *=socketio -> Endpoint { path: Any, dialect: Socketio, binary: Event, relay_events: false, allow_eio3: false }
            *=wsmsgbroker -> Endpoint { path: Any, dialect: Wsmsgbroker, binary: Event, relay_events: false, allow_eio3: false }
        "#]],
    );
}

#[test]
fn the_most_specific_path_wins() {
    let endpoints: Vec<Endpoint> = ["*=wsbroker", "/a/*=echo", "/a/b/*=wsbroker", "/a/b=echo"]
        .map(|text| text.parse().expect("an endpoint"))
        .into();
    let mut lines = String::new();
    for path in ["/", "/a", "/a/", "/a/x", "/a/b", "/a/b/", "/a/b/c", "/A/x"] {
        let winner = Endpoint::route(&endpoints, path).expect("`*` takes every path");
        writeln!(lines, "{path} -> {}", endpoints[winner].path).expect("a String takes every line");
    }
    expect![[r#"
        / -> *
        /a -> *
        /a/ -> /a/*
        /a/x -> /a/*
        /a/b -> /a/b
        /a/b/ -> /a/b/*
        /a/b/c -> /a/b/*
        /A/x -> *
    "#]]
    .assert_eq(&lines);
    assert_eq!(Endpoint::route(&endpoints[1..], "/"), None);
}
