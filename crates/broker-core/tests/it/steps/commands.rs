//! Commands, drawn at random.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// One command as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Its fields without the aim; the whole text where it is not sound.
    pub(crate) fields: String,
    pub(crate) criteria: Option<String>,
    pub(crate) except: Option<String>,
    /// Whether it can be run.
    pub(crate) is_sound: bool,
}

impl Written {
    pub(crate) fn text(&self) -> String {
        if !self.is_sound {
            return self.fields.clone();
        }
        let mut text = format!("{{{}", self.fields);
        for (name, aim) in [("match", &self.criteria), ("except", &self.except)] {
            if let Some(aim) = aim {
                text += &format!(r#","{name}":{aim}"#);
            }
        }
        text + "}"
    }
}

/// A list of commands as it is sent.
pub(crate) fn text_of(list: &[Written]) -> String {
    let commands: Vec<String> = list.iter().map(Written::text).collect();
    format!("[{}]", commands.join(","))
}

const FIELDS: [&str; 5] = ["a", "b", "c", "ip", "s"];

/// Values that are written by `serde_json` as they stand here, so that the model can tell how long an info is.
const VALUES: [&str; 16] = [
    "1",
    "1.0",
    r#""1""#,
    "2",
    "2.5",
    "-3",
    "9007199254740993",
    "true",
    r#""TRUE""#,
    "null",
    r#""x""#,
    r#""Xy""#,
    "[1,[2,null]]",
    r#""1,2,""#,
    r#""undefined""#,
    r#""*""#,
];

/// Criteria that sessions do match, by one field as most applications do.
const COMMON: [&str; 5] = [
    r#"{"a":1}"#,
    r#"{"a":"x"}"#,
    r#"{"b":"xy"}"#,
    r#"{"a":"undefined"}"#,
    r#"{"a":"1","b":"xy"}"#,
];

/// Data that merges: into other values, into objects, by index; with names that stand twice.
const DATA: [&str; 8] = [
    "[]",
    r#"{"a":{"k":1}}"#,
    r#"{"a":{"k":{"l":[1]},"m":2}}"#,
    r#"{"a":[null,{"k":1}]}"#,
    r#"{"a":[{"k":2,"k":3}]}"#,
    r#"{"b":{"k":{"x":1},"k":{"y":2}},"ip":"6.6.6.6","wskey":"mine"}"#,
    r#"{"b":{"x":1},"\u0062":{"y":2}}"#,
    r#"{ "c" : "a text that may well be too long for a session" }"#,
];

const UNSOUND: [&str; 9] = [
    "5",
    "null",
    r#"{"type":"send"}"#,
    r#"{"type":"send","message":1,"message":2}"#,
    r#"{"type":"send","message":1,"match":"x"}"#,
    r#"{"type":"send","message":1,"match":{"a":{}}}"#,
    r#"{"type":"close","code":1005}"#,
    r#"{"type":"list","limit":-1}"#,
    r#"{"type":"sned","message":1}"#,
];

pub(super) fn list() -> impl Strategy<Value = Vec<Written>> {
    prop_oneof![
        1 => Just(Vec::new()),
        6 => prop::collection::vec(command(), 1..4),
    ]
}

fn command() -> impl Strategy<Value = Written> {
    let sound = (fields(), aim(), except()).prop_map(|(fields, criteria, except)| Written {
        fields,
        criteria,
        except,
        is_sound: true,
    });
    let unsound = select(&UNSOUND[..]).prop_map(|text| Written {
        fields: text.into(),
        criteria: None,
        except: None,
        is_sound: false,
    });
    prop_oneof![15 => sound, 1 => unsound]
}

/// The fields of one command, without its aim. `@@@@` becomes a number of its own in [`numbered`].
fn fields() -> impl Strategy<Value = String> {
    let send = select(
        &[
            r#""type":"send","message":{"n":"@@@@","x":[1, 2.50]}"#,
            r#""type":"send","text":"\u0074@@@@""#,
            r#""type":"send","binary":"@@@@""#,
        ][..],
    )
    .prop_map(str::to_owned);
    let data = prop_oneof![
        select(&COMMON[..]).prop_map(str::to_owned),
        (select(&FIELDS[..]), select(&VALUES[..]))
            .prop_map(|(field, value)| format!(r#"{{"{field}":{value}}}"#)),
        select(&DATA[..]).prop_map(str::to_owned),
    ];
    let unset = subsequence(&FIELDS[..], 0..3).prop_map(|names| format!("{names:?}"));
    let session = prop_oneof![
        4 => data.prop_map(|data| format!(r#""type":"session","data":{data}"#)),
        1 => unset.prop_map(|unset| format!(r#""type":"session","unset":{unset}"#)),
    ];
    let close = select(
        &[
            r#""type":"close""#,
            r#""type":"close","code":4001,"reason":"@@@@""#,
        ][..],
    )
    .prop_map(str::to_owned);
    let list = (
        prop::option::of(subsequence(&FIELDS[..], 0..3)),
        prop::option::of(0..4_usize),
        prop::option::of(0..9_u64),
    )
        .prop_map(|(fields, limit, cursor)| {
            let fields = fields.map_or("null".into(), |fields| format!("{fields:?}"));
            let limit = limit.map_or("null".into(), |limit| limit.to_string());
            let cursor = cursor.map_or("null".into(), |cursor| format!("\"{cursor}\""));
            format!(r#""type":"list","fields":{fields},"limit":{limit},"cursor":{cursor}"#)
        });
    let count = prop::option::of(select(&FIELDS[..])).prop_map(|by| match by {
        None => r#""type":"count""#.into(),
        Some(by) => format!(r#""type":"count","by":"{by}""#),
    });
    prop_oneof![
        6 => send,
        5 => session,
        2 => close,
        2 => list,
        1 => count,
        1 => Just(r#""type":"log","text":{"n":"@@@@"},"level":"warn""#.to_owned()),
    ]
}

fn aim() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        3 => Just(None),
        1 => select(&["null", "false", "0", r#""""#][..]).prop_map(|falsy| Some(falsy.into())),
        1 => select(&["{}", "[]", r#""*""#, r#"["*"]"#, "true", "7"][..])
            .prop_map(|everyone| Some(everyone.into())),
        6 => criteria().prop_map(Some),
    ]
}

fn except() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        5 => Just(None),
        1 => Just(Some(r#""self""#.into())),
        1 => criteria().prop_map(Some),
    ]
}

fn criteria() -> impl Strategy<Value = String> {
    let all_of = |branches: Vec<String>| branches.join(",");
    let branches = move || prop::collection::vec(conditions(), 0..3).prop_map(all_of);
    prop_oneof![
        8 => select(&COMMON[..]).prop_map(str::to_owned),
        6 => conditions(),
        1 => branches().prop_map(|branches| format!(r#"{{"$or":[{branches}]}}"#)),
        1 => branches().prop_map(|branches| format!(r#"{{"a":1,"$and":[{branches}]}}"#)),
        1 => conditions().prop_map(|inner| format!(r#"{{"$not":{inner}}}"#)),
    ]
}

fn conditions() -> impl Strategy<Value = String> {
    subsequence(&FIELDS[..], 1..3)
        .prop_flat_map(|fields| {
            let count = fields.len();
            (Just(fields), prop::collection::vec(condition(), count))
        })
        .prop_map(|(fields, conditions)| {
            let pairs = fields.iter().zip(conditions);
            let pairs: Vec<String> = pairs
                .map(|(field, condition)| format!(r#""{field}":{condition}"#))
                .collect();
            format!("{{{}}}", pairs.join(","))
        })
}

fn condition() -> impl Strategy<Value = String> {
    let value = || select(&VALUES[..]);
    let operator = select(&["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"][..]);
    prop_oneof![
        8 => value().prop_map(str::to_owned),
        3 => (operator, value()).prop_map(|(name, value)| format!(r#"{{"{name}":{value}}}"#)),
        1 => (value(), value()).prop_map(|(one, other)| format!(r#"{{"$in":[{one},{other}]}}"#)),
        1 => value().prop_map(|value| format!(r#"{{"$nin":[{value}]}}"#)),
        1 => Just(r#"{"$prefix":"X"}"#.to_owned()),
        1 => any::<bool>().prop_map(|wanted| format!(r#"{{"$exists":{wanted}}}"#)),
        1 => Just(r#"{"$gte":1,"$lt":2.5}"#.to_owned()),
    ]
}
