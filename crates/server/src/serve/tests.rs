use std::net::SocketAddr;

use bytes::Bytes;
use config::Config;
use engine::gateway::Surroundings;
use engine::receipt::Books;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use telemetry::Metrics;
use tokio::net::TcpStream;

use super::*;
use crate::edge::{self, Edge, EdgeSpec};

/// A gateway without a target, for what is answered without one.
fn started() -> (Arc<Gateway>, Edge) {
    let books = Books {
        metrics: Metrics::new("test"),
        access: None,
    };
    let surroundings = Surroundings {
        env: Box::new(|_| None),
        secrets: Vec::new(),
        master_key: Some("master".into()),
        no_key: false,
    };
    let config = Arc::new(Config::default());
    let site = Arc::new(ArcSwap::from_pointee(Site::build(&config, None)));
    let gateway = Gateway::new(config, surroundings, Arc::new(books)).unwrap();
    let core = Arc::new(Core {
        number: 0,
        gateway: gateway.clone(),
        site,
        upstream: Arc::default(),
        ids: IdSource::default(),
    });
    let spec = EdgeSpec {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        threads: 1,
        ..EdgeSpec::default()
    };
    let edge = edge::start(spec, move |_| {
        let core = core.clone();
        move |request, peer| Box::pin(serve(core.clone(), request, peer))
    });
    (gateway, edge.unwrap())
}

async fn http2_client(edge: &Edge) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(edge.addresses()[0]).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (client, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_head_brings_no_body_over_http2_whatever_the_answer() {
    let (gateway, edge) = started();
    let mut client = http2_client(&edge).await;
    let mut ask = async |method: Method, path: &str, key: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://gateway{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .body(Empty::new())
            .unwrap();
        let (head, body) = client.send_request(request).await.unwrap().into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    };
    for (path, key, status) in [
        ("/livez", "", 200),
        ("/v1/models", "master", 200),
        ("/v1/models", "wrong", 401),
        ("/v1/models/nothing", "master", 404),
        ("/nowhere", "master", 404),
        ("/v1/%zz", "master", 400),
        ("/v1/chat/completions", "master", 405),
    ] {
        let (get, whole) = ask(Method::GET, path, key).await;
        let (head, nothing) = ask(Method::HEAD, path, key).await;
        assert_eq!((head.status.as_u16(), get.status), (status, head.status));
        assert_eq!(nothing, Bytes::new(), "{path}");
        let length = head.headers[header::CONTENT_LENGTH].to_str().unwrap();
        assert_eq!(length, whole.len().to_string(), "{path}");
        assert_eq!(
            head.headers[header::CONTENT_TYPE],
            get.headers[header::CONTENT_TYPE]
        );
    }
    let metrics = gateway.metrics().render(false);
    let aborted = metrics
        .lines()
        .filter(|line| line.contains("aborted") && !line.starts_with('#'));
    for line in aborted {
        assert!(line.ends_with(" 0"), "{line}");
    }
}
