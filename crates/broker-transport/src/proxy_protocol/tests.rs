use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

/// What the bytes are taken for.
fn verdict(bytes: &[u8]) -> String {
    match parse(bytes) {
        Ok(None) => "more".to_owned(),
        Ok(Some((Introduction::Client(ip), len))) => format!("{ip} in {len}"),
        Ok(Some((Introduction::Nobody, len))) => format!("nobody in {len}"),
        Err(error) => error.to_string(),
    }
}

fn check(bytes: impl AsRef<[u8]>, expected: &str) {
    let bytes = bytes.as_ref();
    assert_eq!(verdict(bytes), expected, "{}", bytes.escape_ascii());
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let len = (rest.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &len, rest].concat()
}

const MALFORMED: &str = "this is no PROXY protocol header";

#[test]
fn version_1_names_the_client() {
    check(
        "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\nGET /",
        "192.0.2.7 in 40",
    );
    check(
        "PROXY TCP6 2001:db8::7 ::1 4711 80\r\n",
        "2001:db8::7 in 36",
    );
    check(
        "PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 80\r\n",
        "192.0.2.7 in 41",
    );
    check("PROXY UNKNOWN\r\n", "nobody in 15");
    check("PROXY UNKNOWN ffff::1 whatever this is\r\n", "nobody in 40");
}

#[test]
fn version_2_names_the_client() {
    let ipv4 = [192, 0, 2, 7, 192, 0, 2, 1, 1, 1, 0, 80];
    check(binary(0x21, 0x11, &ipv4), "192.0.2.7 in 28");
    let with_more = [&ipv4[..], &[0x04, 0, 2, 0, 0]].concat();
    check(binary(0x21, 0x11, &with_more), "192.0.2.7 in 33");
    let mut ipv6 = [0; 36];
    ipv6[15] = 7;
    check(binary(0x21, 0x21, &ipv6), "::7 in 52");
    check(binary(0x21, 0x31, &[0; 216]), "nobody in 232");
    check(binary(0x21, 0x00, &[]), "nobody in 16");
    // Of a proxy that speaks for itself, nothing else is looked at.
    check(binary(0x20, 0x11, &[]), "nobody in 16");
    check(binary(0x20, 0xff, &[1, 2, 3]), "nobody in 19");
}

#[test]
fn garbage_is_refused_at_its_first_wrong_byte() {
    let first_refused = |bytes: &[u8]| (0..=bytes.len()).find(|&end| parse(&bytes[..end]).is_err());
    for (bytes, at) in [
        (&b"GET / HTTP/1.1\r\n"[..], 1),
        (b"\x16\x03\x01", 1),
        (b"PRI * HTTP/2.0\r\n", 3),
        (b"PROXY_TCP4 1.1.1.1 1.1.1.1 1 1\r\n", 6),
        (b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", 8),
        (b"PROXY UNKNOWNS\r\n", 14),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n", 31),
        (b"PROXY TCP4 1.1.1.1\t1.1.1.1 1 1\r\n", 19),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\rx", 32),
        (b"PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n", 34),
        (b"PROXY TCP4 ::1 ::1 1 1\r\n", 24),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", 36),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n", 33),
        (b"PROXY TCP4 1.1.1.1\r\n", 20),
        (b"\r\n\r\nGET", 5),
        (b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0", 13),
        (b"\r\n\r\n\0\r\nQUIT\n\x22\x11\0\0", 13),
    ] {
        assert_eq!(first_refused(bytes), Some(at), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_header_too_short_for_its_addresses_is_refused_whatever_follows() {
    for family in [0x11, 0x21, 0x31] {
        let header = binary(0x21, family, &[0; 11]);
        check(&header, MALFORMED);
        check([&header[..], &[0; 300]].concat(), MALFORMED);
    }
    check(binary(0x21, 0x55, &[0; 300]), MALFORMED);
}

#[test]
fn headers_are_bounded() {
    let line = |len: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(len - 16));
    check(line(107), "nobody in 107");
    check(line(108), MALFORMED);
    check(&line(107)[..106], "more");
    check(&line(108)[..107], MALFORMED);
    check("PROXY UNKNOWN ".to_owned() + &"x".repeat(5000), MALFORMED);
    check(
        binary(0x20, 0, &[0; HEADER_BYTES_MAX - 16]),
        "nobody in 4096",
    );
    let too_long = "the PROXY protocol header is longer than 4096 bytes";
    check(
        &binary(0x20, 0, &[0; HEADER_BYTES_MAX - 15])[..16],
        too_long,
    );
}

/// A header of either version, and what it says.
fn header() -> impl Strategy<Value = (Vec<u8>, Introduction)> {
    let v4 = (any::<[u8; 4]>(), any::<u16>()).prop_map(|(ip, port)| (Ipv4Addr::from(ip), port));
    let v6 = (any::<[u8; 16]>(), any::<u16>()).prop_map(|(ip, port)| (Ipv6Addr::from(ip), port));
    let more = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        (v4, more.clone(), any::<bool>()).prop_map(|((ip, port), more, is_text)| {
            let header = if is_text {
                format!("PROXY TCP4 {ip} 127.0.0.1 {port} 80\r\n").into_bytes()
            } else {
                let port = port.to_be_bytes();
                let rest = [&ip.octets()[..], &[127, 0, 0, 1], &port, &[0, 80], &more].concat();
                binary(0x21, 0x11, &rest)
            };
            (header, Introduction::Client(ip.into()))
        }),
        (v6, more, any::<bool>()).prop_map(|((ip, port), more, is_text)| {
            let header = if is_text {
                format!("PROXY TCP6 {ip} ::1 {port} 80\r\n").into_bytes()
            } else {
                let rest = [
                    &ip.octets()[..],
                    &[0; 16],
                    &port.to_be_bytes(),
                    &[0, 80],
                    &more,
                ]
                .concat();
                binary(0x21, 0x21, &rest)
            };
            (
                header,
                Introduction::Client(IpAddr::from(ip).to_canonical()),
            )
        }),
        "[ -~]{0,90}".prop_map(|rest| {
            (
                format!("PROXY UNKNOWN {rest}\r\n").into_bytes(),
                Introduction::Nobody,
            )
        }),
    ]
}

proptest! {
    #[test]
    fn a_header_is_complete_with_its_last_byte_and_no_earlier(
        (header, says) in header(), behind in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for end in 0..header.len() {
            prop_assert!(matches!(parse(&header[..end]), Ok(None)), "{end}");
        }
        let whole = [&header[..], &behind].concat();
        prop_assert_eq!(parse(&whole).unwrap(), Some((says, header.len())));
    }

    #[test]
    fn cut_anywhere_it_says_the_same_and_what_follows_is_whole(
        (header, says) in header(),
        behind in proptest::collection::vec(any::<u8>(), 1..40),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = [&header[..], &behind].concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
        cuts.sort_unstable();
        let (seen, rest) = block_on(async {
            let (mut proxy, ours) = UnixStream::pair().unwrap();
            let write = async {
                let mut from = 0;
                for to in cuts.into_iter().chain([whole.len()]) {
                    proxy.write_all(&whole[from..to]).await.unwrap();
                    // Whoever reads has its turn before the next piece comes.
                    tokio::task::yield_now().await;
                    from = to;
                }
                drop(proxy);
            };
            let mut ours = Socket::Unix(ours);
            let read = async {
                let seen = take_header(&ours).await;
                let mut rest = Vec::new();
                ours.read_to_end(&mut rest).await.unwrap();
                (seen, rest)
            };
            tokio::join!(read, write).0
        });
        prop_assert_eq!(seen.unwrap(), says);
        prop_assert_eq!(rest, behind);
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

#[tokio::test]
async fn a_connection_that_ends_within_its_header_has_none() {
    let (mut proxy, ours) = UnixStream::pair().unwrap();
    proxy.write_all(b"PROXY TCP4 1").await.unwrap();
    drop(proxy);
    let outcome = take_header(&Socket::Unix(ours)).await;
    assert!(matches!(outcome, Err(HeaderError::Ended)), "{outcome:?}");
}

#[tokio::test]
async fn it_is_taken_out_of_tcp_sockets_too() {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listener = listener.await.unwrap();
    let mut proxy = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    proxy.write_all(b"PROXY UNKNOWN\r\nbehind").await.unwrap();
    drop(proxy);
    let mut ours = Socket::Tcp(listener.accept().await.unwrap().0);
    assert_eq!(take_header(&ours).await.unwrap(), Introduction::Nobody);
    let mut rest = [0; 6];
    ours.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"behind");
}

#[tokio::test]
async fn behind_a_header_that_came_alone_nothing_is_readable_yet() {
    let (mut proxy, ours) = UnixStream::pair().unwrap();
    proxy.write_all(b"PROXY UNKNOWN\r\n").await.unwrap();
    let ours = Socket::Unix(ours);
    take_header(&ours).await.unwrap();
    tokio::select! {
        biased;
        readable = ours.readable() => panic!("it is readable: {readable:?}"),
        () = tokio::task::yield_now() => {}
    }
}
