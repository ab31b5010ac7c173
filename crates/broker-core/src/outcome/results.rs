//! What the doors for commands answer: outcomes as JSON.

use super::{Listing, Outcome};
use crate::command::{COMMAND_TYPES, CommandError, CommandList, Entry};
use crate::json;

/// Appends the answer of the public port: the original's array of results, one for each command; nothing for no commands.
///
/// `null`, but for `list` (an array of session infos), `count` (a number, or an object of numbers), a command of the
/// embedder's own (its value), and what was refused (an object with `"ok":false`).
pub fn write_results(list: &CommandList, outcomes: &[Outcome], out: &mut Vec<u8>) {
    if !list.entries.is_empty() {
        write_array(list, outcomes, write_result, out);
    }
}

/// Appends the answer of the admin API: an array with an object for each command.
///
/// `{"ok":true,"type":…}` with what was done, or `{"ok":false,"type":…,"error":…}`, with a `hint` where there is one.
pub fn write_receipts(list: &CommandList, outcomes: &[Outcome], out: &mut Vec<u8>) {
    write_array(list, outcomes, write_receipt, out);
}

fn write_array(
    list: &CommandList,
    outcomes: &[Outcome],
    write: fn(&Entry, &Outcome, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (place, (entry, outcome)) in list.entries.iter().zip(outcomes).enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(entry, outcome, out);
    }
    out.push(b']');
}

fn write_result(entry: &Entry, outcome: &Outcome, out: &mut Vec<u8>) {
    match outcome {
        Outcome::Sent { .. }
        | Outcome::Changed { .. }
        | Outcome::Closed { .. }
        | Outcome::Answered
        | Outcome::Logged
        | Outcome::Elsewhere => write(out, "null"),
        Outcome::Listed(listing) => write_infos(listing, out),
        Outcome::Counted { matched, by: None } => write(out, &matched.to_string()),
        Outcome::Counted { by: Some(by), .. } => write_counts(by, out),
        Outcome::Own(value) => write(out, value),
        Outcome::Refused(error) => write_refusal(entry, error, out),
    }
}

fn write_receipt(entry: &Entry, outcome: &Outcome, out: &mut Vec<u8>) {
    if let Outcome::Refused(error) = outcome {
        return write_refusal(entry, error, out);
    }
    write(out, r#"{"ok":true"#);
    write_type(entry, out);
    match outcome {
        Outcome::Sent { matched, dropped } => {
            let queued = matched.saturating_sub(*dropped);
            let counts = format!(r#","matched":{matched},"queued":{queued},"dropped":{dropped}"#);
            write(out, &counts);
        }
        Outcome::Changed { matched } | Outcome::Closed { matched } => {
            write(out, &format!(r#","matched":{matched}"#));
        }
        Outcome::Listed(listing) => {
            write(
                out,
                &format!(r#","matched":{},"connections":"#, listing.matched),
            );
            write_infos(listing, out);
            match listing.cursor() {
                Some(cursor) => write(out, &format!(r#","cursor":"{cursor}""#)),
                None => write(out, r#","cursor":null"#),
            }
        }
        Outcome::Counted { matched, by } => {
            write(out, &format!(r#","matched":{matched}"#));
            if let Some(by) = by {
                write(out, r#","by":"#);
                write_counts(by, out);
            }
        }
        Outcome::Own(value) => {
            write(out, r#","result":"#);
            write(out, value);
        }
        Outcome::Answered | Outcome::Logged | Outcome::Elsewhere | Outcome::Refused(_) => {}
    }
    out.push(b'}');
}

fn write_refusal(entry: &Entry, error: &CommandError, out: &mut Vec<u8>) {
    write(out, r#"{"ok":false"#);
    write_type(entry, out);
    write(out, r#","error":"#);
    json::write_string(out, &error.to_string());
    if let Some(meant) = meant(error) {
        write(out, r#","hint":"#);
        json::write_string(out, &format!("did you mean {meant}?"));
    }
    out.push(b'}');
}

fn write_type(entry: &Entry, out: &mut Vec<u8>) {
    if let Some(name) = entry.name() {
        write(out, r#","type":"#);
        json::write_string(out, name);
    }
}

fn write_infos(listing: &Listing, out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, (_, info)) in listing.sessions.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(out, info);
    }
    out.push(b']');
}

fn write_counts<'a>(by: impl IntoIterator<Item = (&'a Box<str>, &'a usize)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (place, (value, count)) in by.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::write_string(out, value);
        write(out, &format!(":{count}"));
    }
    out.push(b'}');
}

fn write(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// The command that an unknown one was probably meant to be.
fn meant(error: &CommandError) -> Option<&'static str> {
    let CommandError::Unknown(name) = error else {
        return None;
    };
    // Nothing longer is close to any of ours, and it bounds the work.
    if name.len() > 16 {
        return None;
    }
    let distances = COMMAND_TYPES.map(|known| (distance(name, known), known));
    let (distance, known) = distances.into_iter().min()?;
    (distance <= 2).then_some(known)
}

/// How many letters have to be put in, taken out, replaced or swapped with their neighbour to make one word of the
/// other (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.to_lowercase().chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut cost = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter {
                cost = cost.min(before[column - 1] + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::command::Reading;

    fn check(commands: &'static str, outcomes: &[Outcome], public: Expect, admin: Expect) {
        let reading = Reading {
            strict: true,
            max_commands: 10,
            own_types: &[Box::from("mine")],
        };
        let list = CommandList::parse(&Bytes::from_static(commands.as_bytes()), reading).unwrap();
        let text = |write: fn(&CommandList, &[Outcome], &mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&list, outcomes, &mut out);
            String::from_utf8(out).unwrap()
        };
        public.assert_eq(&text(write_results));
        admin.assert_eq(&text(write_receipts));
    }

    #[test]
    fn what_is_done_has_no_result_in_public_and_a_receipt_for_the_admin() {
        check(
            r#"[{"type":"send","message":1},{"type":"session","data":{}},{"type":"close"},{"type":"log"}]"#,
            &[
                Outcome::Sent {
                    matched: 3,
                    dropped: 1,
                },
                Outcome::Changed { matched: 2 },
                Outcome::Closed { matched: 0 },
                Outcome::Logged,
            ],
            expect!["[null,null,null,null]"],
            expect![[
                r#"[{"ok":true,"type":"send","matched":3,"queued":2,"dropped":1},{"ok":true,"type":"session","matched":2},{"ok":true,"type":"close","matched":0},{"ok":true,"type":"log"}]"#
            ]],
        );
    }

    #[test]
    fn what_is_found_is_shown() {
        let listing = Listing {
            matched: 3,
            sessions: vec![(4, "{\"a\":1}".into()), (7, "{}".into())],
            has_more: true,
        };
        let by = BTreeMap::from([("a \"b\"".into(), 2), ("c".into(), 1)]);
        check(
            r#"[{"type":"list","limit":2},{"type":"count"},{"type":"count","by":"room"},{"type":"mine"}]"#,
            &[
                Outcome::Listed(listing),
                Outcome::Counted {
                    matched: 5,
                    by: None,
                },
                Outcome::Counted {
                    matched: 5,
                    by: Some(by),
                },
                Outcome::Own("[7]".into()),
            ],
            expect![[r#"[[{"a":1},{}],5,{"a \"b\"":2,"c":1},[7]]"#]],
            expect![[
                r#"[{"ok":true,"type":"list","matched":3,"connections":[{"a":1},{}],"cursor":"7"},{"ok":true,"type":"count","matched":5},{"ok":true,"type":"count","matched":5,"by":{"a \"b\"":2,"c":1}},{"ok":true,"type":"mine","result":[7]}]"#
            ]],
        );
    }

    #[test]
    fn a_refusal_stands_in_its_place_with_the_type_that_was_asked_for() {
        let refused = |error| Outcome::Refused(error);
        check(
            r#"[{"type":"sned"},{"type":"send"},5]"#,
            &[
                refused(CommandError::Unknown("sned".into())),
                refused(CommandError::MissingField {
                    command: "send",
                    field: "a message",
                }),
                refused(CommandError::NotAnObject { got: "a number" }),
            ],
            expect![[
                r#"[{"ok":false,"type":"sned","error":"unknown command `sned`","hint":"did you mean send?"},{"ok":false,"type":"send","error":"`send` needs a message"},{"ok":false,"error":"a command must be an object, got a number"}]"#
            ]],
            expect![[
                r#"[{"ok":false,"type":"sned","error":"unknown command `sned`","hint":"did you mean send?"},{"ok":false,"type":"send","error":"`send` needs a message"},{"ok":false,"error":"a command must be an object, got a number"}]"#
            ]],
        );
    }

    #[test]
    fn no_commands_have_no_results() {
        check("[]", &[], expect![""], expect!["[]"]);
    }

    #[test]
    fn only_a_near_miss_has_a_hint() {
        let meant = |name: &str| meant(&CommandError::Unknown(name.into()));
        assert_eq!(meant("sned"), Some("send"));
        assert_eq!(meant("Close"), Some("close"));
        assert_eq!(meant("sesion"), Some("session"));
        assert_eq!(meant("lst"), Some("list"));
        assert_eq!(meant("broadcast"), None);
        assert_eq!(meant(""), None);
        assert_eq!(meant(&"send".repeat(1000)), None);
    }

    #[test]
    fn letters_put_in_taken_out_replaced_and_swapped_make_the_distance() {
        for (from, to, expected) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("ABC", "abc", 0),
            ("abx", "abc", 1),
            ("ac", "abc", 1),
            ("abcd", "abc", 1),
            ("ba", "ab", 1),
            ("xacb", "xabc", 1),
            ("bax", "aby", 2),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    /// The definition of the distance, by the last letters of both words.
    fn distance_of(from: &[char], to: &[char]) -> usize {
        let ([before @ .., letter], [to_before @ .., other]) = (from, to) else {
            return from.len() + to.len();
        };
        let mut best = (distance_of(before, to_before) + usize::from(letter != other))
            .min(distance_of(before, to) + 1)
            .min(distance_of(from, to_before) + 1);
        if let ([rest @ .., left], [to_rest @ .., to_left]) = (before, to_before)
            && (left, letter) == (other, to_left)
        {
            best = best.min(distance_of(rest, to_rest) + 1);
        }
        best
    }

    proptest! {
        #[test]
        fn the_distance_of_words_is_its_definition(from in "[ab]{0,5}", to in "[abc]{0,5}") {
            let letters = |word: &str| word.chars().collect::<Vec<_>>();
            prop_assert_eq!(distance(&from, &to), distance_of(&letters(&from), &letters(&to)));
        }
    }
}
