//! Names, messages by name, requests and answers.

use broker_core::{Config, NAMES_BYTES_MAX, NAMES_MAX, NotAsked, REQUESTS_MAX, RegisterError};

use crate::town::{Heard, Town};

/// Two clients on different shards, with a name each.
fn ann_and_bob() -> (Town, usize, usize) {
    let mut town = Town::new(2, &Config::default());
    let (ann, bob) = (town.open(0), town.open(1));
    town.register(ann, "\"ann\"").unwrap();
    town.register(bob, "7").unwrap();
    town.settle();
    for who in [ann, bob] {
        town.take_heard(who);
    }
    (town, ann, bob)
}

fn message(message: &str, from: &str) -> Heard {
    Heard::Message {
        message: message.into(),
        from: Some(from.into()),
        ack: None,
    }
}

/// The ack of the only thing that was heard, a question.
fn ack(heard: &[Heard]) -> String {
    let [Heard::Message { ack: Some(ack), .. }] = heard else {
        panic!("{heard:?}");
    };
    ack.clone()
}

fn answer(token: &str, from: Option<&str>, message: &str) -> Heard {
    Heard::Answer {
        token: token.into(),
        from: from.map(Into::into),
        message: Some(message.into()),
    }
}

#[test]
fn a_message_finds_whoever_holds_a_name_as_often_as_it_stands_there() {
    let (mut town, ann, bob) = ann_and_bob();
    town.relay(ann, &["7", "nobody", "ann", "7"], "[1]", None);
    town.settle();
    let one = message("[1]", "\"ann\"");
    assert_eq!(town.take_heard(bob), [one.clone(), one.clone()]);
    assert_eq!(town.take_heard(ann), [one]);
}

#[test]
fn a_message_for_many_is_said_once_on_each_shard_unless_each_is_asked() {
    let mut town = Town::new(2, &Config::default());
    let sender = town.open(0);
    let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    for (place, name) in names.iter().enumerate() {
        let holder = town.open(place);
        town.register(holder, &format!("\"{name}\"")).unwrap();
    }
    town.settle();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut said = |token| {
        let before = town.said;
        town.relay(sender, &names, "1", token);
        town.settle();
        town.said - before
    };
    // Each of two shards hears from the owners of the names, which are on both.
    assert_eq!(said(None), 4);
    assert_eq!(said(Some("\"q\"")), 20);
}

#[test]
fn the_last_name_is_shown_as_id_and_told_of() {
    let (mut town, ann, _) = ann_and_bob();
    town.register(ann, "{\"a\":1}").unwrap();
    assert!(
        town.info(ann).ends_with(r#","id":{"a":1}}"#),
        "{}",
        town.info(ann)
    );
    town.unregister(ann);
    assert!(town.info(ann).ends_with(r#","id":"ann"}"#));
    town.unregister(ann);
    town.unregister(ann);
    assert!(!town.info(ann).contains("id\":"), "{}", town.info(ann));
    town.settle();
    let told = |text: &str| Heard::Told(text.into());
    let heard = town.take_heard(ann);
    let of_backend: Vec<_> = heard
        .iter()
        .filter(|heard| matches!(heard, Heard::Told(_)))
        .collect();
    assert_eq!(
        of_backend,
        [
            &told(r#"{"type":"session-register","id":{"a":1}}"#),
            &told(r#"{"type":"session-unregister","id":{"a":1}}"#),
            &told(r#"{"type":"session-unregister","id":"ann"}"#),
        ]
    );
}

#[test]
fn a_name_that_is_let_go_of_at_once_is_heard_of_in_that_order() {
    let (mut town, ann, _) = ann_and_bob();
    for number in 100..110 {
        let name = number.to_string();
        town.register(ann, &name).unwrap();
        town.unregister(ann);
        town.settle();
        let heard = town.take_heard(ann).into_iter();
        let of_ann: Vec<_> = heard
            .filter(|heard| !matches!(heard, Heard::Told(_)))
            .collect();
        let expected = [Heard::Registered(name.clone()), Heard::Unregistered(name)];
        assert_eq!(of_ann, expected);
    }
}

#[test]
fn who_has_heard_that_a_name_is_gone_hears_nothing_more_by_it() {
    for number in 100..110 {
        let (mut town, ann, bob) = ann_and_bob();
        let name = number.to_string();
        town.register(ann, &name).unwrap();
        town.settle();
        town.take_heard(ann);
        town.relay(bob, &[&name], "1", None);
        town.unregister(ann);
        town.relay(bob, &[&name], "1", None);
        town.settle();
        let heard = town.take_heard(ann);
        let gone = Heard::Unregistered(name);
        let place = heard.iter().position(|heard| *heard == gone).unwrap();
        let is_message = |heard: &Heard| matches!(heard, Heard::Message { .. });
        assert!(!heard[place..].iter().any(is_message), "{heard:?}");
    }
}

#[test]
fn who_loses_a_name_to_another_cannot_take_it_away_from_them() {
    let (mut town, ann, bob) = ann_and_bob();
    town.register(bob, "\"ann\"").unwrap();
    // Ann has not heard of it yet.
    town.unregister(ann);
    town.settle();
    town.relay(ann, &["ann"], "1", None);
    town.settle();
    assert!(matches!(
        &town.take_heard(bob)[..],
        [.., Heard::Message { from: None, .. }]
    ));
}

#[test]
fn the_first_answer_is_heard_and_only_of_who_was_asked() {
    let (mut town, ann, bob) = ann_and_bob();
    let other = town.open(0);
    town.relay(ann, &["7"], "\"how?\"", Some("q"));
    town.settle();
    let ack = ack(&town.take_heard(bob));
    assert_eq!(town.answer(other, &ack, "0"), Err(NotAsked));
    assert_eq!(town.answer(ann, &ack, "0"), Err(NotAsked));
    town.answer(bob, &ack, "\"so\"").unwrap();
    town.answer(bob, &ack, "\"again\"").unwrap();
    town.settle();
    assert_eq!(town.take_heard(ann), [answer("q", Some("7"), "\"so\"")]);
}

#[test]
fn the_backend_answers_from_any_door_and_a_client_cannot_in_its_place() {
    let (mut town, ann, bob) = ann_and_bob();
    town.ask(ann, r#"{"type":"when","ack":"mine"}"#, "q");
    let heard = town.take_heard(ann);
    let [Heard::Told(told)] = &heard[..] else {
        panic!("{heard:?}");
    };
    let told = crate::seen::read(told);
    let ack = told["ack"].as_str().unwrap().to_owned();
    assert_eq!(told["type"], "client-when");
    assert_eq!(town.answer(bob, &ack, "0"), Err(NotAsked));
    let list = format!(r#"[{{"type":"answer","ack":"{ack}","message":"now"}}]"#);
    town.execute(&list);
    town.execute(&list);
    town.settle();
    assert_eq!(town.take_heard(ann), [answer("q", None, "\"now\"")]);
}

#[test]
fn a_client_acknowledges_what_the_backend_has_sent() {
    let (mut town, ann, _) = ann_and_bob();
    town.acknowledge(ann, 7, "[1]");
    let told = r#"{"type":"session-ack","ack":7,"args":[1]}"#;
    assert_eq!(town.take_heard(ann), [Heard::Told(told.into())]);
}

#[test]
fn no_command_answers_in_the_place_of_a_client() {
    let (mut town, ann, bob) = ann_and_bob();
    town.relay(ann, &["7"], "1", Some("q"));
    town.settle();
    let ack = ack(&town.take_heard(bob));
    town.execute(&format!(
        r#"[{{"type":"answer","ack":"{ack}","message":"forged"}}]"#
    ));
    town.settle();
    assert_eq!(town.take_heard(ann), []);
    town.answer(bob, &ack, "2").unwrap();
    town.settle();
    assert_eq!(town.take_heard(ann), [answer("q", Some("7"), "2")]);
}

#[test]
fn a_request_that_nobody_answers_times_out_after_an_hour() {
    let (mut town, ann, bob) = ann_and_bob();
    town.relay(ann, &["7"], "1", Some("q"));
    town.settle();
    let ack = ack(&town.take_heard(bob));
    assert_eq!(town.next_deadline_ms(), Some(3_600_000));
    town.wait(3_599_999);
    assert_eq!(town.take_heard(ann), []);
    town.wait(1);
    assert_eq!(town.take_heard(ann), [Heard::Unanswered("q".into())]);
    town.answer(bob, &ack, "2").unwrap();
    town.settle();
    assert_eq!(town.take_heard(ann), []);
}

#[test]
fn names_and_requests_of_one_connection_have_a_limit() {
    let (mut town, ann, _) = ann_and_bob();
    for number in 1..NAMES_MAX {
        town.register(ann, &number.to_string()).unwrap();
    }
    assert_eq!(town.register(ann, "\"more\""), Err(RegisterError::TooMany));
    assert_eq!(town.register(ann, "\"ann\""), Ok(()), "it holds that one");
    town.settle();
    town.take_heard(ann);

    // A name counts with its string form and as it was given.
    let bob = town.open(1);
    let long = |digit: usize| format!("\"{digit}{}\"", "x".repeat(1000));
    let fit = NAMES_BYTES_MAX / (1001 + 1003);
    for digit in 0..fit {
        town.register(bob, &long(digit + 10)).unwrap();
    }
    town.register(bob, &long(10)).unwrap();
    assert_eq!(town.register(bob, &long(9)), Err(RegisterError::TooMany));
    town.unregister(bob);
    town.register(bob, &long(9)).unwrap();

    for number in 0..=REQUESTS_MAX {
        town.relay(ann, &["nobody"], "1", Some(&number.to_string()));
    }
    assert_eq!(town.take_heard(ann), [Heard::Unanswered("0".into())]);
}

#[test]
fn an_answered_request_leaves_room_for_others() {
    let (mut town, ann, _) = ann_and_bob();
    town.relay(ann, &["nobody"], "1", Some("waits"));
    for _ in 0..REQUESTS_MAX {
        town.relay(ann, &["ann"], "2", Some("q"));
        town.settle();
        let ack = ack(&town.take_heard(ann));
        town.answer(ann, &ack, "3").unwrap();
        town.settle();
        assert_eq!(town.take_heard(ann), [answer("q", Some("\"ann\""), "3")]);
    }
}

#[test]
fn who_has_gone_answers_nothing_more() {
    let (mut town, ann, bob) = ann_and_bob();
    town.relay(ann, &["7"], "1", Some("q"));
    while town.deliver(0, 1) || town.deliver(1, 0) {}
    let ack = ack(&town.take_heard(bob));
    // The backend has still to be told.
    town.leave(bob);
    town.answer(bob, &ack, "2").unwrap();
    town.settle();
    assert_eq!(town.take_heard(ann), []);
    assert_eq!(town.next_deadline_ms(), Some(3_600_000));
}

#[test]
fn every_shard_owns_some_of_many_names() {
    for shard in 0..3 {
        let mut town = Town::new(3, &Config::default());
        let who = town.open(shard);
        // What goes to a name that nobody holds ends with the owner.
        let mut letters = (100..130).map(|name| town.letters_to(who, &name.to_string()));
        assert!(letters.any(|count| count == 0));
        assert!(letters.any(|count| count == 1));
    }
}

#[test]
fn the_names_of_a_client_that_has_gone_are_forgotten() {
    let mut town = Town::new(3, &Config::default());
    let bob = town.open(1);
    for number in 100..110 {
        let name = number.to_string();
        let to_nobody = town.letters_to(bob, &name);
        let ann = town.open(0);
        town.register(ann, &name).unwrap();
        town.register(ann, "\"ann\"").unwrap();
        town.settle();
        town.leave(ann);
        town.settle();
        assert_eq!(town.letters_to(bob, &name), to_nobody, "{name}");
    }
}

#[test]
fn nothing_is_left_of_a_client_that_has_gone() {
    let (mut town, ann, bob) = ann_and_bob();
    town.relay(ann, &["7"], "1", Some("q"));
    town.settle();
    let ack = ack(&town.take_heard(bob));
    town.leave(ann);
    town.settle();
    assert_eq!(town.next_deadline_ms(), None);
    town.answer(bob, &ack, "2").unwrap();
    town.relay(bob, &["ann"], "1", None);
    town.settle();
    let heard = town.take_heard(ann);
    assert!(
        heard.iter().all(|heard| matches!(heard, Heard::Told(_))),
        "{heard:?}"
    );
}
