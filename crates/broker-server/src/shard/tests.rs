mod held;
mod letters;
mod lobby;
mod panics;

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;

use broker_core::{CommandList, Outcome, Reading, Source};
use broker_testkit::backend::{Reply, Scripted};
use broker_testkit::client::masked;
use broker_testkit::soon;
use broker_transport::{Socket, Stream};
use bytes::Bytes;
use tokio::runtime::{Builder, LocalOptions};

use super::*;
use crate::application;
use crate::config::Config;
use crate::load::Loads;
use crate::shard::connection::Way;

/// A shard none of whose tasks run, so that a test says what happens when.
fn shard() -> Rc<Shard> {
    let config = Config::default();
    let backend = application::of(&config).unwrap();
    shard_with(config, backend)
}

fn shard_with(config: Config, backend: Arc<dyn Backend>) -> Rc<Shard> {
    let settings = Arc::new(Settings::new(config, Vec::new(), 1, None));
    let (mailboxes, _) = Mailboxes::new(1);
    Rc::new(Shard {
        backend,
        permits: settings.leaseholder(0),
        state: RefCell::new(State::new(0, &settings)),
        settings,
        mailboxes,
        letters: Box::default(),
        pump: Notify::new(),
        alarm: Notify::new(),
        ebb: Notify::new(),
        drain_begins: Notify::new(),
        shared_sockets: Cell::new(0),
    })
}

fn shard_before(backend: &Scripted, config: &str) -> Rc<Shard> {
    shard_with(toml::from_str(config).unwrap(), Arc::new(backend.clone()))
}

/// One read of a client's that brings these messages.
fn say(shard: &Rc<Shard>, client: &Client, texts: &[&str]) {
    let frames = texts.iter().map(|text| masked(1, text.as_bytes()));
    let mut bytes = frames.collect::<Vec<_>>().concat();
    reader::handle(shard, client.session, Ok(&mut bytes));
}

/// Waits until the application has answered everything.
async fn settled(shard: &Rc<Shard>) {
    let settle = async {
        while shard.state.borrow().report().events_held > 0 {
            yield_now().await;
        }
    };
    soon("all answers", settle).await;
}

/// Runs a test where a shard's sockets and tasks can live.
fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .unwrap();
    runtime.block_on(test);
}

/// A client without a reader: what it sends is handed in.
struct Client {
    socket: UnixStream,
    session: SessionHandle,
    _reader: broker_transport::Reader,
}

/// A client whose handshake is about to be answered.
struct Arrival {
    admission: handshake::Admission,
    ours: UnixStream,
    theirs: Stream,
}

impl Arrival {
    async fn admitted(shard: &Rc<Shard>, cookies: &str) -> Arrival {
        Arrival::admitted_to(shard, 0, cookies).await
    }

    /// The same at this endpoint.
    async fn admitted_to(shard: &Rc<Shard>, endpoint: usize, cookies: &str) -> Arrival {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for socket in [&ours, &theirs] {
            socket.set_nonblocking(true).unwrap();
        }
        let theirs = tokio::net::UnixStream::from_std(theirs).unwrap();
        // As after a handshake, the runtime knows that it can be written to.
        theirs.writable().await.unwrap();
        let request = http::Request::builder().header("cookie", cookies);
        let (request, ()) = request.body(()).unwrap().into_parts();
        let peer = Peer {
            caller: Caller::Peer(None),
            seat: Loads::new(1, 1, None).take_seat(None).unwrap(),
        };
        Arrival {
            admission: shard.admit(&request, endpoint, &peer, None).unwrap(),
            ours,
            theirs: Socket::Unix(theirs).into(),
        }
    }

    fn open(self, shard: &Rc<Shard>) -> Client {
        let (reader, writer) = self.theirs.split();
        Client {
            socket: self.ours,
            session: shard.work(|state, now| {
                let session = state.open(now, &self.admission, false);
                state.attach(now, session, &self.admission, Way::Socket(Rc::new(writer)));
                session
            }),
            _reader: reader,
        }
    }
}

impl Client {
    async fn connect(shard: &Rc<Shard>, cookies: &str) -> Client {
        Arrival::admitted(shard, cookies).await.open(shard)
    }

    /// What has come so far.
    fn heard(&mut self) -> Vec<u8> {
        let mut buffer = [0; 256];
        match self.socket.read(&mut buffer) {
            Ok(len) => buffer[..len].to_vec(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                Vec::new()
            }
        }
    }
}

async fn crowd(shard: &Rc<Shard>, count: usize, cookies: &str) -> Vec<Client> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        crowd.push(Client::connect(shard, cookies).await);
    }
    crowd
}

fn orders(list: &'static str) -> Orders {
    let reading = Reading::strict(10);
    let list = CommandList::parse(&Bytes::from_static(list.as_bytes()), reading).unwrap();
    Orders {
        list: Arc::new(list),
        source: Source::Embedder,
        origin: None,
        ticket: 0,
    }
}

fn execute(shard: &Rc<Shard>, list: &'static str) {
    shard.work(|state, now| state.execute(now, orders(list), None));
}

fn pump(shard: &Rc<Shard>) -> bool {
    shard.work(|state, now| state.pump(now, PUMP_SLICE))
}

#[test]
fn a_word_to_one_client_does_not_wait_for_a_fan_out_to_many() {
    run(async {
        let shard = shard();
        let mut many = crowd(&shard, 4 * PUMP_SLICE, "in=many").await;
        let mut pinging = Client::connect(&shard, "").await;
        let mut addressed = Client::connect(&shard, "name=ann").await;
        execute(
            &shard,
            r#"{"type":"send","match":{"in":"many"},"text":"news"}"#,
        );
        assert!(pump(&shard), "there is more to write than one slice");

        let mut ping = [0x89, 0x80, 0, 0, 0, 0];
        shard.work(|state, now| state.receive(now, pinging.session, &mut ping));
        execute(
            &shard,
            r#"{"type":"send","match":{"name":"ann"},"text":"hi"}"#,
        );
        assert!(pump(&shard), "there is still more to write");
        assert_eq!(pinging.heard(), [0x8A, 0]);
        assert_eq!(addressed.heard(), b"\x81\x02hi");
        let count = |many: &mut Vec<Client>| {
            many.iter_mut()
                .map(|client| usize::from(!client.heard().is_empty()))
                .sum::<usize>()
        };
        assert_eq!(count(&mut many), 2 * PUMP_SLICE - 2);

        while pump(&shard) {}
        assert_eq!(
            count(&mut many),
            2 * PUMP_SLICE + 2,
            "everybody else gets it too"
        );
    });
}

#[test]
fn words_to_single_clients_leave_room_for_a_fan_out() {
    run(async {
        let shard = shard();
        let mut many = crowd(&shard, 2 * PUMP_SLICE, "in=many").await;
        execute(
            &shard,
            r#"{"type":"send","match":{"in":"many"},"text":"news"}"#,
        );
        // Everybody has a pong coming too, again and again; still the fan-out comes through.
        let singles = crowd(&shard, 2 * PUMP_SLICE, "").await;
        for _ in 0..4 {
            for single in &singles {
                let mut ping = [0x89, 0x80, 0, 0, 0, 0];
                shard.work(|state, now| state.receive(now, single.session, &mut ping));
            }
            pump(&shard);
        }
        assert!(
            many.iter_mut()
                .all(|client| client.heard() == b"\x81\x04news")
        );
    });
}

#[test]
fn a_handshake_that_was_admitted_before_a_drain_is_closed_by_it() {
    run(async {
        let shard = shard();
        let arrival = Arrival::admitted(&shard, "").await;
        shard.state.borrow_mut().start_draining();
        let mut late = arrival.open(&shard);
        pump(&shard);
        assert_eq!(late.heard()[..4], [0x88, 26, 0x03, 0xF4]);
    });
}
