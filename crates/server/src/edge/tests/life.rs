//! Starting, being full, and ending.

use std::collections::HashSet;

use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn every_worker_takes_connections() {
    let mut spec = spec();
    spec.threads = 2;
    let edge = start(spec, |index| {
        move |_, _| std::future::ready(text(200, index.to_string()))
    })
    .unwrap();
    let mut seen = HashSet::new();
    let mut streams = Vec::new();
    while seen.len() < 2 {
        assert!(streams.len() < 1000, "one worker takes everything");
        let mut stream = connect(&edge).await;
        stream.write_all(get("/").as_bytes()).await.unwrap();
        seen.insert(answer(&mut stream).await.1);
        streams.push(stream);
    }
}

#[tokio::test]
async fn a_second_gateway_on_the_port_is_refused() {
    for threads in [1, 2] {
        let mut first = spec();
        first.threads = threads;
        let mut first = edge(first, echo);
        let address = first.addresses()[0];
        for threads in [1, 2] {
            let mut second = spec();
            second.threads = threads;
            second.listen = vec![address];
            let refused = start(second, |_| echo).unwrap_err();
            assert!(
                matches!(refused, EdgeError::InUse { address: named } if named == address),
                "{refused}"
            );
        }
        let mut stream = connect(&first).await;
        stream.write_all(get("/").as_bytes()).await.unwrap();
        assert_eq!(answer(&mut stream).await.0, 200);
        assert_eq!(within(first.drain(PATIENCE)).await, Drained { cut: 0 });
        let mut next = spec();
        next.listen = vec![address];
        let next = start(next, |_| echo).unwrap();
        drop(next);
    }
}

#[tokio::test]
async fn several_addresses_are_one_gateway() {
    let mut spec = spec();
    spec.listen.push(SocketAddr::from(([127, 0, 0, 1], 0)));
    spec.threads = 2;
    let edge = edge(spec, echo);
    assert_ne!(edge.addresses()[0], edge.addresses()[1]);
    for address in edge.addresses() {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(get("/").as_bytes()).await.unwrap();
        assert_eq!(answer(&mut stream).await.0, 200);
    }
    let none = EdgeSpec {
        listen: Vec::new(),
        ..EdgeSpec::default()
    };
    assert!(matches!(start(none, |_| echo), Err(EdgeError::NoAddress)));
}

#[tokio::test]
async fn all_interfaces_means_ipv4_too() {
    let mut spec = spec();
    spec.listen = vec!["[::]:0".parse().unwrap()];
    let edge = edge(spec, |_, peer: Peer| {
        std::future::ready(text(200, peer.address.ip().to_canonical().to_string()))
    });
    let port = edge.addresses()[0].port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(get("/").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.1, "127.0.0.1");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_a_place_comes_back() {
    let mut spec = spec();
    spec.max_connections = 2;
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let mut streams = [connect(&edge).await, connect(&edge).await];
    for stream in &mut streams {
        stream.write_all(get("/").as_bytes()).await.unwrap();
        assert_eq!(answer(stream).await.0, 200);
    }
    let mut refused = connect(&edge).await;
    assert_eq!(until_closed(&mut refused).await, b"");
    assert_eq!(connections.totals().refused, 1);

    let [first, mut second] = streams;
    drop(first);
    within(async {
        while edge.open_connections() > 1 {
            // The other end notices once it answers something else.
            second.write_all(get("/").as_bytes()).await.unwrap();
            assert_eq!(answer(&mut second).await.0, 200);
        }
    })
    .await;
    let mut third = connect(&edge).await;
    third.write_all(get("/").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut third).await.0, 200);
}

/// A service that says when it is called and answers when told.
#[derive(Clone, Default)]
struct Gated {
    called: Arc<Notify>,
    gate: Arc<Notify>,
}

impl Gated {
    fn edge(&self, spec: EdgeSpec) -> Edge {
        let gated = self.clone();
        edge(spec, move |request, peer| {
            gated.clone().serve(request, peer)
        })
    }

    async fn serve(self, request: Request<Incoming>, peer: Peer) -> Reply {
        self.called.notify_one();
        if request.uri().path() == "/gated" {
            self.gate.notified().await;
        }
        echo(request, peer).await
    }
}

#[tokio::test]
async fn a_drain_lets_calls_end_and_takes_no_new_ones() {
    let gated = Gated::default();
    let mut edge = gated.edge(spec());
    let address = edge.addresses()[0];
    let mut idle = connect(&edge).await;
    idle.write_all(get("/").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut idle).await.0, 200);
    within(gated.called.notified()).await;
    let mut busy = connect(&edge).await;
    busy.write_all(get("/gated").as_bytes()).await.unwrap();
    within(gated.called.notified()).await;

    let drained = tokio::spawn(async move { edge.drain(PATIENCE).await });
    assert_eq!(until_closed(&mut idle).await, b"");
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(!drained.is_finished());

    gated.gate.notify_one();
    let head = head(&mut busy).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(header(&head, "connection"), Some("close"));
    assert_eq!(until_closed(&mut busy).await, b"/gated (false, false) ");
    drop(busy);
    assert_eq!(within(drained).await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn a_drain_cuts_what_outlasts_it() {
    let gated = Gated::default();
    let mut edge = gated.edge(spec());
    let mut streams = [connect(&edge).await, connect(&edge).await];
    for stream in &mut streams {
        stream.write_all(get("/gated").as_bytes()).await.unwrap();
        within(gated.called.notified()).await;
    }
    let grace = Duration::from_millis(20);
    assert_eq!(within(edge.drain(grace)).await, Drained { cut: 2 });
    for stream in &mut streams {
        assert_eq!(until_closed(stream).await, b"");
    }
}

#[tokio::test]
async fn a_request_sent_before_the_drain_is_answered() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Once::new(released);
    let called = Arc::new(Notify::new());
    let calls = Arc::clone(&called);
    let mut edge = edge(spec(), move |request, peer| {
        calls.notify_one();
        if request.uri().path() == "/block" {
            // The whole worker stands still, as if it were very busy.
            let _ = released.take().recv();
        }
        echo(request, peer)
    });
    let mut first = connect(&edge).await;
    first.write_all(get("/block").as_bytes()).await.unwrap();
    within(called.notified()).await;
    let mut waiting = connect(&edge).await;
    waiting.write_all(get("/sent").as_bytes()).await.unwrap();
    let drained = tokio::spawn(async move { edge.drain(PATIENCE).await });
    tokio::task::yield_now().await;
    drop(release);
    assert_eq!(answer(&mut first).await.0, 200);
    assert_eq!(answer(&mut waiting).await.0, 200);
    drop((first, waiting));
    assert_eq!(within(drained).await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn a_drain_that_is_given_up_cuts_at_once() {
    let gated = Gated::default();
    let mut edge = gated.edge(spec());
    let mut idle = connect(&edge).await;
    idle.write_all(get("/").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut idle).await.0, 200);
    within(gated.called.notified()).await;
    let mut busy = connect(&edge).await;
    busy.write_all(get("/gated").as_bytes()).await.unwrap();
    within(gated.called.notified()).await;
    let drained = tokio::spawn(async move { edge.drain(PATIENCE).await });
    assert_eq!(until_closed(&mut idle).await, b"");
    drained.abort();
    assert_eq!(until_closed(&mut busy).await, b"");
}

#[tokio::test]
async fn a_drain_can_be_hurried_and_ends_when_the_calls_are_gone() {
    let (farewell, mut gone) = Farewell::new();
    let (farewell, called) = (Once::new(farewell), Arc::new(Notify::new()));
    let calls = Arc::clone(&called);
    let mut edge = edge(spec(), move |_, _| {
        let (farewell, calls) = (farewell.take(), Arc::clone(&calls));
        async move {
            let _farewell = farewell;
            calls.notify_one();
            std::future::pending().await
        }
    });
    let mut busy = connect(&edge).await;
    busy.write_all(get("/").as_bytes()).await.unwrap();
    within(called.notified()).await;
    tokio::select! {
        biased;
        drained = edge.drain(PATIENCE) => panic!("{drained:?} with a call in flight"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(within(edge.drain(Duration::ZERO)).await, Drained { cut: 1 });
    assert_eq!(gone.try_recv(), Ok(()), "the call was dropped before");
    assert_eq!(until_closed(&mut busy).await, b"");
}

#[tokio::test]
async fn a_drain_ends_http2_calls_before_their_connection() {
    let gated = Gated::default();
    let mut edge = gated.edge(spec());
    let io = TokioIo::new(connect(&edge).await);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://g/gated")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let reply = tokio::spawn(client.send_request(request));
    within(gated.called.notified()).await;
    let drained = tokio::spawn(async move { edge.drain(PATIENCE).await });
    gated.gate.notify_one();
    assert_eq!(within(reply).await.unwrap().unwrap().status(), 200);
    within(connection).await.unwrap().unwrap();
    assert_eq!(within(drained).await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn a_dropped_gateway_is_gone() {
    let gated = Gated::default();
    let edge = gated.edge(spec());
    let mut stream = connect(&edge).await;
    stream.write_all(get("/gated").as_bytes()).await.unwrap();
    within(gated.called.notified()).await;
    drop(edge);
    assert_eq!(until_closed(&mut stream).await, b"");
}

#[tokio::test]
async fn a_service_that_cannot_be_made_is_told() {
    let failed = start(spec(), |index| {
        assert_ne!(index, 0, "as asked");
        echo
    });
    assert!(matches!(failed, Err(EdgeError::Worker { index: 0, .. })));
}
