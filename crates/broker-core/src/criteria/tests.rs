use super::*;
use crate::json;
use crate::session::{CookieRule, SessionId};

fn info(fields: &str) -> Info {
    Info::at_connect(
        std::iter::empty(),
        &CookieRule::All,
        "::1",
        SessionId::new(0, [0; 14]),
        1 << 20,
    )
    .unwrap()
    .merged(&json::members(fields).unwrap().unwrap(), &[], 1 << 20)
    .unwrap()
}

const SESSION: &str = r#"{"room":"Lobby","n":42,"f":1.0,"b":true,"z":null,"a":[9,2,3],"o":{},"big":9007199254740993,
    "num":"17","ver":"1.10","star":"*","u":"ÄÖ","neg":-2,"low":" -2.5 ","plus":"+5","dot":".5","inf":"infinity"}"#;

fn holds(criteria: &str) -> bool {
    Criteria::parse(criteria)
        .unwrap()
        .unwrap()
        .matches(&info(SESSION))
}

fn check(hold: &[&str], do_not: &[&str]) {
    for criteria in hold {
        assert!(holds(criteria), "{criteria} should hold");
    }
    for criteria in do_not {
        assert!(!holds(criteria), "{criteria} should not hold");
    }
}

#[test]
fn equality_compares_lower_cased_string_forms() {
    check(
        &[
            r#"{"room":"LOBBY"}"#,
            r#"{"n":"42"}"#,
            r#"{"n":42.0}"#,
            r#"{"f":"1"}"#,
            r#"{"f":1}"#,
            r#"{"b":"TRUE"}"#,
            r#"{"z":"null"}"#,
            r#"{"z":null}"#,
            r#"{"a":"9,2,3"}"#,
            r#"{"a":[9,[2,3]]}"#,
            r#"{"o":"[object Object]"}"#,
            r#"{"u":"äö"}"#,
            r#"{"room":"lobby","n":42}"#,
            "{}",
        ],
        &[
            r#"{"room":"lobby "}"#,
            r#"{"n":"42.0"}"#,
            r#"{"room":"lobby","n":43}"#,
            r#"{"Room":"lobby"}"#,
        ],
    );
}

#[test]
fn an_absent_field_has_the_form_undefined_and_a_star_matches_it_too() {
    check(
        &[
            r#"{"gone":"undefined"}"#,
            r#"{"gone":"*"}"#,
            r#"{"gone":["*"]}"#,
            r#"{"room":"*"}"#,
        ],
        &[r#"{"gone":""}"#, r#"{"gone":null}"#, r#"{"gone":[]}"#],
    );
}

#[test]
fn integers_past_two_to_the_53_match_by_their_digits() {
    check(
        &[
            r#"{"big":9007199254740993}"#,
            r#"{"big":{"$gt":9007199254740992}}"#,
        ],
        &[
            r#"{"big":9007199254740992}"#,
            r#"{"big":{"$lte":9007199254740992}}"#,
        ],
    );
}

#[test]
fn eq_is_literal_and_negations_hold_for_absent_fields() {
    check(
        &[
            r#"{"star":{"$eq":"*"}}"#,
            r#"{"room":{"$ne":"*"}}"#,
            r#"{"gone":{"$ne":"undefined"}}"#,
            r#"{"gone":{"$nin":["undefined"]}}"#,
            r#"{"room":{"$in":["x","LOBBY"]}}"#,
            r#"{"room":{"$nin":["x"]}}"#,
        ],
        &[
            r#"{"room":{"$eq":"*"}}"#,
            r#"{"gone":{"$eq":"undefined"}}"#,
            r#"{"gone":{"$in":["undefined"]}}"#,
            r#"{"room":{"$nin":["x","lobby"]}}"#,
            r#"{"room":{"$in":[]}}"#,
        ],
    );
}

#[test]
fn a_number_compares_with_numbers_and_numeric_strings() {
    check(
        &[
            r#"{"n":{"$gte":42,"$lt":42.5}}"#,
            r#"{"num":{"$gt":9}}"#,
            r#"{"ver":{"$lt":2}}"#,
            r#"{"neg":{"$gt":-2.5}}"#,
            r#"{"low":{"$lte":-2.5}}"#,
        ],
        &[
            r#"{"neg":{"$lt":-3}}"#,
            r#"{"plus":{"$gt":0}}"#,
            r#"{"dot":{"$gt":0}}"#,
            r#"{"inf":{"$gt":0}}"#,
            r#"{"room":{"$gt":0}}"#,
            r#"{"b":{"$gte":0}}"#,
            r#"{"z":{"$lte":0}}"#,
            r#"{"gone":{"$lt":1}}"#,
            r#"{"a":{"$gt":0}}"#,
        ],
    );
}

#[test]
fn a_string_compares_with_lower_cased_string_forms() {
    check(
        &[
            r#"{"num":{"$lt":"9"}}"#,
            r#"{"room":{"$gt":"LA"}}"#,
            r#"{"n":{"$gt":"41"}}"#,
        ],
        &[r#"{"room":{"$gt":"lobby"}}"#, r#"{"gone":{"$gt":""}}"#],
    );
    check(
        &[],
        &[
            r#"{"n":{"$gt":null}}"#,
            r#"{"n":{"$lt":true}}"#,
            r#"{"n":{"$gt":[1]}}"#,
        ],
    );
}

#[test]
fn prefix_and_exists() {
    check(
        &[
            r#"{"room":{"$prefix":"LOB"}}"#,
            r#"{"z":{"$exists":true}}"#,
            r#"{"gone":{"$exists":false}}"#,
        ],
        &[r#"{"gone":{"$prefix":""}}"#, r#"{"z":{"$exists":false}}"#],
    );
}

#[test]
fn branches_nest() {
    check(
        &[
            r#"{"$or":[{"n":1},{"room":"lobby"}]}"#,
            r#"{"$and":[]}"#,
            r#"{"$or":[[]]}"#,
            r#"{"$not":{"n":1}}"#,
            r#"{"$not":{"$or":[{"n":1},{"$not":{"b":true}}]},"n":42}"#,
        ],
        &[
            r#"{"$or":[]}"#,
            r#"{"$not":{}}"#,
            r#"{"$not":[]}"#,
            r#"{"$and":[{"n":42},{"n":1}]}"#,
        ],
    );
}

#[test]
fn falsy_is_no_match_and_odd_values_mean_everyone() {
    for falsy in ["null", "false", "0", "\"\"", "-0.0"] {
        assert_eq!(Criteria::parse(falsy), Ok(None), "{falsy}");
    }
    for everyone in [
        "[]",
        "[ ]",
        "\"*\"",
        "[\"*\"]",
        "true",
        "7",
        "-1.5",
        "{}",
        r#"{"any":"*"}"#,
    ] {
        assert_eq!(
            Criteria::parse(everyone),
            Ok(Some(Criteria::EVERYONE)),
            "{everyone}"
        );
    }
    assert!(Criteria::EVERYONE.is_everyone());
    let somebody = Criteria::parse(r#"{"a":1}"#).unwrap().unwrap();
    assert!(!somebody.is_everyone());
}

#[test]
fn criteria_of_a_wrong_kind_are_refused_by_name() {
    for (criteria, error) in [
        (r#""lobby""#, "criteria must be an object, got a string"),
        (r#"["a"]"#, "criteria must be an object, got a list"),
        (r#"{"n":{"$gtt":1}}"#, "unknown operator `$gtt`"),
        (r#"{"$nor":[]}"#, "unknown operator `$nor`"),
        (
            r#"{"n":{}}"#,
            "field `n` is compared with an object that has no operator",
        ),
        (
            r#"{"n":{"gt":1}}"#,
            "field `n` is compared with an object that has no operator",
        ),
        (r#"{"n":{"$in":1}}"#, "operator `$in` takes a list"),
        (
            r#"{"n":{"$prefix":1}}"#,
            "operator `$prefix` takes a string",
        ),
        (
            r#"{"n":{"$exists":1}}"#,
            "operator `$exists` takes true or false",
        ),
        (
            r#"{"$or":{"n":1}}"#,
            "operator `$or` takes a list of criteria",
        ),
        (r#"{"$or":[1]}"#, "criteria must be an object, got a number"),
        (r#"{"n":1,"\u006e":2}"#, "`n` stands twice"),
    ] {
        assert_eq!(
            Criteria::parse(criteria).unwrap_err().to_string(),
            error,
            "{criteria}"
        );
    }
}

#[test]
fn depth_and_number_of_comparisons_are_limited() {
    let nested = |depth: usize| format!("{}{{}}{}", r#"{"$not":"#.repeat(depth), "}".repeat(depth));
    assert!(Criteria::parse(&nested(CRITERIA_DEPTH_MAX)).is_ok());
    assert_eq!(
        Criteria::parse(&nested(CRITERIA_DEPTH_MAX + 1)),
        Err(CriteriaError::TooDeep)
    );

    let many = |count: usize| format!(r#"{{"n":{{"$in":[{}]}}}}"#, vec!["1"; count].join(","));
    assert!(Criteria::parse(&many(CRITERIA_TESTS_MAX - 1)).is_ok());
    assert_eq!(
        Criteria::parse(&many(CRITERIA_TESTS_MAX)),
        Err(CriteriaError::TooMany)
    );

    for operator in ["$and", "$or"] {
        let empty = |count: usize| format!(r#"{{"{operator}":[{}]}}"#, vec!["{}"; count].join(","));
        assert!(Criteria::parse(&empty(CRITERIA_TESTS_MAX - 1)).is_ok());
        assert_eq!(
            Criteria::parse(&empty(CRITERIA_TESTS_MAX)),
            Err(CriteriaError::TooMany)
        );
    }
}
