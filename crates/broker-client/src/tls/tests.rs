use broker_testkit::authority::Authority;
use broker_testkit::soon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

/// Greets one client by the certificate for `localhost`; gives what the client has read.
async fn greeted(
    authority: &Authority,
    host: &str,
    roots: Arc<RootCertStore>,
) -> io::Result<String> {
    let issued = authority.issue();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.der], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await?;
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await {
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    };
    let reading = async {
        let mut greeting = String::new();
        let mut stream = connect(host, stream, roots).await?;
        stream.read_to_string(&mut greeting).await?;
        Ok(greeting)
    };
    soon("a TLS handshake", async {
        tokio::join!(serving, reading).1
    })
    .await
}

fn trusting(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.root().as_bytes()).unwrap();
    roots.add(root).unwrap();
    Arc::new(roots)
}

#[tokio::test]
async fn a_server_that_an_authority_vouches_for_is_believed() {
    let authority = Authority::new();
    let greeting = greeted(&authority, "localhost", trusting(&authority)).await;
    assert_eq!(greeting.unwrap(), "hello");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_believed() {
    let authority = Authority::new();
    let error = greeted(&authority, "localhost", system_roots()).await;
    assert!(error.unwrap_err().to_string().contains("certificate"));
}

#[tokio::test]
async fn a_server_by_another_name_is_not_believed() {
    let authority = Authority::new();
    let error = greeted(&authority, "other.example", trusting(&authority)).await;
    assert!(error.unwrap_err().to_string().contains("certificate"));
}
