//! Scenes: a few clients by name, what happens to them, and the transcript of what the broker makes of it.

use broker_core::{Config, Failure, Refusal, Source};
use expect_test::Expect;

use crate::fleet::Fleet;
use crate::seen::Seen;
use crate::steps::Role;

/// The clients of a scene, in the order in which they connect.
pub(crate) const ANNA: usize = 0;
pub(crate) const BEN: usize = 1;
pub(crate) const CLEO: usize = 2;
const NAMES: [&str; 3] = ["anna", "ben", "cleo"];

/// One shard, and all that happened so far.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) fleet: Fleet,
    transcript: String,
}

impl Scene {
    pub(crate) fn new(config: &Config) -> Scene {
        Scene {
            fleet: Fleet::new(1, config),
            transcript: String::new(),
        }
    }

    /// The next client connects.
    pub(crate) fn opens(&mut self) {
        let who = self.fleet.opened();
        self.line(&format!("{} connects", NAMES[who]));
        self.fleet.open(0, who, "", Role::Usual);
        self.look();
    }

    /// The next client asks to be let in, which the backend decides on.
    pub(crate) fn knocks(&mut self) {
        let who = self.fleet.opened();
        self.line(&format!("{} knocks", NAMES[who]));
        self.fleet.open(0, who, "", Role::Asked);
        self.look();
    }

    pub(crate) fn says(&mut self, who: usize, text: &str) {
        self.line(&format!("{} says {text}", NAMES[who]));
        self.fleet.say(who, text);
        self.look();
    }

    pub(crate) fn leaves(&mut self, who: usize) {
        self.line(&format!("{} leaves", NAMES[who]));
        self.fleet.leave(who, 1000, "bye");
        self.look();
    }

    /// The backend answers the event of a session.
    pub(crate) fn answers(&mut self, who: usize, list: &str) {
        let shown = if list.is_empty() { "nothing" } else { list };
        self.line(&format!("backend answers {}: {shown}", NAMES[who]));
        self.fleet.reply(who, list);
        self.look();
    }

    /// A try to tell the backend of the event of a session fails.
    pub(crate) fn fails(&mut self, who: usize, how: Failure) {
        self.line(&format!("backend fails {}: {how}", NAMES[who]));
        self.fleet.fail(who, how);
        self.look();
    }

    /// Commands come from the public port.
    pub(crate) fn asks(&mut self, list: &str) {
        self.line(&format!("somebody asks {list}"));
        self.fleet.ask(Source::Public, list);
        self.fleet.settle();
        self.look();
    }

    /// Time passes until the next deadline; says how many milliseconds that took.
    pub(crate) fn waits(&mut self) -> u64 {
        let wait_ms = self
            .fleet
            .next_deadline_ms()
            .expect("something to wait for");
        self.passes(wait_ms);
        wait_ms
    }

    /// So much time passes.
    pub(crate) fn passes(&mut self, ms: u64) {
        self.line(&format!("{ms} ms pass"));
        self.fleet.tick(ms);
        self.fleet.settle();
        self.look();
    }

    /// Holds the transcript to what is expected.
    pub(crate) fn is(&self, expected: &Expect) {
        expected.assert_eq(&self.transcript);
    }

    fn line(&mut self, line: &str) {
        self.transcript.push_str(line);
        self.transcript.push('\n');
    }

    fn look(&mut self) {
        for seen in self.fleet.take_seen() {
            self.line(&format!("  {}", shown(&seen)));
        }
    }
}

fn shown(seen: &Seen) -> String {
    let names = |to: &[usize]| {
        let names: Vec<&str> = to.iter().map(|who| NAMES[*who]).collect();
        names.join(", ")
    };
    match seen {
        Seen::Told {
            who,
            number,
            attempt,
            message,
            connection,
        } => {
            let mut connection = connection.clone();
            if let Some(fields) = connection.as_object_mut() {
                fields.retain(|name, _| name != "ip" && name != "wskey");
            }
            let name = NAMES[*who];
            format!("↑ {name} #{number}, try {attempt}: {message} {connection}")
        }
        Seen::Sent { to, payload } => format!("← {}: {payload}", names(to)),
        Seen::Closed { to, code, reason } => format!("× {}: {code} {reason}", names(to)),
        Seen::Overflowed(who) => format!("× {}: too much is held", NAMES[*who]),
        Seen::Logged { text, level } => format!("log {level}: {text}"),
        Seen::RanOther { name, .. } => format!("another's command: {name}"),
        Seen::Executed { outcomes, .. } => {
            let outcomes: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
            format!("executed: {}", outcomes.join(", "))
        }
        Seen::Paused(who) => format!("‖ {} is not read", NAMES[*who]),
        Seen::Resumed(who) => format!("▶ {} is read again", NAMES[*who]),
        Seen::Retrying { who, number, .. } => format!("{} #{number} is tried again", NAMES[*who]),
        Seen::Dropped {
            who,
            number,
            reason,
        } => format!("! {} #{number} is dropped: {reason}", NAMES[*who]),
        Seen::Admitted(who) => format!("{} is let in", NAMES[*who]),
        Seen::Refused { who, why } => {
            let why = match why {
                Refusal::Backend(failure) => failure.to_string(),
                Refusal::Closed => "a command closes the connection".into(),
                Refusal::Away(wait) => format!("the backend is away, for {wait:?}"),
            };
            format!("{} is not let in: {why}", NAMES[*who])
        }
        Seen::Ended(who) => format!("{} is forgotten", NAMES[*who]),
    }
}
