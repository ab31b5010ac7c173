//! What `cargo xtask ci` says at its end.

use std::fmt::Write;

use super::Step;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// Not run, for the reason given.
    LeftOut(&'static str),
}

#[derive(Debug)]
pub(super) struct Report {
    pub(super) step: Step,
    pub(super) verdict: Verdict,
    pub(super) seconds: f64,
}

/// A table of the steps, the commands that repeat those that failed, and the counts alone on the last line.
pub(super) fn of(reports: &[Report]) -> String {
    let mut text = format!("\n{:<11} {:<8} {:>7}\n", "step", "result", "seconds");
    for report in reports {
        line(&mut text, report);
    }
    let failed: Vec<&Report> = reports
        .iter()
        .filter(|report| report.verdict == Verdict::Failed)
        .collect();
    if !failed.is_empty() {
        text.push_str("\nTo repeat what failed:\n");
    }
    for report in &failed {
        let _ = writeln!(text, "  {}", report.step.command);
    }
    let passed = reports
        .iter()
        .filter(|report| report.verdict == Verdict::Passed)
        .count();
    let left_out = reports.len() - passed - failed.len();
    let _ = write!(text, "\n{passed} passed, {} failed", failed.len());
    if left_out > 0 {
        let _ = write!(text, ", {left_out} skipped");
    }
    text.push('\n');
    text
}

fn line(text: &mut String, report: &Report) {
    let (result, remark) = match report.verdict {
        Verdict::Passed => ("ok", ""),
        Verdict::Failed => ("FAILED", ""),
        Verdict::LeftOut(reason) => ("left out", reason),
    };
    let row = format!(
        "{:<11} {:<8} {:>7.1}  {}",
        report.step.name, result, report.seconds, remark
    );
    let _ = writeln!(text, "{}", row.trim_end());
}
