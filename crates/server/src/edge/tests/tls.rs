//! TLS, and certificates that change.

use std::{fs, path::Path};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

/// A directory of its own, removed at the end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edge-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn spec(&self) -> TlsSpec {
        TlsSpec {
            cert_file: self.0.join("cert.pem"),
            key_file: self.0.join("key.pem"),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a new certificate and its key; the certificate.
fn issue(tls: &TlsSpec) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
    replace(&tls.cert_file, &cert.pem());
    replace(&tls.key_file, &signing_key.serialize_pem());
    cert.der().clone()
}

fn replace(file: &Path, content: &str) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, file).unwrap();
}

async fn connect_tls(
    edge: &Edge,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("gateway.test").unwrap();
    let stream = connect(edge).await;
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

fn tls_edge(directory: &Directory) -> (Edge, CertificateDer<'static>) {
    let mut spec = spec();
    let tls = directory.spec();
    let certificate = issue(&tls);
    spec.tls = Some(tls);
    (edge(spec, echo), certificate)
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls() {
    let directory = Directory::new("protocols");
    let (edge, certificate) = tls_edge(&directory);

    let mut stream = connect_tls(&edge, &certificate, b"http/1.1").await.unwrap();
    stream.write_all(get("/one").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.1, "/one (true, false) ");

    let stream = connect_tls(&edge, &certificate, b"h2").await.unwrap();
    let mut client = http2_client(stream).await;
    let request = Request::get("https://gateway.test/two")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let reply = within(client.send_request(request)).await.unwrap();
    let body = within(reply.into_body().collect()).await.unwrap();
    assert_eq!(body.to_bytes(), "/two (true, true) ");
}

#[tokio::test]
async fn a_new_certificate_is_taken_into_use_and_an_unusable_one_is_not() {
    let directory = Directory::new("renewal");
    let (edge, first) = tls_edge(&directory);
    let mut before = connect_tls(&edge, &first, b"http/1.1").await.unwrap();

    let second = issue(&directory.spec());
    within(async { while connect_tls(&edge, &second, b"http/1.1").await.is_err() {} }).await;
    assert!(connect_tls(&edge, &first, b"http/1.1").await.is_err());
    before.write_all(get("/").as_bytes()).await.unwrap();
    assert_eq!(
        answer(&mut before).await.0,
        200,
        "connections outlive their certificate"
    );

    replace(&directory.spec().cert_file, "not a certificate");
    let third = issue(&Directory::new("elsewhere").spec());
    assert!(connect_tls(&edge, &third, b"http/1.1").await.is_err());
    assert!(connect_tls(&edge, &second, b"http/1.1").await.is_ok());
}

#[tokio::test]
async fn a_plain_request_to_a_tls_port_ends_without_harm() {
    let directory = Directory::new("plain");
    let mut spec = spec();
    let tls = directory.spec();
    let certificate = issue(&tls);
    spec.tls = Some(tls);
    spec.header_timeout = Duration::from_millis(300);
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let mut silent = connect(&edge).await;
    let mut plain = connect(&edge).await;
    plain.write_all(get("/").as_bytes()).await.unwrap();
    until_closed(&mut plain).await;
    until_closed(&mut silent).await;
    until(|| connections.totals().handshake_failures == 2).await;
    assert!(connect_tls(&edge, &certificate, b"http/1.1").await.is_ok());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let directory = Directory::new("unusable");
    let tls = directory.spec();
    let refused = |tls: &TlsSpec| {
        let mut spec = spec();
        spec.tls = Some(tls.clone());
        start(spec, |_| echo).unwrap_err()
    };
    let error = refused(&tls);
    assert!(
        matches!(error, EdgeError::Tls(TlsError::Unreadable { .. })),
        "{error}"
    );

    issue(&tls);
    let key = fs::read_to_string(&tls.key_file).unwrap();
    issue(&tls);
    let other = fs::read_to_string(&tls.key_file).unwrap();
    replace(&tls.key_file, &key);
    let error = refused(&tls);
    assert!(
        matches!(error, EdgeError::Tls(TlsError::Unusable { .. })),
        "{error}"
    );

    replace(&tls.key_file, "no key");
    let error = refused(&tls);
    assert!(
        matches!(error, EdgeError::Tls(TlsError::Malformed { .. })),
        "{error}"
    );
    replace(&tls.key_file, &other);
    replace(&tls.cert_file, "");
    let error = refused(&tls);
    assert!(
        matches!(error, EdgeError::Tls(TlsError::Malformed { .. })),
        "{error}"
    );
    assert!(!error.to_string().contains("PRIVATE"), "{error}");
}
