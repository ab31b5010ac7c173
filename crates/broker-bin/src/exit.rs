//! How the process ends, as other programs are told (the numbers of
//! `sysexits.h`).

use std::process::ExitCode;

/// The ways to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well; also after a drain.
    Ok,
    /// Something failed at run time.
    Failure,
    /// Another process has the port.
    PortInUse,
    /// The system does not allow it.
    Refused,
    /// The configuration is wrong.
    Configuration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failure => 1,
            // 2, wrong usage, is clap's.
            Exit::PortInUse => 75,
            Exit::Refused => 77,
            Exit::Configuration => 78,
        })
    }
}
