//! Transcripts: written conversations that are run as tests and shown in the docs, so that the docs cannot lie.
//!
//! A transcript is a fenced block of the kind `transcript` in a Markdown file:
//!
//! ````text
//! ```transcript
//! A connects  Cookie: sid=7
//!   backend <- A {"type":"session-connect"}  {"sid":"7","ip":"127.0.0.1","wskey":"<A>"}
//! backend -> A [{"type":"session","data":{"room":"lobby"}}]
//! A -> {"type":"hi"}
//!   backend <- A {"type":"client-hi"}
//! ```
//! ````
//!
//! It is run against [`Broker`](broker_core::Broker) and the dialects, with no network and in virtual time. Some lines
//! are **cues**, which say what somebody does; the lines after a cue are all that must come of it, in order, no more and
//! no less. `X -> …` is said by X, `X <- …` is heard by X.
//!
//! # Cues
//! | line | what happens |
//! | --- | --- |
//! | `with KEY = VALUE` | a setting: `dialect`, `binary`, `relay_events`, `cookies`, `max_session`, `max_events`, `max_in_flight`, `max_commands` |
//! | `A connects [from IP] [Cookie: …]` | a client connects; more headers may follow, each on an indented line |
//! | `A is connected [DATA]`, `A, B are connected [DATA]` | they connect and the backend answers, with DATA for the session |
//! | `A -> TEXT`, `A -> <binary BASE64>` | the client sends a message |
//! | `A closes [CODE [REASON]]` | it closes |
//! | `A is gone` | its connection is lost |
//! | `backend -> A BODY` | the backend answers the event of A's that it was told, with 200 |
//! | `backend fails A: WHY` | it does not: a status (`502`, `429, retry after 3s`), `unreachable`, `interrupted`, `timeout` |
//! | `public -> BODY`, `admin -> BODY` | commands are posted to the public port, to the admin API |
//! | `time passes`, `5s pass` | until the next thing is due; so long |
//!
//! # What comes of them
//! | line | what was seen |
//! | --- | --- |
//! | `backend <- A [(id ID, try N)] MESSAGE [CONNECTION]` | an event; what is in brackets here is compared if it is there, `try` whenever it is not 1 |
//! | `A <- TEXT`, `A, B <- <binary BASE64>` | a message, heard by each of them |
//! | `A is closed CODE [REASON]`, `A is refused: WHY` | the broker closes the connection; turns it away |
//! | `A is paused`, `A is read again` | the broker reads no more from the connection; reads on |
//! | `held A: WHY`, `dropped A: WHY` | an event will be tried again; is given up |
//! | `passed over A: WHY` | nothing can be made of what A said |
//! | `not sent to A: WHY` | the dialect cannot say it |
//! | `unanswered A: TOKEN` | a request of A's has timed out |
//! | `public <- RESULTS`, `admin <- RESULTS` | the answer to a command POST |
//! | `log LEVEL TEXT` | a line of the command `log` |
//! | `refused: command N: WHY` | a command of an answer was refused |
//!
//! `<A>` stands for the `wskey` of A. With Socket.IO, `A/room` is who A is in the namespace `/room`, by a session of its own: in
//! what the backend is told and answers, and as `<A/room>`. A line that is indented by four or more goes on with the one before it; empty lines
//! and those that begin with `#` say nothing. With `UPDATE_EXPECT=1` in the environment, the lines that differ are written
//! anew into the files: look at them before they are kept.

mod page;
mod report;
mod script;
mod sight;
mod stage;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use self::page::Block;
use self::report::Difference;
use self::stage::Stage;

/// Runs every transcript of the Markdown files in a folder and its subfolders; returns the headings they stand under.
///
/// # Errors
/// A text for people: each transcript that did not go as written, with its place and what differs.
pub fn check_docs(folder: &Path) -> Result<Vec<String>, String> {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut titles = Vec::new();
    let mut faults = String::new();
    let name = folder.file_name().unwrap_or_default();
    for path in markdown_files(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let shown = Path::new(name).join(path.strip_prefix(folder).unwrap_or(&path));
        let mut differences = Vec::new();
        for block in page::blocks(&text) {
            match run(&block) {
                Ok(found) => {
                    differences.extend(found.into_iter().map(|found| (block.title.clone(), found)))
                }
                Err(fault) => faults.push_str(&report::broken(&shown, &block.title, &fault)),
            }
            titles.push(block.title);
        }
        if update && !differences.is_empty() {
            let updated = report::rewritten(&text, differences.iter().map(|(_, found)| found));
            fs::write(&path, updated).map_err(|error| format!("{}: {error}", path.display()))?;
            continue;
        }
        for (title, difference) in &differences {
            faults.push_str(&report::differing(&shown, title, difference));
        }
    }
    if faults.is_empty() {
        Ok(titles)
    } else {
        Err(faults)
    }
}

/// A transcript that cannot be run as it is written.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// From 0, in the file.
    line: usize,
    what: String,
}

/// Plays all scenes; returns those that went differently.
fn run(block: &Block<'_>) -> Result<Vec<Difference>, Fault> {
    let scenes = script::scenes(block)?;
    let mut stage = Stage::default();
    let mut differences = Vec::new();
    for scene in scenes {
        let line = scene.cue_lines.start;
        let seen = stage
            .play(scene.cue.clone())
            .map_err(|what| Fault { line, what })?;
        differences.extend(Difference::between(scene, seen));
    }
    Ok(differences)
}

fn markdown_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
