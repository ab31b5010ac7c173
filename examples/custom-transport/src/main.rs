//! # A transport of one's own: wsbroker's core over Unix pipes
//!
//! `broker-core` knows no socket, no clock and no runtime, so it can be driven over anything that carries messages. Here
//! clients are pipes (`UnixStream::pair`) that carry one message a line, and the application is a function in the same
//! process: a chat with rooms. There is no network and no tokio; three short files are the whole broker:
//!
//! - `main.rs`, this one: two clients and what they say to each other;
//! - `driver.rs`: the loop that feeds the core what happened and performs the effects it answers with;
//! - `chat.rs`: the application, told of events, answering with commands.
//!
//! `cargo run -p custom-transport` prints the conversation. To make a transport of your own, keep the shape of
//! `driver.rs` and put your own reading and writing in the place of the pipes.

mod chat;
mod driver;

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use self::driver::{Driver, Happened};

fn main() -> io::Result<()> {
    converse(&mut io::stdout())
}

/// Two people meet in a room, a third sits in another; what each of them hears is written to `paper`.
fn converse(paper: &mut impl Write) -> io::Result<()> {
    let (door, work) = channel();
    let driver = Driver::new(door.clone());
    let broker = thread::spawn(move || driver.run(&work));

    let mut anna = Client::connect(&door)?;
    let mut ben = Client::connect(&door)?;
    let mut cleo = Client::connect(&door)?;

    anna.say(r#"{"type":"enter","name":"Anna","room":"lobby"}"#)?;
    writeln!(paper, "Anna hears {}", anna.hear()?)?;
    cleo.say(r#"{"type":"enter","name":"Cleo","room":"attic"}"#)?;
    writeln!(paper, "Cleo hears {}", cleo.hear()?)?;
    ben.say(r#"{"type":"enter","name":"Ben","room":"lobby"}"#)?;
    writeln!(paper, "Ben hears {}", ben.hear()?)?;
    writeln!(paper, "Anna hears {}", anna.hear()?)?;

    ben.say(r#"{"type":"say","text":"Good morning!"}"#)?;
    writeln!(paper, "Ben hears {}", ben.hear()?)?;
    writeln!(paper, "Anna hears {}", anna.hear()?)?;

    drop(anna);
    writeln!(paper, "Ben hears {}", ben.hear()?)?;
    cleo.say("this is no JSON")?;
    writeln!(paper, "Cleo hears {}", cleo.hear()?)?;
    ben.say(r#"{"type":"quit"}"#)?;
    writeln!(paper, "Ben hears {}", ben.hear()?)?;

    drop((ben, cleo));
    let _ = door.send(Happened::Closing);
    broker
        .join()
        .map_err(|_| io::Error::other("the broker has panicked"))
}

/// How long a client waits for a line before it takes the broker for broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// The far end of a pipe.
struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    fn connect(door: &Sender<Happened>) -> io::Result<Client> {
        let (far, near) = UnixStream::pair()?;
        far.set_read_timeout(Some(PATIENCE))?;
        door.send(Happened::Connected(near))
            .map_err(|_| io::Error::other("the broker is gone"))?;
        Ok(Client {
            reader: BufReader::new(far),
        })
    }

    fn say(&mut self, message: &str) -> io::Result<()> {
        self.reader
            .get_mut()
            .write_all(format!("{message}\n").as_bytes())
    }

    /// Waits for a line; the end of the pipe is heard as such.
    fn hear(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line)? {
            0 => Ok("the line go dead".into()),
            _ => Ok(line.trim_end().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn everybody_hears_what_is_said_in_their_room() {
        let mut paper = Vec::new();
        super::converse(&mut paper).unwrap();
        assert_eq!(
            String::from_utf8(paper).unwrap(),
            r#"Anna hears {"entered":"Anna"}
Cleo hears {"entered":"Cleo"}
Ben hears {"entered":"Ben"}
Anna hears {"entered":"Ben"}
Ben hears {"from":"Ben","text":"Good morning!"}
Anna hears {"from":"Ben","text":"Good morning!"}
Ben hears {"left":"Anna"}
Cleo hears {"error":"expected ident at line 1 column 2"}
Ben hears the line go dead
"#
        );
    }
}
