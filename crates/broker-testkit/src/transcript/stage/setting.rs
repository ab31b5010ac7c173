//! What a transcript can set, by the names of the configuration.

use broker_core::{Config, CookieRule, GateConfig, Gating, Reading};
use broker_dialect::{BinaryMessages, DialectKind, Options};

#[derive(Debug)]
pub(super) struct Setting {
    pub(super) dialect: DialectKind,
    pub(super) options: Options,
    pub(super) cookies: CookieRule,
    pub(super) config: Config,
    max_commands: usize,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting {
            dialect: DialectKind::Wsbroker,
            options: Options::default(),
            cookies: CookieRule::default(),
            config: Config::default(),
            max_commands: 10_000,
        }
    }
}

impl Setting {
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "max_session" => self.config.max_session = number(value)?,
            "max_events" => self.config.max_held_events = number(value)?,
            "max_in_flight" => {
                let mut gate = GateConfig::default();
                gate.max_in_flight = number(value)?;
                self.config.gate = Gating::Own(gate);
            }
            "retries" => self.config.retries = number(value)? as u32,
            "max_commands" => self.max_commands = number(value)?,
            _ => self.set_late(key, value)?,
        }
        Ok(())
    }

    /// Sets what can still be set when the broker runs: what concerns the connections to come.
    pub(super) fn set_late(&mut self, key: &str, value: &str) -> Result<(), String> {
        match (key, value) {
            ("dialect", name) => self.dialect = name.parse().map_err(|error| format!("{error}"))?,
            ("binary", name) => {
                let choice = BinaryMessages::from_name(name);
                self.options.binary = choice.ok_or_else(|| format!("unknown `binary`: {name}"))?;
            }
            ("relay_events", value) => {
                self.options.relay_events = value.parse().map_err(|error| format!("{error}"))?;
            }
            ("cookies", "all") => self.cookies = CookieRule::All,
            ("cookies", "none") => self.cookies = CookieRule::None,
            ("cookies", names) => {
                let names: Result<_, _> = serde_json::from_str(names);
                self.cookies = CookieRule::Only(names.map_err(|error| format!("{error}"))?);
            }
            (key, _) => return Err(format!("`{key}` cannot be set here")),
        }
        Ok(())
    }

    pub(super) fn reading(&self, is_strict: bool) -> Reading<'_> {
        match is_strict {
            true => Reading::strict(self.max_commands),
            false => Reading::lenient(self.max_commands),
        }
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a number: `{text}`"))
}
