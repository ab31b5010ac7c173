//! The demo's application: a chat with rooms.
//!
//! [`Chat::answer`] is all of it: an event in, commands out. What it has to remember of a person it writes into the
//! session info of the connection (`session`), which comes back with the person's next event and which `match` aims at.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker_core::{CommandList, Event, Fact, Failure, Reading, SessionId};
use serde_json::value::RawValue;

use super::message::{
    Change, Command, Except, Here, InRoom, Message, Person, Room, Shown, Told, Wish,
};
use super::people::{self, People};

/// How many characters a message has at most.
const TEXT_CHARS_MAX: usize = 1000;

/// In a room of more people nobody is told any more who comes and goes: it would be news for all of them each time.
const CROWD: usize = 100;

/// How many bytes of an event are reported to the page at most.
const REPORTED_BYTES_MAX: usize = 8 * 1024;

/// How many characters of a complaint are sent.
const COMPLAINT_CHARS_MAX: usize = 200;

/// How many commands an answer can have; the longest has six and the report.
const COMMANDS_MAX: usize = 16;

/// The chat, shared by all shards.
#[derive(Debug, Default)]
pub(super) struct Chat {
    people: Mutex<People>,
}

impl Chat {
    /// What is to be done about an event.
    pub(super) fn answer(&self, event: &Event) -> Result<CommandList, Failure> {
        written(&self.with_report(event))
    }

    fn with_report(&self, event: &Event) -> Vec<Command> {
        let mut commands = self.commands(event);
        commands.extend(report(event, &commands));
        commands
    }

    fn commands(&self, event: &Event) -> Vec<Command> {
        let session = event.id.session;
        let me = person(event);
        match &*event.fact {
            Fact::Connected { .. } => self.connect(session, &event.handshake.path),
            Fact::Received(_) => match wish(&event.fact) {
                Ok(Wish::Say { text }) => say(me, text.trim()),
                Ok(Wish::Name { name }) => self.rename(session, me, &name),
                Ok(Wish::Join { room }) => self.join(session, me, room),
                Err(error) => complain(&format!("That is not known here: {error}.")),
            },
            Fact::Disconnected { .. } => self.disconnect(session, &me),
            // It begins with nobody in it anyway, and whoever speaks another dialect is not in it.
            Fact::Registered { .. }
            | Fact::Unregistered { .. }
            | Fact::Acknowledged { .. }
            | Fact::Started { .. } => Vec::new(),
        }
    }

    /// Somebody connected. Who comes back, from a lost connection say, asks for the same name and room in the query.
    fn connect(&self, session: SessionId, path: &str) -> Vec<Command> {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let asked = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let room = match asked("room").as_deref() {
            Some("kitchen") => Room::Kitchen,
            Some("garden") => Room::Garden,
            Some(_) | None => Room::Lobby,
        };
        let name = asked("name").and_then(|name| people::clean_name(&name));

        let mut people = self.people();
        let guest = people.next_guest();
        let name = name.unwrap_or_else(|| people::guest_name(guest));
        let data = Change {
            guest: Some(guest),
            name: Some(name.clone()),
            room: Some(room),
        };
        let mut commands = vec![Command::Session { data }];
        commands.extend(arrive(&mut people, session, Person { guest, name, room }));
        commands
    }

    fn rename(&self, session: SessionId, me: Person, name: &str) -> Vec<Command> {
        let Some(name) = people::clean_name(name) else {
            return complain("A name has at least one letter.");
        };
        let Person { guest, room, .. } = me;
        let renamed = Message::Renamed {
            guest,
            old: me.name,
            name: name.clone(),
        };
        let data = Change {
            name: Some(name.clone()),
            ..Change::default()
        };
        let mut people = self.people();
        people.put(session, Person { guest, name, room });
        let here = people.here(room);
        let aim = audience(&here);
        vec![
            Command::Session { data },
            send(aim, renamed),
            send(aim, Message::Here(here)),
        ]
    }

    /// Somebody goes to another room.
    fn join(&self, session: SessionId, me: Person, room: Room) -> Vec<Command> {
        if room == me.room {
            return Vec::new();
        }
        let data = Change {
            room: Some(room),
            ..Change::default()
        };
        let mut people = self.people();
        let mut commands = vec![Command::Session { data }];
        commands.extend(leave(&mut people, session, &me));
        commands.extend(arrive(&mut people, session, Person { room, ..me }));
        commands
    }

    fn disconnect(&self, session: SessionId, me: &Person) -> Vec<Command> {
        leave(&mut self.people(), session, me)
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commands as the broker gets them from any backend: written as JSON, and read.
fn written(commands: &[Command]) -> Result<CommandList, Failure> {
    let unsound = |error: &dyn Display| Failure::BadAnswer(error.to_string().into());
    let text = serde_json::to_vec(commands).map_err(|error| unsound(&error))?;
    let reading = Reading::strict(COMMANDS_MAX);
    CommandList::parse(&text.into(), reading).map_err(|error| unsound(&error))
}

/// Somebody comes into a room.
fn arrive(people: &mut People, session: SessionId, me: Person) -> Vec<Command> {
    people.put(session, me.clone());
    let here = people.here(me.room);
    let aim = audience(&here);
    let joined = Command::Send {
        aim,
        except: Some(Except::Origin),
        message: Message::Joined(me.clone()),
    };
    vec![
        send(None, Message::Welcome(me)),
        joined,
        send(aim, Message::Here(here)),
    ]
}

/// Somebody goes out of a room.
fn leave(people: &mut People, session: SessionId, me: &Person) -> Vec<Command> {
    people.remove(session);
    let here = people.here(me.room);
    let Some(aim) = audience(&here) else {
        return Vec::new();
    };
    let left = Message::Left {
        guest: me.guest,
        name: me.name.clone(),
    };
    vec![send(Some(aim), left), send(Some(aim), Message::Here(here))]
}

fn say(me: Person, text: &str) -> Vec<Command> {
    let length = text.chars().count();
    if length > TEXT_CHARS_MAX {
        return complain(&format!(
            "A message has at most {TEXT_CHARS_MAX} characters; this one has {length}."
        ));
    }
    if text.is_empty() {
        return Vec::new();
    }
    let said = Message::Said {
        guest: me.guest,
        name: me.name,
        text: text.to_owned(),
    };
    vec![send(Some(InRoom { room: me.room }), said)]
}

fn complain(what: &str) -> Vec<Command> {
    let text = what.chars().take(COMPLAINT_CHARS_MAX).collect();
    vec![send(None, Message::Error { text })]
}

fn send(aim: Option<InRoom>, message: Message) -> Command {
    Command::Send {
        aim,
        except: None,
        message,
    }
}

/// Who is told what changes in a room: all in it, but in a crowd nobody but whoever changed it.
fn audience(here: &Here) -> Option<InRoom> {
    (here.count <= CROWD).then_some(InRoom { room: here.room })
}

/// What a client asks for.
fn wish(fact: &Fact) -> Result<Wish, serde_json::Error> {
    let mut message = Vec::new();
    fact.write_message(&mut message);
    serde_json::from_slice(&message)
}

/// Whose event it is, by the session info that came with it. An operator can have changed that to anything.
fn person(event: &Event) -> Person {
    serde_json::from_str(&event.connection).unwrap_or_else(|_| Person {
        guest: 0,
        name: "Somebody".to_owned(),
        room: Room::Lobby,
    })
}

/// The event as a backend gets it, and the commands: for the page to show.
fn report(event: &Event, commands: &[Command]) -> Option<Command> {
    let mut message = Vec::new();
    event.fact.write_message(&mut message);
    if message.len() > REPORTED_BYTES_MAX {
        return None;
    }
    let message = RawValue::from_string(String::from_utf8(message).ok()?).ok()?;
    let mut connection: Shown = serde_json::from_str(&event.connection).unwrap_or_default();
    let aim = match &*event.fact {
        Fact::Connected { .. } => {
            // So far these could only be cookies.
            connection.person = Shown::default().person;
            None
        }
        Fact::Received(_)
        | Fact::Registered { .. }
        | Fact::Unregistered { .. }
        | Fact::Acknowledged { .. }
        | Fact::Started { .. } => None,
        // Who caused it is gone: it is for those who are told of it, who need not know from where it came.
        Fact::Disconnected { .. } => {
            connection = Shown {
                person: connection.person,
                ..Shown::default()
            };
            commands.first()?.aim()
        }
    };
    let event = Told {
        message,
        connection,
    };
    let commands = commands.to_vec();
    Some(send(aim, Message::Report { event, commands }))
}

#[cfg(test)]
mod tests;
