//! Who is told what when people come, speak, take names, move and leave.

use expect_test::expect;

use super::*;

#[test]
fn a_newcomer_is_given_a_name_and_the_others_are_told() {
    check(
        &["ann connects /", "bob connects /"],
        expect![[r#"
            {"data":{"guest":2,"name":"Gentle Otter","room":"lobby"},"type":"session"}
            {"message":{"guest":2,"name":"Gentle Otter","room":"lobby","type":"welcome"},"type":"send"}
            {"except":"self","match":{"room":"lobby"},"message":{"guest":2,"name":"Gentle Otter","room":"lobby","type":"joined"},"type":"send"}
            {"match":{"room":"lobby"},"message":{"count":2,"people":[{"guest":1,"name":"Amber Fox"},{"guest":2,"name":"Gentle Otter"}],"revision":2,"room":"lobby","type":"here"},"type":"send"}
        "#]],
    );
}

#[test]
fn who_comes_back_keeps_name_and_room() {
    check(
        &["ann connects /?room=garden&name=Ann%20of+the%0Alake"],
        expect![[r#"
            {"data":{"guest":1,"name":"Ann of the lake","room":"garden"},"type":"session"}
            {"message":{"guest":1,"name":"Ann of the lake","room":"garden","type":"welcome"},"type":"send"}
            {"except":"self","match":{"room":"garden"},"message":{"guest":1,"name":"Ann of the lake","room":"garden","type":"joined"},"type":"send"}
            {"match":{"room":"garden"},"message":{"count":1,"people":[{"guest":1,"name":"Ann of the lake"}],"revision":1,"room":"garden","type":"here"},"type":"send"}
        "#]],
    );
    check(
        &["ann connects /x?name=%20&room=attic"],
        expect![[r#"
        {"data":{"guest":1,"name":"Amber Fox","room":"lobby"},"type":"session"}
        {"message":{"guest":1,"name":"Amber Fox","room":"lobby","type":"welcome"},"type":"send"}
        {"except":"self","match":{"room":"lobby"},"message":{"guest":1,"name":"Amber Fox","room":"lobby","type":"joined"},"type":"send"}
        {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":1,"name":"Amber Fox"}],"revision":1,"room":"lobby","type":"here"},"type":"send"}
    "#]],
    );
}

#[test]
fn what_is_said_reaches_the_speakers_room() {
    check(
        &[
            "ann connects /?name=Ann&room=kitchen",
            r#"ann says {"type":"say","text":" <b>hi</b> \u0000 "}"#,
        ],
        expect![[r#"
            {"match":{"room":"kitchen"},"message":{"guest":1,"name":"Ann","text":"<b>hi</b> \u0000","type":"said"},"type":"send"}
        "#]],
    );
}

#[test]
fn a_new_name_is_told_and_stays() {
    let rename = [
        "ann connects /",
        r#"ann says {"type":"name","name":"  Ann\n"}"#,
        r#"ann says {"type":"say","text":"it is me"}"#,
    ];
    check(
        &rename[..2],
        expect![[r#"
        {"data":{"name":"Ann"},"type":"session"}
        {"match":{"room":"lobby"},"message":{"guest":1,"name":"Ann","old":"Amber Fox","type":"renamed"},"type":"send"}
        {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":1,"name":"Ann"}],"revision":2,"room":"lobby","type":"here"},"type":"send"}
    "#]],
    );
    check(
        &rename,
        expect![[r#"
        {"match":{"room":"lobby"},"message":{"guest":1,"name":"Ann","text":"it is me","type":"said"},"type":"send"}
    "#]],
    );
}

#[test]
fn who_goes_to_another_room_leaves_the_old_one() {
    let join = [
        "bob connects /?name=Bob",
        "ann connects /?name=Ann",
        r#"ann says {"type":"join","room":"kitchen"}"#,
        r#"ann says {"type":"join","room":"kitchen"}"#,
    ];
    check(
        &join[..3],
        expect![[r#"
        {"data":{"room":"kitchen"},"type":"session"}
        {"match":{"room":"lobby"},"message":{"guest":2,"name":"Ann","type":"left"},"type":"send"}
        {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":1,"name":"Bob"}],"revision":3,"room":"lobby","type":"here"},"type":"send"}
        {"message":{"guest":2,"name":"Ann","room":"kitchen","type":"welcome"},"type":"send"}
        {"except":"self","match":{"room":"kitchen"},"message":{"guest":2,"name":"Ann","room":"kitchen","type":"joined"},"type":"send"}
        {"match":{"room":"kitchen"},"message":{"count":1,"people":[{"guest":2,"name":"Ann"}],"revision":4,"room":"kitchen","type":"here"},"type":"send"}
    "#]],
    );
    check(&join, expect![[""]]);
}

#[test]
fn who_disconnects_is_missed() {
    check(
        &[
            "ann connects /?name=Ann",
            "bob connects /?name=Bob",
            "ann leaves",
        ],
        expect![[r#"
            {"match":{"room":"lobby"},"message":{"guest":1,"name":"Ann","type":"left"},"type":"send"}
            {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":2,"name":"Bob"}],"revision":3,"room":"lobby","type":"here"},"type":"send"}
        "#]],
    );
}
#[test]
fn in_a_crowd_nobody_is_told_who_comes_and_goes() {
    let mut stage = Stage::default();
    for number in 0..CROWD {
        let answer = stage.play(&format!("{number} connects /"));
        assert_eq!(answer[2]["match"], json!({"room": "lobby"}), "{number}");
    }
    let newcomer = stage.play("ann connects /");
    assert_eq!(newcomer[3]["message"]["count"], CROWD + 1);
    let listed = newcomer[3]["message"]["people"].as_array().unwrap();
    assert_eq!(listed.len(), people::LISTED_MAX);
    let aims_elsewhere =
        |answer: &[Value]| answer.iter().any(|command| !command["match"].is_null());
    assert!(!aims_elsewhere(&newcomer));
    let said = stage.play(r#"ann says {"type":"say","text":"hi"}"#);
    assert!(aims_elsewhere(&said), "what is said is told in a crowd too");
    assert_eq!(
        stage.play("ann leaves").len(),
        3,
        "again a room as any other"
    );
}
