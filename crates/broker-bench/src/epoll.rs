//! Readiness of many sockets, level-triggered.
//!
//! Load generator, backend and floor are each one thread around one of these;
//! a runtime between them and the kernel would be part of what is measured.

use std::{io, os::fd::AsFd, time::Duration};

use rustix::{
    event::{Timespec, epoll},
    fd::OwnedFd,
};

/// Sockets that are waited for in one call.
const READY_MAX: usize = 1024;

/// A set of sockets, each known by a token of the caller's choice.
pub(crate) struct Epoll {
    set: OwnedFd,
    ready: Vec<epoll::Event>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            set: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(READY_MAX),
        })
    }

    /// From now on, `wait` gives `token` while `socket` is readable. Closing
    /// the socket ends that.
    pub(crate) fn watch(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let token = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.set, socket, token, epoll::EventFlags::IN)?)
    }

    /// From now on, `wait` passes over `socket`.
    pub(crate) fn forget(&self, socket: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.set, socket)?)
    }

    /// Fills `tokens` with what is readable, waiting until something is.
    /// After `timeout` (`None`: never) it is left empty.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        tokens: &mut Vec<u64>,
    ) -> io::Result<()> {
        tokens.clear();
        self.ready.clear();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let room = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.set, room, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        tokens.extend(self.ready.iter().map(|event| event.data.u64()));
        Ok(())
    }
}
