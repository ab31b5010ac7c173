//! An answer that comes line by line, as the test says.

use async_trait::async_trait;
use broker_backend::CommandStream;
use broker_core::{CommandList, Failure};
use tokio::sync::watch;

use super::commands;
use crate::soon;

/// What an application says line by line. Clones are the same answer; everybody who is given it hears all of its lines.
#[derive(Clone, Debug, Default)]
pub struct Streaming {
    lines: watch::Sender<Vec<Line>>,
}

#[derive(Clone, Debug)]
enum Line {
    Commands(String),
    Failure(Failure),
    Panic,
    End,
}

impl Streaming {
    /// The next line is this list of commands.
    pub fn say(&self, commands: &str) {
        self.add(Line::Commands(commands.to_owned()));
    }

    /// In the place of the next line something goes wrong.
    pub fn fail(&self, failure: Failure) {
        self.add(Line::Failure(failure));
    }

    /// In the place of the next line whoever reads it panics.
    pub fn panic(&self) {
        self.add(Line::Panic);
    }

    /// There are no more lines.
    pub fn end(&self) {
        self.add(Line::End);
    }

    /// Waits until so many read it.
    ///
    /// # Panics
    /// When there never are.
    pub async fn readers(&self, count: usize) {
        let wait = async {
            while self.lines.receiver_count() != count {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        soon("those who read a streamed answer", wait).await;
    }

    pub(super) fn read(&self) -> impl CommandStream + 'static {
        Reading {
            lines: self.lines.subscribe(),
            read: 0,
        }
    }

    fn add(&self, line: Line) {
        self.lines.send_modify(|lines| lines.push(line));
    }
}

#[derive(Debug)]
struct Reading {
    lines: watch::Receiver<Vec<Line>>,
    read: usize,
}

#[async_trait]
impl CommandStream for Reading {
    async fn next(&mut self) -> Option<Result<CommandList, Failure>> {
        let read = self.read;
        let lines = self.lines.wait_for(|lines| lines.len() > read).await.ok()?;
        let line = lines[read].clone();
        drop(lines);
        self.read += 1;
        match line {
            Line::Commands(text) => Some(Ok(commands(text))),
            Line::Failure(failure) => Some(Err(failure)),
            Line::Panic => panic!("the application was told to panic"),
            Line::End => None,
        }
    }
}
