//! Whether the backend is there: one `HEAD` request, never an event, and what its outcome means.

use broker_server::config::Config;
use broker_server::core::Failure;
use broker_server::{ProbeError, probe};

/// What was seen at the backend, to be put behind its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is there.
    Well(String),
    /// Something is wrong, and what to do about it.
    Wrong(String),
}

use Finding::{Well, Wrong};

/// Asks the backend; `None` where there is none to be asked by HTTP.
pub(crate) async fn ask(config: &Config) -> Option<Finding> {
    let is_signed = config.backend.secret.is_some() || config.backend.secret_file.is_some();
    match probe(config).await {
        Ok(None) => None,
        Ok(Some(status)) => Some(of_status(status, is_signed)),
        Err(ProbeError::File(error)) => Some(Wrong(format!("cannot be asked: {error}"))),
        Err(ProbeError::NoAnswer(failure)) => Some(of_failure(&failure)),
    }
}

/// Many applications have no `HEAD` where they take events, so that not every refusal is one of events.
fn of_status(status: u16, is_signed: bool) -> Finding {
    let advice = match status {
        200..=299 | 405 | 501 => return Well(format!("answers ({status})")),
        401 | 403 if is_signed => {
            return Well(format!("answers ({status}, since a HEAD is not signed)"));
        }
        300..=399 => "events never follow a redirect: set backend.url to where it leads",
        401 | 403 => "does it want a user and a password? They go into backend.url",
        404 | 410 => {
            "is the path in backend.url right? All is well if it takes nothing but POST there"
        }
        429 | 500..=599 => "an event that is answered so is tried again: see the backend's own log",
        _ => "an event that is answered so is dropped: see the backend's own log",
    };
    Wrong(format!("answers HEAD with {status}; {advice}"))
}

fn of_failure(failure: &Failure) -> Finding {
    Wrong(match failure {
        Failure::Unreachable(why) => format!(
            "cannot be reached: {why}; events are held until it can be: is it running, and is backend.url right?"
        ),
        Failure::Interrupted(why) => {
            format!("breaks off at a HEAD: {why}; is it HTTP that is spoken at backend.url?")
        }
        Failure::TimedOut(limit) => format!(
            "did not answer a HEAD within {limit:?}; events that take so long are tried again: what keeps it busy?"
        ),
        Failure::Status { .. } | Failure::BadAnswer(_) | Failure::Panicked(_) => {
            format!("is in trouble: {failure}")
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::*;

    fn shown(finding: Finding) -> String {
        match finding {
            Well(text) => format!("{text}\n"),
            Wrong(text) => format!("warning: {text}\n"),
        }
    }

    fn check(statuses: &[u16], is_signed: bool, expected: Expect) {
        let findings = statuses.iter().map(|status| of_status(*status, is_signed));
        expected.assert_eq(&findings.map(shown).collect::<String>());
    }

    #[test]
    fn an_application_that_takes_no_head_is_well() {
        check(
            &[200, 204, 405, 501],
            false,
            expect![[r#"
            answers (200)
            answers (204)
            answers (405)
            answers (501)
        "#]],
        );
    }

    #[test]
    fn other_statuses_are_warnings_that_say_what_to_do() {
        check(
            &[302, 400, 401, 403, 404, 410, 429, 500, 502, 503],
            false,
            expect![[r#"
                warning: answers HEAD with 302; events never follow a redirect: set backend.url to where it leads
                warning: answers HEAD with 400; an event that is answered so is dropped: see the backend's own log
                warning: answers HEAD with 401; does it want a user and a password? They go into backend.url
                warning: answers HEAD with 403; does it want a user and a password? They go into backend.url
                warning: answers HEAD with 404; is the path in backend.url right? All is well if it takes nothing but POST there
                warning: answers HEAD with 410; is the path in backend.url right? All is well if it takes nothing but POST there
                warning: answers HEAD with 429; an event that is answered so is tried again: see the backend's own log
                warning: answers HEAD with 500; an event that is answered so is tried again: see the backend's own log
                warning: answers HEAD with 502; an event that is answered so is tried again: see the backend's own log
                warning: answers HEAD with 503; an event that is answered so is tried again: see the backend's own log
            "#]],
        );
    }

    #[test]
    fn an_application_that_refuses_what_is_not_signed_is_well() {
        check(
            &[401, 403, 404],
            true,
            expect![[r#"
            answers (401, since a HEAD is not signed)
            answers (403, since a HEAD is not signed)
            warning: answers HEAD with 404; is the path in backend.url right? All is well if it takes nothing but POST there
        "#]],
        );
    }

    #[test]
    fn no_answer_is_a_warning_that_says_why() {
        let failures = [
            Failure::Unreachable("connection refused".into()),
            Failure::Interrupted("connection closed".into()),
            Failure::TimedOut(Duration::from_secs(10)),
        ];
        let findings = failures.iter().map(of_failure);
        expect![[r#"
            warning: cannot be reached: connection refused; events are held until it can be: is it running, and is backend.url right?
            warning: breaks off at a HEAD: connection closed; is it HTTP that is spoken at backend.url?
            warning: did not answer a HEAD within 10s; events that take so long are tried again: what keeps it busy?
        "#]].assert_eq(&findings.map(shown).collect::<String>());
    }
}
