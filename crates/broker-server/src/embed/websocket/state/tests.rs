use std::sync::Arc;

use broker_testkit::client::masked;
use broker_transport::ws::{Settings, Violation};

use super::*;

const LIMIT: usize = 1 << 20;

/// A state whose silent peer is pinged every second, and when that is next.
struct Scene {
    state: State,
    now: Timestamp,
}

impl Scene {
    fn new(pong_timeout: Duration) -> Scene {
        let mut settings = Settings::default();
        settings.ping_interval = Duration::from_secs(1);
        settings.pong_timeout = pong_timeout;
        let now = Timestamp(0);
        let machine = ws::WebSocket::new(Arc::new(settings), now);
        Scene {
            state: State::new(machine, None),
            now,
        }
    }

    fn ping(&mut self) -> Result<oneshot::Receiver<Duration>, SendError> {
        let (waiting, answered) = oneshot::channel();
        self.state.ping(waiting, LIMIT)?;
        Ok(answered)
    }

    /// Lets the time pass until something is due, and does it.
    fn let_time_pass(&mut self) -> Option<Ending> {
        self.now = self.state.machine.next_deadline().unwrap();
        self.state.do_what_is_due(self.now, LIMIT)
    }

    /// The payloads of the pings that were sent since the last look.
    fn pings_sent(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let write = |slices: &[std::io::IoSlice<'_>]| {
            slices
                .iter()
                .for_each(|slice| sent.extend_from_slice(slice));
            Ok(slices.iter().map(|slice| slice.len()).sum())
        };
        self.state.outbound.flush_by(write).unwrap();
        sent.chunks(10)
            .map(|frame| {
                assert_eq!(frame[..2], [0x89, 8]);
                frame[2..].to_vec()
            })
            .collect()
    }

    fn hear_pong(&mut self, payload: &[u8]) -> Option<Heard> {
        let mut bytes = masked(0xa, payload);
        let mut inflater = Inflater::default();
        let mut input = &mut bytes[..];
        self.state
            .receive(self.now, || &mut inflater, &mut input, LIMIT)
    }
}

#[test]
fn a_ping_after_a_silence_takes_no_place_from_those_of_the_application() {
    let mut scene = Scene::new(Duration::ZERO);
    let mut asked: Vec<_> = (0..PINGS_MAX).map(|_| scene.ping().unwrap()).collect();
    for _ in 0..3 {
        assert!(scene.let_time_pass().is_none());
    }
    let sent = scene.pings_sent();
    assert_eq!(
        sent.len(),
        PINGS_MAX + 3,
        "a silent connection is used all the same"
    );
    // A peer need not answer all of them (RFC 6455 §5.5.3).
    let heard = scene.hear_pong(sent.last().unwrap());
    assert!(
        matches!(heard, Some(Heard::Event(Event::Pong(_)))),
        "{heard:?}"
    );
    for ping in &mut asked {
        assert!(ping.try_recv().is_ok());
    }
}

#[test]
fn pings_after_a_silence_leave_the_application_all_of_its_own() {
    let mut scene = Scene::new(Duration::ZERO);
    for _ in 0..PINGS_MAX {
        assert!(scene.let_time_pass().is_none());
    }
    let mut asked: Vec<_> = (0..PINGS_MAX).map(|_| scene.ping().unwrap()).collect();
    assert_eq!(scene.ping().err(), Some(SendError::TooManyPings));
    let sent = scene.pings_sent();
    assert_eq!(sent.len(), 2 * PINGS_MAX);
    for (payload, ping) in sent[PINGS_MAX..].iter().zip(&mut asked) {
        assert!(ping.try_recv().is_err());
        scene.hear_pong(payload);
        assert!(ping.try_recv().is_ok());
    }
}

#[test]
fn a_silent_peer_is_found_however_many_pings_it_has_not_answered() {
    let mut scene = Scene::new(Duration::from_secs(1));
    let _asked: Vec<_> = (0..PINGS_MAX).map(|_| scene.ping().unwrap()).collect();
    assert!(scene.let_time_pass().is_none());
    let ending = scene.let_time_pass().unwrap();
    assert!(
        matches!(ending.error, Some(Error::Peer(Violation::NoPong))),
        "{ending:?}"
    );
}
