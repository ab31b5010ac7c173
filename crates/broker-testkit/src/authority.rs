//! A certificate authority of a test's own, and clients that trust nobody else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::client::Socket;
use crate::soon;

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    root_pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The certificate as TLS sends it.
    pub der: CertificateDer<'static>,
}

impl Issued {
    /// What a server speaks TLS with that has this certificate.
    ///
    /// # Panics
    /// When they do not belong together.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .expect("they belong together");
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What a client offers in its hello.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// Protocols, the preferred one first (RFC 7301).
    pub protocols: &'a [&'a str],
    /// Whether TLS 1.2 is the newest version that is spoken.
    pub is_old: bool,
}

impl Authority {
    /// A new one that nobody knows yet.
    ///
    /// # Panics
    /// Without randomness.
    #[must_use]
    pub fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("a certificate");
        Authority {
            root: root.der().clone(),
            root_pem: root.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The certificate that clients have to trust, as PEM.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root_pem
    }

    /// A certificate for `localhost`.
    ///
    /// # Panics
    /// Without randomness.
    #[must_use]
    pub fn issue(&self) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        }
    }

    /// Its own certificate with its key, which no server should have.
    #[must_use]
    pub fn own(&self) -> Issued {
        Issued {
            certificate: self.root_pem.clone(),
            key: self.issuer.key().serialize_pem(),
            der: self.root.clone(),
        }
    }

    /// What connects clients that trust this authority.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn connector(&self, offer: Offer<'_>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a certificate");
        let versions: &[_] = if offer.is_old { &[&TLS12] } else { &[&TLS13] };
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("known versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = { offer.protocols.iter() }
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config).into()
    }

    /// Holds the TLS handshake over a socket.
    ///
    /// # Errors
    /// When it fails.
    ///
    /// # Panics
    /// When nothing comes of it.
    pub async fn over<S: Socket>(&self, socket: S, offer: Offer<'_>) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from("localhost").expect("a name");
        let handshake = self.connector(offer).connect(name, socket);
        soon("the TLS handshake", handshake).await
    }

    /// Connects by TCP and holds the TLS handshake.
    ///
    /// # Panics
    /// When it fails.
    pub async fn connect(&self, addr: SocketAddr) -> TlsStream<TcpStream> {
        let socket = TcpStream::connect(addr).await.expect("somebody listens");
        socket.set_nodelay(true).expect("it is a TCP socket");
        self.over(socket, Offer::default()).await.expect("trusted")
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}
