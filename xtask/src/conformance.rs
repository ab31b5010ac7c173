//! `cargo xtask conformance`: the cases of the Autobahn suite against the release binary.
//!
//! The broker stands there as anybody may start it, with every endpoint an echo, and kosoku plays the suite's cases
//! as its client. Each case has two verdicts, on what was echoed and on how the connection was closed. Both must be
//! "OK", or "INFORMATIONAL" where the suite gives no verdict; "NON-STRICT" fails like "FAILED", and so does a case
//! that is not there.

mod broker;
mod report;
mod selection;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::workspace::Workspace;
use crate::{Result, debian, e2e, process, python};

use self::broker::Broker;
use self::report::Report;
use self::selection::Selection;

/// How many cases are played at a time.
const PARALLEL: &str = "4";

/// With `--all` every case of the suite is played; without, those that take minutes are left out.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    let selection = match arguments {
        [] => Selection::quick(),
        [argument] if argument == "--all" => Selection::all(),
        _ => return Err("the only argument is `--all`".into()),
    };
    let target = workspace.target_folder()?;
    let wsbroker = e2e::build_wsbroker(workspace, &target)?;
    debian::provide(&[python::NEED])?;
    let requirements = workspace.join("xtask/src/conformance/requirements.txt");
    let kosoku =
        python::environment(&requirements, &target.join("conformance-venv"))?.join("kosoku");

    let folder = target.join("conformance");
    make_anew(&folder)?;
    let mut broker = Broker::start(&wsbroker, &folder)?;
    let mut play = Command::new(kosoku);
    play.args(["--mode", "fuzzingclient"])
        .args(["--parallelism", PARALLEL])
        .args(selection.arguments())
        .arg("--outdir")
        .arg(&folder)
        .arg(broker.address());
    // It fails when one of its cases does. What they came to is read below, more strictly.
    let played = process::run(&mut play);
    broker.stop()?;

    let index = folder.join("index.json");
    let text = fs::read_to_string(&index).map_err(|error| {
        let end = played
            .as_ref()
            .err()
            .map_or_else(String::new, |end| format!("{end}; "));
        format!("{end}{} can't be read: {error}", index.display())
    })?;
    let report = Report::read(&text)?;
    print!("{}", report.table());
    let faults = report.faults(&selection);
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => Ok(()),
        count => {
            let where_else = format!("each has a page in {}", folder.display());
            Err(format!("faults: {count}; {where_else}").into())
        }
    }
}

/// An empty folder, so that nothing of an earlier run is taken for this one's.
fn make_anew(folder: &Path) -> Result {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
