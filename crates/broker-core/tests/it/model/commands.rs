//! What commands do, told in the simplest way.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::matching::{is_falsy, matches, string_form};
use super::{Model, Phase};
use crate::seen::{Seen, read};
use crate::steps::Written;

impl Model {
    /// Carries out a list: what is seen of it, and the outcomes.
    pub(crate) fn execute(
        &mut self,
        list: &[Written],
        origin: Option<usize>,
        is_answer: bool,
    ) -> (Vec<Seen>, Vec<Value>) {
        let mut seen = Vec::new();
        let outcomes = list.iter().map(|written| {
            let command = read(&written.text());
            let verb = command["type"].as_str().unwrap_or_default();
            if verb == "sned" {
                seen.push(Seen::RanOther {
                    name: verb.into(),
                    origin,
                });
            }
            if !written.is_sound {
                return json!("refused");
            }
            let to = self.aimed_at(
                &command,
                origin,
                is_answer && !matches!(verb, "list" | "count"),
            );
            self.perform(verb, written, &command, to, &mut seen)
        });
        let outcomes = outcomes.collect();
        (seen, outcomes)
    }

    fn aimed_at(&self, command: &Value, origin: Option<usize>, is_for_origin: bool) -> Vec<usize> {
        let criteria = command.get("match").filter(|criteria| !is_falsy(criteria));
        let open = self
            .clients
            .iter()
            .filter(|(_, client)| client.phase == Phase::Open);
        open.filter(|(who, client)| match criteria {
            Some(criteria) => matches(criteria, &client.info),
            None => !is_for_origin || Some(**who) == origin,
        })
        .filter(|(who, client)| match command.get("except") {
            None => true,
            Some(Value::String(_)) => Some(**who) != origin,
            Some(criteria) => !matches(criteria, &client.info),
        })
        .map(|(who, _)| *who)
        .collect()
    }

    fn perform(
        &mut self,
        verb: &str,
        written: &Written,
        command: &Value,
        to: Vec<usize>,
        seen: &mut Vec<Seen>,
    ) -> Value {
        let count = to.len();
        match verb {
            "send" if count == 0 => json!({"sent": 0}),
            "send" => {
                seen.push(Seen::Sent {
                    to,
                    payload: payload(written, command),
                });
                json!({"sent": count})
            }
            "session" => {
                let refused = to
                    .into_iter()
                    .filter(|who| !self.change(*who, command))
                    .count();
                match refused {
                    0 => json!({"changed": count}),
                    _ => json!({"changed": count, "unchanged": refused}),
                }
            }
            "close" => {
                for who in &to {
                    self.client(*who).phase = Phase::Unreachable;
                }
                let code = command
                    .get("code")
                    .map_or(1000, |code| code.as_u64().unwrap() as u16);
                let reason = command["reason"].as_str().unwrap_or_default().into();
                if count > 0 {
                    seen.push(Seen::Closed { to, code, reason });
                }
                json!({"closed": count})
            }
            "list" => self.list(command, &to),
            "count" => {
                let values = command["by"].as_str().map(|by| {
                    let values = to.iter().filter_map(|who| self.clients[who].info.get(by));
                    values.fold(BTreeMap::new(), |mut by: BTreeMap<String, usize>, value| {
                        *by.entry(string_form(Some(value))).or_default() += 1;
                        by
                    })
                });
                json!({"counted": count, "by": values})
            }
            _ => {
                seen.push(Seen::Logged {
                    text: command["text"].to_string(),
                    level: "Warn".into(),
                });
                json!("logged")
            }
        }
    }

    fn list(&self, command: &Value, to: &[usize]) -> Value {
        let after = command["cursor"]
            .as_str()
            .map(|cursor| cursor.parse::<usize>().unwrap());
        let mut page: Vec<usize> = to
            .iter()
            .copied()
            .filter(|who| after.is_none_or(|after| *who > after))
            .collect();
        let limit = command["limit"]
            .as_u64()
            .map_or(usize::MAX, |limit| limit as usize);
        let has_more = page.len() > limit;
        page.truncate(limit);
        let infos = page.iter().map(|who| {
            let mut info = self.clients[who].info.clone();
            if let Some(fields) = command["fields"].as_array() {
                info.retain(|name, _| fields.iter().any(|field| field == name));
            }
            info
        });
        json!({"listed": infos.collect::<Vec<_>>(), "matched": to.len(), "cursor": page.last().filter(|_| has_more)})
    }

    fn change(&mut self, who: usize, command: &Value) -> bool {
        let limit = self.config.max_session;
        let info = &mut self.client(who).info;
        let mut changed = Value::Object(info.clone());
        let data = command["data"].as_object().cloned().unwrap_or_default();
        merge(
            &mut changed,
            &Value::Object(
                data.into_iter()
                    .filter(|(name, _)| !is_reserved(name))
                    .collect(),
            ),
        );
        let unset = command["unset"].as_array().cloned().unwrap_or_default();
        let Value::Object(mut changed) = changed else {
            unreachable!("an object stays one")
        };
        changed.retain(|name, _| is_reserved(name) || unset.iter().all(|gone| gone != name));
        let fits = json!(changed).to_string().len() <= limit;
        if fits {
            *info = changed;
        }
        fits
    }
}

fn is_reserved(name: &str) -> bool {
    matches!(name, "ip" | "wskey")
}

fn merge(old: &mut Value, new: &Value) {
    match (&mut *old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                merge(old.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (place, value) in new.iter().enumerate() {
                match old.get_mut(place) {
                    Some(old) => merge(old, value),
                    None => old.push(value.clone()),
                }
            }
        }
        _ => *old = new.clone(),
    }
}

/// A message travels as it was written, byte by byte.
fn payload(written: &Written, command: &Value) -> String {
    if let Some((_, message)) = written.fields.split_once(r#""message":"#) {
        format!("json {message}")
    } else if let Some(text) = command["text"].as_str() {
        format!("text {text}")
    } else {
        let bytes = BASE64.decode(command["binary"].as_str().unwrap_or_default());
        format!("binary {:?}", bytes.unwrap())
    }
}
