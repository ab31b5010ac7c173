//! Reading the answer to several events at once.

use bytes::Bytes;

use super::{CommandError, CommandList, Entry, ListError, Reading};
use crate::criteria::kind;
use crate::json;

impl CommandList {
    /// Reads the answer to so many events: a JSON array that has a list of commands, one command or `null` for each, in
    /// their order. An entry of another kind runs nothing, which its list tells.
    ///
    /// # Errors
    /// When the text as a whole is no such array; of an entry's list, what [`CommandList::parse`] says.
    pub fn parse_each(
        body: &Bytes,
        events: usize,
        reading: Reading<'_>,
    ) -> Result<Vec<CommandList>, ListError> {
        if body.trim_ascii().is_empty() {
            return Ok(vec![CommandList::default(); events]);
        }
        json::check(body)?;
        let text = std::str::from_utf8(body).unwrap_or_default().trim_ascii();
        let answers = json::elements(text).ok_or(ListError::NotOneForEach {
            events,
            got: kind(text).into(),
        })?;
        if answers.len() != events {
            return Err(ListError::NotOneForEach {
                events,
                got: format!("{} of them", answers.len()).into(),
            });
        }
        answers
            .iter()
            .map(|answer| match answer.get() {
                "null" => Ok(CommandList::default()),
                text => read_one(&body.slice_ref(text.as_bytes()), reading),
            })
            .collect()
    }
}

fn read_one(answer: &Bytes, reading: Reading<'_>) -> Result<CommandList, ListError> {
    match CommandList::parse_checked(answer, reading) {
        Err(ListError::NotAList { got }) => Ok(CommandList {
            entries: vec![Entry::Refused {
                name: None,
                error: CommandError::NotAnObject { got },
            }],
            ..CommandList::default()
        }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: Reading<'static> = Reading::lenient(2);

    fn read(body: &'static str, events: usize) -> Result<Vec<CommandList>, ListError> {
        CommandList::parse_each(&Bytes::from_static(body.as_bytes()), events, READING)
    }

    #[test]
    fn each_event_is_answered_by_a_list_a_command_or_null() {
        let answers = read(
            r#" [ [{"type":"send","message":1},{"type":"close"}], null, {"type":"close"}, [] ] "#,
            4,
        );
        let lengths: Vec<usize> = answers
            .unwrap()
            .iter()
            .map(|list| list.entries.len())
            .collect();
        assert_eq!(lengths, [2, 0, 1, 0]);
        let none = read(" ", 3).unwrap();
        assert!(none.len() == 3 && none.iter().all(|list| list.entries.is_empty()));
    }

    #[test]
    fn an_entry_of_another_kind_runs_nothing_and_the_others_are_read() {
        let answers = read(r#"[7, {"type":"close"}]"#, 2).unwrap();
        let Entry::Refused { error, .. } = &answers[0].entries[0] else {
            panic!("{answers:?}");
        };
        assert_eq!(
            error.to_string(),
            "a command must be an object, got a number"
        );
        assert_eq!(answers[1].entries.len(), 1);
    }

    #[test]
    fn an_answer_that_is_not_one_entry_for_each_event_is_refused_whole() {
        for (body, what) in [
            (r#"{"type":"close"}"#, "got an object"),
            ("[null]", "got 1 of them"),
            ("[null,null,null]", "got 3 of them"),
            ("null", "got null"),
        ] {
            let error = read(body, 2).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the answer to 2 events must be a list with an entry for each, {what}")
            );
        }
        assert!(matches!(read("[null,nul]", 2), Err(ListError::NotJson(_))));
        let many = r#"[[{},{},{}]]"#;
        assert!(matches!(
            read(many, 1),
            Err(ListError::TooMany { count: 3, .. })
        ));
    }
}
