//! Applications behind `https://`: whom they have to prove to be, and connections that are kept.

use std::sync::Arc;

use broker_backend::{Authorities, AuthoritiesError, Http};
use broker_core::Failure;
use broker_testkit::authority::Authority;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::server::TlsStream;

use crate::events::{config, connected, message, names};
use crate::server::{Peer, Request, Server, bare, ok, together};
use crate::tell::Tell;

/// An application whose certificate, from `authority`, is for `localhost`.
struct TlsServer {
    server: Server,
    acceptor: TlsAcceptor,
}

type TlsPeer = Peer<TlsStream<TcpStream>>;

impl TlsServer {
    async fn bind(authority: &Authority) -> TlsServer {
        TlsServer::with(authority, &version::TLS13, &[b"h2", b"http/1.1"]).await
    }

    async fn with(
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
        protocols: &[&[u8]],
    ) -> TlsServer {
        let issued = authority.issue();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![issued.der], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsServer {
            server: Server::bind().await,
            acceptor: Arc::new(config).into(),
        }
    }

    /// Under this name.
    fn url(&self, host: &str) -> String {
        let port = self.server.listener.local_addr().unwrap().port();
        format!("https://{host}:{port}/events")
    }

    async fn accept(&self) -> std::io::Result<TlsPeer> {
        let stream = self.acceptor.accept(self.server.accept().await.stream);
        Ok(Peer {
            stream: stream.await?,
        })
    }

    async fn serve(&self, answer: &str) -> (TlsPeer, Request) {
        let mut peer = self.accept().await.unwrap();
        let request = peer.serve(answer).await;
        (peer, request)
    }
}

/// A backend that trusts this authority alone.
fn trusting(authority: &Authority, url: &str) -> Http {
    let mut config = config(url);
    config.authorities = Some(Authorities::from_pem(authority.root().as_bytes()).unwrap());
    Http::new(config)
}

/// What comes of an event whose application shows itself in a way that is not believed.
async fn refused(server: &TlsServer, backend: &Http) -> String {
    let (result, accepted) = together(backend.tell(connected()), server.accept()).await;
    assert!(accepted.is_err(), "nobody but the right one is told");
    let failure = result.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    failure.to_string()
}

#[tokio::test]
async fn an_application_whose_authority_is_trusted_is_told_by_http_1_1() {
    for version in [&version::TLS12, &version::TLS13] {
        let authority = Authority::new();
        let server = TlsServer::with(&authority, version, &[b"h2", b"http/1.1"]).await;
        let backend = trusting(&authority, &server.url("localhost"));
        let answer = ok(r#"{"type":"log"}"#);
        let (result, (peer, request)) =
            together(backend.tell(connected()), server.serve(&answer)).await;
        assert_eq!(names(&result.unwrap()), ["log"]);
        let head = request.head.as_str();
        assert!(head.starts_with("POST /events HTTP/1.1\r\n"), "{head}");
        let host = server.url("localhost");
        let host = host.trim_start_matches("https://");
        assert_eq!(request.header("host"), host.strip_suffix("/events"));
        let spoken = peer.stream.get_ref().1.alpn_protocol();
        assert_eq!(spoken, Some(&b"http/1.1"[..]));
    }
}

#[tokio::test]
async fn an_application_that_knows_no_alpn_is_told_too() {
    let authority = Authority::new();
    let server = TlsServer::with(&authority, &version::TLS12, &[]).await;
    let backend = trusting(&authority, &server.url("localhost"));
    let answer = ok("");
    let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
    result.unwrap();
}

#[tokio::test]
async fn a_certificate_from_an_unknown_authority_is_unreachable_and_says_so() {
    let server = TlsServer::bind(&Authority::new()).await;
    let url = server.url("localhost");
    assert_eq!(
        refused(&server, &trusting(&Authority::new(), &url)).await,
        "backend cannot be reached: TLS: its certificate is from no authority that is trusted; \
         it is none of those in backend.ca"
    );
    let of_system = refused(&server, &Http::new(config(&url))).await;
    assert!(
        of_system.contains("no authority that is trusted"),
        "{of_system}"
    );
    assert!(of_system.ends_with("backend.ca"), "{of_system}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_unreachable_and_says_so() {
    let authority = Authority::new();
    let server = TlsServer::bind(&authority).await;
    let backend = trusting(&authority, &server.url("127.0.0.1"));
    let said = refused(&server, &backend).await;
    assert!(said.contains("TLS: its certificate is refused"), "{said}");
    assert!(said.contains("localhost"), "{said}");
}

#[tokio::test]
async fn an_authoritys_own_certificate_is_no_servers() {
    let authority = Authority::new();
    let server = TlsServer::bind(&authority).await;
    let issued = authority.own();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![issued.der],
            PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap(),
        )
        .unwrap();
    let server = TlsServer {
        acceptor: Arc::new(config).into(),
        ..server
    };
    let backend = trusting(&authority, &server.url("localhost"));
    let said = refused(&server, &backend).await;
    assert!(
        said.ends_with("a server needs one without CA:TRUE"),
        "{said}"
    );
}

#[tokio::test]
async fn an_application_without_tls_is_unreachable_and_says_so() {
    let server = Server::bind().await;
    let url = format!("https://{}/", server.address());
    let backend = trusting(&Authority::new(), &url);
    let talk = async {
        let mut peer = server.accept().await;
        peer.say(bare("400 Bad Request", "")).await;
        peer
    };
    let (result, _peer) = together(backend.tell(connected()), talk).await;
    let failure = result.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    assert_eq!(
        failure.to_string(),
        "backend cannot be reached: TLS: it does not speak TLS there"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_nobody_answers_is_a_time_out() {
    let server = Server::bind().await;
    let url = format!("https://{}/", server.address());
    let backend = trusting(&Authority::new(), &url);
    let (result, _peer) = together(backend.tell(connected()), server.accept()).await;
    let failure = result.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut(_)), "{failure:?}");
}

#[tokio::test]
async fn a_connection_with_tls_is_kept_from_event_to_event() {
    let authority = Authority::new();
    let server = TlsServer::bind(&authority).await;
    let backend = trusting(&authority, &server.url("localhost"));
    let answer = ok("");
    let (result, (mut peer, _)) = together(backend.tell(connected()), server.serve(&answer)).await;
    result.unwrap();
    for number in 0..3 {
        let event = message(&number.to_string());
        let (result, request) = together(backend.tell(event), peer.serve(&answer)).await;
        result.unwrap();
        assert!(request.text().contains(&format!("\r\n\r\n{number}\r\n")));
    }
}

#[tokio::test]
async fn an_event_that_crossed_the_end_of_a_kept_connection_with_tls_is_sent_again() {
    for is_announced in [false, true] {
        let authority = Authority::new();
        let server = TlsServer::bind(&authority).await;
        let backend = trusting(&authority, &server.url("localhost"));
        let answer = ok("");
        let (result, (mut peer, _)) =
            together(backend.tell(connected()), server.serve(&answer)).await;
        result.unwrap();
        let talk = async {
            let lost = peer.request().await;
            if is_announced {
                // With a close_notify (RFC 8446 §6.1).
                tokio::io::AsyncWriteExt::shutdown(&mut peer.stream)
                    .await
                    .unwrap();
            }
            drop(peer);
            let (_peer, again) = server.serve(&ok(r#"{"type":"log"}"#)).await;
            (lost, again)
        };
        let (result, (lost, again)) = together(backend.tell(message("2")), talk).await;
        assert_eq!(names(&result.unwrap()), ["log"]);
        assert_eq!((lost.head, lost.body), (again.head, again.body));
    }
}

/// Without a `Content-Length` an answer ends with the connection, and anybody on the way can end that.
#[tokio::test]
async fn an_answer_that_is_cut_without_a_word_of_tls_is_interrupted() {
    let authority = Authority::new();
    let server = TlsServer::bind(&authority).await;
    let backend = trusting(&authority, &server.url("localhost"));
    let talk = async {
        server
            .serve("HTTP/1.1 200 OK\r\n\r\n[{\"type\":\"log\"}]")
            .await;
    };
    let (result, ()) = together(backend.tell(connected()), talk).await;
    let failure = result.unwrap_err();
    assert!(matches!(failure, Failure::Interrupted(_)), "{failure:?}");
}

#[test]
fn authorities_are_read_from_pem_and_what_is_none_is_named() {
    let [first, second] = [Authority::new(), Authority::new()];
    let both = format!("a comment\n{}{}", first.root(), second.root());
    let read = Authorities::from_pem(both.as_bytes()).unwrap();
    assert_eq!(format!("{read:?}"), "Authorities { count: 2 }");
    for pem in ["", "a comment", &*first.issue().key] {
        let error = Authorities::from_pem(pem.as_bytes()).unwrap_err();
        assert_eq!(error, AuthoritiesError::NoCertificate, "{pem}");
    }
    let cut = first.root().replace("-----END CERTIFICATE-----", "");
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in [&*cut, garbled] {
        let error = Authorities::from_pem(pem.as_bytes()).unwrap_err();
        assert!(matches!(error, AuthoritiesError::Certificate(_)), "{pem}");
    }
}
