//! What differs between a transcript and what was seen: shown to people, or written into the file.

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::Path;

use super::Fault;
use super::script::{Expected, Scene};
use super::sight::Sight;

/// A scene that did not go as written.
#[derive(Debug)]
pub(super) struct Difference {
    cue: String,
    /// The line after the cue, from 0, in the file.
    after_cue: usize,
    steps: Vec<Step>,
}

/// One line of a difference.
#[derive(Debug)]
enum Step {
    AsWritten(Expected),
    NotSeen(Expected),
    NotWritten(Sight),
}

impl Difference {
    /// None where all was seen as written, in order.
    pub(super) fn between(scene: Scene, seen: Vec<Sight>) -> Option<Difference> {
        let mut steps = Vec::new();
        let mut expected = scene.expected;
        let mut seen = VecDeque::from(seen);
        let common = common_lengths(&expected, &seen);
        let (mut row, mut column) = (0, 0);
        loop {
            let step = match (expected.front(), seen.front()) {
                (None, None) => break,
                (Some(line), Some(sight)) if sight.is_said_by(&line.text) => {
                    (row, column) = (row + 1, column + 1);
                    seen.pop_front();
                    expected.pop_front().map(Step::AsWritten)
                }
                (Some(_), None) => expected.pop_front().map(Step::NotSeen),
                (Some(_), Some(_)) if common[row + 1][column] >= common[row][column + 1] => {
                    row += 1;
                    expected.pop_front().map(Step::NotSeen)
                }
                (_, Some(_)) => {
                    column += 1;
                    seen.pop_front().map(Step::NotWritten)
                }
            };
            steps.extend(step);
        }
        let as_written = steps.iter().all(|step| matches!(step, Step::AsWritten(_)));
        (!as_written).then_some(Difference {
            cue: scene.cue_text,
            after_cue: scene.cue_lines.end,
            steps,
        })
    }
}

/// `[i][j]`: how many lines from `i` on and sights from `j` on can be paired in order.
fn common_lengths(expected: &VecDeque<Expected>, seen: &VecDeque<Sight>) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; seen.len() + 1]; expected.len() + 1];
    for (row, line) in expected.iter().enumerate().rev() {
        for (column, sight) in seen.iter().enumerate().rev() {
            lengths[row][column] = if sight.is_said_by(&line.text) {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    lengths
}

pub(super) fn broken(path: &Path, title: &str, fault: &Fault) -> String {
    format!(
        "\n{}:{}  {title}\n  ! {}\n",
        path.display(),
        fault.line + 1,
        fault.what
    )
}

/// The scene as a diff: `-` was written and not seen, `+` was seen and not written.
pub(super) fn differing(path: &Path, title: &str, difference: &Difference) -> String {
    let line = difference.after_cue;
    let mut out = format!(
        "\n{}:{line}  {title}\n    {}\n",
        path.display(),
        difference.cue
    );
    for step in &difference.steps {
        // Writing to a `String` has no way to fail.
        let _ = match step {
            Step::AsWritten(line) => writeln!(out, "      {}", line.text),
            Step::NotSeen(line) => writeln!(out, "  -   {}", line.text),
            Step::NotWritten(sight) => writeln!(out, "  +   {sight}"),
        };
    }
    out
}

/// The file with what was seen in place of what was not.
pub(super) fn rewritten<'a>(
    text: &str,
    differences: impl Iterator<Item = &'a Difference>,
) -> String {
    let mut lines: Vec<Vec<String>> = text.lines().map(|line| vec![line.to_owned()]).collect();
    for difference in differences {
        let mut last = difference.after_cue - 1;
        for step in &difference.steps {
            match step {
                Step::AsWritten(line) => last = line.lines.end - 1,
                Step::NotSeen(line) => {
                    for line in &mut lines[line.lines.clone()] {
                        line.remove(0);
                    }
                }
                Step::NotWritten(sight) => lines[last].push(format!("  {sight}")),
            }
        }
    }
    let mut out = lines.concat().join("\n");
    out.push('\n');
    out
}
