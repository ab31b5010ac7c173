//! Claims about the log: events go in, lines come out.

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broker_server::config::LogLevel;
use expect_test::{Expect, expect};
use tracing_subscriber::layer::SubscriberExt;

use super::{LogLayer, LogWriter, Shape};

/// Where the lines go; clones share it.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics holding it").clone();
        String::from_utf8(bytes).expect("lines are UTF-8")
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panics holding it")
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_348_800_042)
}

/// The lines that the events of `tell` make.
fn lines(level: LogLevel, shape: Shape, tell: impl FnOnce()) -> String {
    let page = Page::default();
    let writer = LogWriter::start(page.clone(), |lost| format!("lost {lost}\n"))
        .expect("a thread can be started");
    let layer = LogLayer::new(level, shape, writer.queue(), noon);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
    writer.flush();
    let text = page.text();
    anstream::adapter::strip_str(&text).to_string()
}

fn check(shape: Shape, tell: impl FnOnce(), expected: Expect) {
    expected.assert_eq(&lines(LogLevel::Trace, shape, tell));
}

/// One record of each kind, as the server tells them.
fn one_of_each() {
    tracing::info!(
        event = "connect",
        conn = "5Vd",
        ip = "127.0.0.1",
        "connected"
    );
    tracing::debug!(
        event = "from_client",
        r#type = "chat",
        conn = "5Vd",
        "message"
    );
    tracing::debug!(event = "to_backend", event_id = "5Vd-1", conn = "5Vd");
    tracing::debug!(
        event = "from_backend",
        status = 200_u16,
        duration_ms = 1.5,
        event_id = "5Vd-1"
    );
    tracing::debug!(event = "sent", matched = 3_u64, body = "{\"a\":1}");
    tracing::info!(event = "disconnect", conn = "5Vd", code = 1000, "gone");
    tracing::warn!(event = "trouble", path = %"/a b", held = true, "the backend is away");
    tracing::error!("a panic in one connection's work");
    tracing::info!("nothing special");
    tracing::info!(
        event = "command_log",
        level = "warn",
        body = "the backend's own line"
    );
}

#[test]
fn people_read_one_line_with_a_mark_for_each_event() {
    check(
        Shape::Pretty,
        one_of_each,
        expect![[r#"
        12:00:00.042 ↪ connected conn=5Vd ip=127.0.0.1
        12:00:00.042 → message conn=5Vd type=chat
        12:00:00.042 ↑ to backend conn=5Vd event_id=5Vd-1
        12:00:00.042 ↓ from backend event_id=5Vd-1 status=200 duration_ms=1.5
        12:00:00.042 ← sent matched=3 body={"a":1}
        12:00:00.042 × gone conn=5Vd code=1000
        12:00:00.042 ! the backend is away path=/a b held=true
        12:00:00.042 ! a panic in one connection's work
        12:00:00.042 · nothing special
        12:00:00.042 · the backend's own line
    "#]],
    );
}

#[test]
fn machines_read_one_object_with_the_known_keys_first() {
    check(
        Shape::Json,
        one_of_each,
        expect![[r#"
            {"ts":"2026-11-22T12:00:00.042Z","level":"info","event":"connect","msg":"connected","conn":"5Vd","ip":"127.0.0.1"}
            {"ts":"2026-11-22T12:00:00.042Z","level":"debug","event":"from_client","msg":"message","conn":"5Vd","type":"chat"}
            {"ts":"2026-11-22T12:00:00.042Z","level":"debug","event":"to_backend","msg":"","conn":"5Vd","event_id":"5Vd-1"}
            {"ts":"2026-11-22T12:00:00.042Z","level":"debug","event":"from_backend","msg":"","event_id":"5Vd-1","status":200,"duration_ms":1.5}
            {"ts":"2026-11-22T12:00:00.042Z","level":"debug","event":"sent","msg":"","matched":3,"body":"{\"a\":1}"}
            {"ts":"2026-11-22T12:00:00.042Z","level":"info","event":"disconnect","msg":"gone","conn":"5Vd","code":1000}
            {"ts":"2026-11-22T12:00:00.042Z","level":"warn","event":"trouble","msg":"the backend is away","path":"/a b","held":true}
            {"ts":"2026-11-22T12:00:00.042Z","level":"error","event":"trouble","msg":"a panic in one connection's work"}
            {"ts":"2026-11-22T12:00:00.042Z","level":"info","event":"note","msg":"nothing special"}
            {"ts":"2026-11-22T12:00:00.042Z","level":"warn","event":"command_log","msg":"the backend's own line"}
        "#]],
    );
    for line in lines(LogLevel::Trace, Shape::Json, one_of_each).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
    }
}

#[test]
fn each_level_shows_less() {
    let count = |level| lines(level, Shape::Json, one_of_each).lines().count();
    let levels = [
        LogLevel::Trace,
        LogLevel::Debug,
        LogLevel::Info,
        LogLevel::Warn,
        LogLevel::Error,
    ];
    assert_eq!(levels.map(count), [10, 10, 6, 3, 2]);
}

#[test]
fn the_backends_own_lines_are_shown_whatever_the_level() {
    let tell = || {
        tracing::info!(event = "command_log", level = "debug", "told quietly");
        tracing::info!(event = "command_log", level = "error", "told loudly");
        tracing::info!(event = "command_log", level = "nonsense", "told strangely");
    };
    expect![[r#"
        {"ts":"2026-11-22T12:00:00.042Z","level":"debug","event":"command_log","msg":"told quietly"}
        {"ts":"2026-11-22T12:00:00.042Z","level":"error","event":"command_log","msg":"told loudly"}
        {"ts":"2026-11-22T12:00:00.042Z","level":"info","event":"command_log","msg":"told strangely"}
    "#]].assert_eq(&lines(LogLevel::Error, Shape::Json, tell));
}

#[test]
fn other_crates_are_heard_in_trouble_only() {
    let tell = || {
        tracing::info!(target: "hyper::proto", "parsed");
        tracing::warn!(target: "hyper::proto", event = "command_log", "odd");
    };
    check(
        Shape::Json,
        tell,
        expect![[r#"
        {"ts":"2026-11-22T12:00:00.042Z","level":"warn","event":"command_log","msg":"odd","target":"hyper::proto"}
    "#]],
    );
    assert_eq!(lines(LogLevel::Error, Shape::Json, tell), "");
}

#[test]
fn text_from_outside_is_escaped() {
    let tell = || {
        tracing::info!(
            event = "command_log",
            r#type = "a\nb",
            "\u{1b}[31mred\r\n\u{7}bell \u{202e}turned \u{9b}c1 \u{2028}line ünïcödé \\n"
        );
    };
    check(
        Shape::Pretty,
        tell,
        expect![[r#"
        12:00:00.042 · \u{1b}[31mred\r\n\u{7}bell \u{202e}turned \u{9b}c1 \u{2028}line ünïcödé \n type=a\nb
    "#]],
    );
    check(
        Shape::Json,
        tell,
        expect![[r#"
        {"ts":"2026-11-22T12:00:00.042Z","level":"info","event":"command_log","msg":"\u001b[31mred\r\n\u0007bell \u202eturned \u009bc1 \u2028line ünïcödé \\n","type":"a\nb"}
    "#]],
    );
}

#[test]
fn text_from_outside_is_cut() {
    let text = "ä".repeat(500_000);
    let tell = || tracing::info!(event = "command_log", r#type = %text, "{text}");
    let line = lines(LogLevel::Info, Shape::Json, tell);
    assert!(line.len() < 6000, "{} bytes", line.len());
    assert_eq!(line.matches("… (1000000 bytes)").count(), 2);
}

#[test]
fn cookies_and_passwords_are_not_shown() {
    let tell = || {
        tracing::info!(cookie = "sid=1", authorization = %"Basic x", token = ?"t", "a");
        tracing::info!(
            url = "http://user:secret@h/x?a=@b",
            other = "http://h:80/@a",
            "b"
        );
        tracing::info!("to http://u:se@cret@h/ and http://v:secret@i/");
        tracing::info!("Host: h\r\nCookie: sid=secret; b=2\r\nAuthorization:Bearer secret");
        tracing::info!(headers = ?[("cookie", "none here")], "{{\"cookie\": \"secret\", \"x\": 1}}");
        tracing::info!("cookies and cookie recipes: none");
        tracing::info!(url = %format!("http://u:{}@h/", "secret".repeat(250)), "a cut secret");
    };
    check(
        Shape::Pretty,
        tell,
        expect![[r#"
        12:00:00.042 · a cookie=… authorization=… token=…
        12:00:00.042 · b url=http://user:…@h/x?a=@b other=http://h:80/@a
        12:00:00.042 · to http://u:…@h/ and http://v:…@i/
        12:00:00.042 · Host: h\r\nCookie: …\r\nAuthorization:…
        12:00:00.042 · {"cookie": …, "x": 1} headers=[("cookie", "none here")]
        12:00:00.042 · cookies and cookie recipes: none
        12:00:00.042 · a cut secret url=http://u:…@h/… (1512 bytes)
    "#]],
    );
}

#[test]
fn a_closed_pipe_ends_nothing() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let writer = LogWriter::start(Closed, |_| String::new()).expect("a thread can be started");
    for _ in 0..3 {
        writer.queue().push("line\n".to_owned());
        // It returns because the thread is alive and answers.
        writer.flush();
    }
}

#[test]
fn a_stuck_reader_costs_lines_and_nothing_else() {
    struct Stuck {
        page: Page,
        go_on: mpsc::Receiver<()>,
    }
    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Once the sender is gone, it is stuck no more.
            let _ = self.go_on.recv();
            self.page.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (unstick, go_on) = mpsc::channel();
    let page = Page::default();
    let output = Stuck {
        page: page.clone(),
        go_on,
    };
    let writer =
        LogWriter::start(output, |lost| format!("lost {lost}\n")).expect("a thread can be started");
    // More than fit; each returns although nobody reads.
    for number in 0..6000 {
        writer.queue().push(format!("{number}\n"));
    }
    drop(unstick);
    writer.flush();
    let text = page.text();
    let lost: u64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("lost "))
        .filter_map(|count| count.parse::<u64>().ok())
        .sum();
    let written = text
        .lines()
        .filter(|line| !line.starts_with("lost"))
        .count();
    assert!(text.starts_with("0\n"), "the first lines are kept");
    assert!(lost > 0, "more were put in than fit");
    assert_eq!(written + usize::try_from(lost).expect("few"), 6000);
}
