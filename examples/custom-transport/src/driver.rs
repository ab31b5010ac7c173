//! The loop around the core: feeds it what happened, and performs the effects that it answers with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broker_core::{
    Broker, Call, ClientMessage, Config, CookieRule, Effect, Effects, Info, Message, Opening,
    SessionHandle, SessionId, Timestamp,
};

use crate::chat;

/// A client that takes no line for so long is cut off, so that one cannot keep all others waiting.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest line that is taken, in bytes.
const LINE_MAX: u64 = 64 * 1024;

/// What the loop waits for.
pub(crate) enum Happened {
    /// A client holds the other end of this pipe.
    Connected(UnixStream),
    /// A client has written a line.
    Said(SessionHandle, String),
    /// A client's pipe has ended.
    Left(SessionHandle),
    /// The program ends when all clients have left.
    Closing,
}

/// The core, and what it knows nothing of.
pub(crate) struct Driver {
    broker: Broker,
    pipes: BTreeMap<SessionHandle, Pipe>,
    /// Handed to the threads that read from pipes.
    door: Sender<Happened>,
    opened: u64,
}

struct Pipe {
    stream: UnixStream,
    /// Lets the pipe's thread read one more line.
    read_on: SyncSender<()>,
    is_paused: bool,
    /// Whether that thread waits to be let on.
    is_waiting: bool,
}

impl Driver {
    pub(crate) fn new(door: Sender<Happened>) -> Driver {
        Driver {
            broker: Broker::new(Config::default()),
            pipes: BTreeMap::new(),
            door,
            opened: 0,
        }
    }

    pub(crate) fn run(mut self, work: &Receiver<Happened>) {
        let mut is_closing = false;
        while !is_closing || self.broker.sessions() > 0 {
            let due = self.broker.next_deadline();
            let wait = due.map_or(Duration::MAX, |due| due.since(now()));
            let mut effects = Effects::default();
            match work.recv_timeout(wait) {
                Ok(Happened::Connected(stream)) => {
                    if let Err(error) = self.connect(stream, &mut effects) {
                        note(&format!("a client is turned away: {error}"));
                    }
                }
                Ok(Happened::Said(session, line)) => self.said(session, &line, &mut effects),
                Ok(Happened::Left(session)) => {
                    self.broker.close(now(), session, 1000, "", &mut effects);
                }
                Ok(Happened::Closing) => is_closing = true,
                Err(RecvTimeoutError::Timeout) => self.broker.handle_timeout(now(), &mut effects),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.perform(effects);
        }
    }

    fn connect(&mut self, stream: UnixStream, effects: &mut Effects) -> io::Result<()> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let lines = BufReader::new(stream.try_clone()?);
        let id = SessionId::new(0, random()?);
        let no_cookies = std::iter::empty();
        let info = Info::at_connect(no_cookies, &CookieRule::None, "pipe", id, 1024)
            .map_err(io::Error::other)?;
        let mut opening = Opening::new(id, info);
        self.opened += 1;
        opening.order = self.opened;

        let session = self.broker.open(now(), opening, effects);
        let (read_on, may_read) = sync_channel(1);
        let door = self.door.clone();
        thread::spawn(move || read(session, lines, &may_read, &door));
        let pipe = Pipe {
            stream,
            read_on,
            is_paused: false,
            is_waiting: true,
        };
        self.pipes.insert(session, pipe);
        self.let_read(session);
        Ok(())
    }

    fn said(&mut self, session: SessionHandle, line: &str, effects: &mut Effects) {
        let message = ClientMessage::parse(line).or_else(|error| {
            let told = serde_json::json!({"json_error": error.to_string()});
            ClientMessage::parse(&told.to_string())
        });
        if let Ok(message) = message {
            self.broker.receive(now(), session, message, effects);
        }
        if let Some(pipe) = self.pipes.get_mut(&session) {
            pipe.is_waiting = true;
        }
        self.let_read(session);
    }

    /// Performs effects, and those that come of performing them, until there are none.
    fn perform(&mut self, mut effects: Effects) {
        loop {
            let mut more = Effects::default();
            for effect in effects.list {
                self.perform_one(effect, &effects.recipients, &mut more);
            }
            if more.list.is_empty() && self.broker.is_busy() {
                // A driver with other things to do would do some of them first.
                self.broker.resume(now(), &mut more);
            }
            if more.list.is_empty() && !self.broker.is_busy() {
                return;
            }
            effects = more;
        }
    }

    fn perform_one(&mut self, effect: Effect, recipients: &[SessionHandle], more: &mut Effects) {
        match effect {
            Effect::CallBackend(call) => self.call(&call, more),
            // No pipe waits for the application before it is open.
            Effect::Admit(_) | Effect::Refuse { .. } => {}
            Effect::Deliver { message, to, .. } => self.deliver(&message, &recipients[to]),
            Effect::Close { to, .. } => {
                for session in &recipients[to] {
                    self.hang_up(*session);
                }
            }
            Effect::Overflow(session) => self.hang_up(session),
            Effect::Pause(session) => self.pause(session, true),
            Effect::Resume(session) => self.pause(session, false),
            // This is the only shard.
            Effect::Route(orders) => self.broker.execute(now(), orders, more),
            Effect::Log { text, .. } => note(&text),
            Effect::Retrying { event, failure, .. } => note(&format!("{event} waits: {failure}")),
            Effect::Dropped { event, reason, .. } => note(&format!("{event}: {reason}")),
            Effect::Ended(session) => {
                self.pipes.remove(&session);
            }
            // The application has no commands of its own, and nobody waits for what comes of an answer's.
            // Nobody registers here, or asks for anything.
            Effect::Tell { .. } | Effect::Post { .. } | Effect::Unanswered { .. } => {}
            Effect::RunOther { .. } | Effect::Executed { .. } => {}
        }
    }

    /// A backend elsewhere would be asked without waiting, and its answer would be one more thing that happened.
    fn call(&mut self, call: &Call, effects: &mut Effects) {
        let lists: Result<Vec<_>, _> = call.events.iter().map(chat::answer).collect();
        match lists {
            Ok(lists) => self
                .broker
                .backend_replied(now(), call.handle, lists, effects),
            Err(failure) => self
                .broker
                .backend_failed(now(), call.handle, failure, effects),
        }
    }

    fn deliver(&self, message: &Message, to: &[SessionHandle]) {
        let line = match message {
            Message::Json(text) | Message::Text(text) => [text.as_ref(), b"\n"].concat(),
            Message::Binary(_) => return note("a pipe of lines carries no binary message"),
        };
        for session in to {
            if let Some(pipe) = self.pipes.get(session)
                && (&pipe.stream).write_all(&line).is_err()
            {
                self.hang_up(*session);
            }
        }
    }

    /// Ends a pipe for both sides; its thread then finds the end of it, and the core is told.
    fn hang_up(&self, session: SessionHandle) {
        if let Some(pipe) = self.pipes.get(&session) {
            // An error means that the client was faster.
            let _ = pipe.stream.shutdown(Shutdown::Both);
        }
    }

    fn pause(&mut self, session: SessionHandle, is_paused: bool) {
        if let Some(pipe) = self.pipes.get_mut(&session) {
            pipe.is_paused = is_paused;
        }
        self.let_read(session);
    }

    fn let_read(&mut self, session: SessionHandle) {
        if let Some(pipe) = self.pipes.get_mut(&session)
            && pipe.is_waiting
            && !pipe.is_paused
        {
            pipe.is_waiting = false;
            // An error means that the thread has ended with its pipe.
            let _ = pipe.read_on.try_send(());
        }
    }
}

/// Reads a pipe line by line, each when it is let; nothing piles up between it and the core.
fn read(
    session: SessionHandle,
    mut lines: BufReader<UnixStream>,
    may_read: &Receiver<()>,
    door: &Sender<Happened>,
) {
    while may_read.recv().is_ok() {
        let mut line = String::new();
        let read = (&mut lines).take(LINE_MAX).read_line(&mut line);
        if !matches!(read, Ok(1..)) || !line.ends_with('\n') {
            break;
        }
        if door.send(Happened::Said(session, line)).is_err() {
            return;
        }
    }
    let _ = door.send(Happened::Left(session));
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(0).after(since_epoch.unwrap_or_default())
}

fn random() -> io::Result<[u8; 14]> {
    let mut bytes = [0; 14];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn note(text: &str) {
    // With nowhere to write notes to, the chat goes on without.
    let _ = writeln!(io::stderr(), "{text}");
}
