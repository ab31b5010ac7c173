//! Every input that was ever kept is fed again: those that once found a fault, and those that reach what others do not.

use std::fs;
use std::path::{Path, PathBuf};

use broker_fuzz::{
    ANSWERS, COMMANDS, CONFIG, FRAMES, HANDSHAKE, SOCKETIO, TARGETS, Target, WSBROKER, WSMSGBROKER,
};

/// Feeds a target its corpus.
fn replay(target: Target) {
    let folder = folder().join(target.name);
    let files = fs::read_dir(&folder).expect("a corpus");
    let mut count = 0;
    for file in files {
        let path = file.expect("a file").path();
        // What a failing test shows last is the input that it failed on.
        eprintln!("{}", path.display());
        (target.feed)(&fs::read(&path).expect("an input"));
        count += 1;
    }
    assert!(count > 0, "{} has no corpus", target.name);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

#[test]
fn frames_of_the_corpus_are_heard_the_same_however_they_are_cut() {
    replay(FRAMES);
}

#[test]
fn handshakes_of_the_corpus_are_judged_as_another_implementation_does() {
    replay(HANDSHAKE);
}

#[test]
fn messages_of_the_corpus_are_told_as_a_clients() {
    replay(WSBROKER);
}

#[test]
fn conversations_of_the_corpus_are_told_as_what_they_are_and_what_is_asked_ends_once() {
    replay(WSMSGBROKER);
}

#[test]
fn clients_of_the_corpus_come_to_the_same_by_a_websocket_and_by_polling() {
    replay(SOCKETIO);
}

#[test]
fn commands_of_the_corpus_each_have_an_outcome() {
    replay(COMMANDS);
}

#[test]
fn answers_of_the_corpus_are_carried_out_before_the_next_event() {
    replay(ANSWERS);
}

#[test]
fn configurations_of_the_corpus_are_read_or_refused() {
    replay(CONFIG);
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let mut folders: Vec<_> = { fs::read_dir(folder()).unwrap() }
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut names = TARGETS.map(|target| target.name);
    names.sort_unstable();
    assert_eq!(folders, names);
}
