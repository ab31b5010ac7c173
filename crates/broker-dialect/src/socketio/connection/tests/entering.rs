//! Who is in which namespace.

use super::*;
use crate::socketio::NAMESPACE_BYTES_MAX;

#[test]
fn a_client_enters_the_main_namespace_with_and_without_auth() {
    Scene::entered();
    let mut scene = Scene::new();
    scene.says(r#"40{"token":"123"}"#, &[r#"0: enter / {"token":"123"}"#]);
}

#[test]
fn a_client_is_in_several_namespaces_each_with_an_index() {
    let mut scene = Scene::entered();
    scene.says(r#"40/admin,{"k":1}"#, &[r#"1: enter /admin {"k":1}"#]);
    scene.lets_in(1, "me2", r#"40/admin,{"sid":"me2"}"#);
    scene.says(r#"42/admin,["a"]"#, &[r#"1: {"type":"a","args":[]}"#]);
    scene.says(r#"42["b",1]"#, &[r#"0: {"type":"b","args":[1]}"#]);
    assert_eq!(
        scene.connection.namespaces.name(NamespaceIndex(1)),
        Some("/admin")
    );
    let indices: Vec<u16> = scene
        .connection
        .namespaces
        .live()
        .map(|index| index.0)
        .collect();
    assert_eq!(indices, [0, 1]);
}

#[test]
fn a_client_that_is_refused_may_ask_again() {
    let mut scene = Scene::new();
    scene.says("40/random", &["0: enter /random {}"]);
    let refused = scene
        .connection
        .refused(scene.now, NamespaceIndex(0), "Invalid namespace", None)
        .unwrap();
    assert_eq!(
        text(&refused),
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    scene.says("40/random", &["0: enter /random {}"]);
}

#[test]
fn a_client_leaves_and_comes_back() {
    let mut scene = Scene::entered();
    scene.says("40/custom,", &["1: enter /custom {}"]);
    scene.lets_in(1, "x", r#"40/custom,{"sid":"x"}"#);
    scene.says("41/custom,", &["1: leave"]);
    scene.says(
        r#"42["still here"]"#,
        &[r#"0: {"type":"still here","args":[]}"#],
    );
    scene.says("41", &["0: leave"]);
    scene.says("40", &["0: enter / {}"]);
    scene.lets_in(0, "y", r#"40{"sid":"y"}"#);
    scene.says("40/other", &["1: enter /other {}"]);
}

#[test]
fn a_packet_before_its_namespace_is_entered_ends_the_connection() {
    let not_entered = "close 1002: the peer sent a packet for a namespace that it is not in";
    for packet in [r#"42["a"]"#, "41", "431[]", r#"451-["a"]"#, "461-1[]"] {
        Scene::new().says(packet, &[not_entered]);
        let mut waiting = Scene::new();
        waiting.says("40", &["0: enter / {}"]);
        waiting.says(packet, &[not_entered]);
        waiting.says("40", &[]);
        assert_eq!(waiting.connection.entered(NamespaceIndex(0), "me"), None);
    }
    for packet in [r#"42/x,["a"]"#, "41/x", "43/x,1[]", r#"451-/x,["a"]"#] {
        Scene::entered().says(packet, &[not_entered]);
    }
}

#[test]
fn a_client_that_asks_twice_is_answered_once() {
    let mut scene = Scene::new();
    scene.says(r#"40{"try":1}"#, &[r#"0: enter / {"try":1}"#]);
    scene.says(r#"40{"try":2}"#, &[]);
    scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
    assert_eq!(scene.connection.entered(NamespaceIndex(0), "me"), None);
    assert_eq!(
        scene
            .connection
            .refused(scene.now, NamespaceIndex(0), "no", None),
        None
    );
}

#[test]
fn what_a_client_sends_before_it_hears_that_it_was_put_out_comes_to_nothing() {
    let mut scene = Scene::entered();
    scene.says(r#"451-["file",{"_placeholder":true,"num":0}]"#, &[]);
    let left = scene
        .connection
        .put_out(scene.now, NamespaceIndex(0))
        .unwrap();
    assert_eq!(text(&left), "41");
    assert_eq!(scene.connection.put_out(scene.now, NamespaceIndex(0)), None);
    scene.hears(Incoming::Binary(&[1]), &[]);
    scene.says(r#"42["a"]"#, &[]);
    scene.says("431[]", &[]);
    scene.says("40", &["0: enter / {}"]);
    scene.lets_in(0, "again", r#"40{"sid":"again"}"#);
    let _ = scene.connection.put_out(scene.now, NamespaceIndex(0));
    scene.says("41", &[]);
    scene.says(
        r#"42["a"]"#,
        &["close 1002: the peer sent a packet for a namespace that it is not in"],
    );
}

#[test]
fn a_connection_is_in_a_limited_number_of_namespaces() {
    let settings = Settings {
        max_namespaces: 2,
        ..Settings::default()
    };
    let mut scene = Scene::open(Revision::Four, Transport::WebSocket, settings);
    scene.says("40", &["0: enter / {}"]);
    scene.says("40/a", &["1: enter /a {}"]);
    scene.says("40/b", &[r#"send 44/b,{"message":"Too many namespaces"}"#]);
    scene.lets_in(0, "x", r#"40{"sid":"x"}"#);
    let _ = scene.connection.put_out(scene.now, NamespaceIndex(0));
    // Whoever was put out makes room, but only where it is needed.
    scene.says("40/b", &["0: enter /b {}"]);
}

#[test]
fn the_name_of_a_namespace_has_a_limit() {
    let mut scene = Scene::entered();
    let longest = "x".repeat(NAMESPACE_BYTES_MAX - 1);
    scene.says(
        &format!("40/{longest}"),
        &[&format!("1: enter /{longest} {{}}")],
    );
    let long = "x".repeat(NAMESPACE_BYTES_MAX);
    scene.says(
        &format!("40/{long}"),
        &[&format!(
            r#"send 44/{long},{{"message":"Invalid namespace"}}"#
        )],
    );
}
