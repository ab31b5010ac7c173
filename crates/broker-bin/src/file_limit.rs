//! The number of files the process may have open: each connection is one.

use std::fmt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit as it was found and as it is now; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileLimit {
    pub(crate) before: Option<u64>,
    pub(crate) after: Option<u64>,
}

/// Raises the limit as far as a process may by itself. Where even that is not
/// allowed, it stays as it is: fewer connections are better than none.
pub(crate) fn raise() -> FileLimit {
    let Rlimit {
        current: before,
        maximum,
    } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let after = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => before,
    };
    FileLimit { before, after }
}

impl fmt::Display for FileLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |max| max.to_string());
        write!(f, "{} → {}", show(self.before), show(self.after))
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, getrlimit};

    use super::{FileLimit, raise};

    #[test]
    fn the_limit_becomes_the_hard_one() {
        let raised = raise();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(raised.after, now.current);
        assert_eq!(now.current, now.maximum);
    }

    #[test]
    fn no_limit_is_called_unlimited() {
        let limit = FileLimit {
            before: Some(1024),
            after: None,
        };
        assert_eq!(limit.to_string(), "1024 → unlimited");
    }
}
