//! How long a connection may take for what it does.

use tokio::time::{Instant, interval};

use super::*;

const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_silent_newcomer_is_cut() {
    let mut spec = spec();
    spec.header_timeout = SHORT;
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let begun = Instant::now();
    let mut stream = connect(&edge).await;
    assert_eq!(until_closed(&mut stream).await, b"");
    assert!(begun.elapsed() >= SHORT);
    until(|| connections.totals().handshake_failures == 1).await;
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_however_lively() {
    let mut spec = spec();
    spec.header_timeout = SHORT;
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let begun = Instant::now();
    let (mut reader, mut writer) = connect(&edge).await.into_split();
    let trickle = tokio::spawn(async move {
        let mut tick = interval(Duration::from_millis(5));
        let _ = writer.write_all(b"GET / HTTP/1.1\r\nx: ").await;
        while writer.write_all(b"y").await.is_ok() {
            tick.tick().await;
        }
    });
    assert_eq!(until_closed(&mut reader).await, b"");
    assert!(begun.elapsed() >= SHORT);
    assert_eq!(connections.totals().slow_heads, 1);
    trickle.abort();
}

#[tokio::test]
async fn a_second_head_has_the_same_bound() {
    let mut spec = spec();
    spec.header_timeout = SHORT;
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let mut stream = connect(&edge).await;
    stream.write_all(get("/").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 200);
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, b"");
    assert_eq!(connections.totals().slow_heads, 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let mut spec = spec();
    spec.keep_alive = SHORT;
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let mut stream = connect(&edge).await;
    stream.write_all(get("/").as_bytes()).await.unwrap();
    let begun = Instant::now();
    assert_eq!(answer(&mut stream).await.0, 200);
    assert_eq!(until_closed(&mut stream).await, b"");
    assert!(begun.elapsed() >= SHORT);
    let totals = connections.totals();
    assert_eq!((totals.idle_closes, totals.slow_heads), (1, 0));
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let mut spec = spec();
    spec.keep_alive = SHORT;
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let io = TokioIo::new(connect(&edge).await);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://g/")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let reply = within(client.send_request(request)).await.unwrap();
    within(reply.into_body().collect()).await.unwrap();
    within(connection).await.unwrap().unwrap();
    assert_eq!(connections.totals().idle_closes, 1);
}

#[tokio::test]
async fn a_call_may_take_longer_than_any_bound_of_its_connection() {
    let mut spec = spec();
    spec.header_timeout = SHORT;
    spec.keep_alive = SHORT;
    spec.write_timeout = SHORT;
    let edge = edge(spec, |request, peer| async move {
        tokio::time::sleep(4 * SHORT).await;
        echo(request, peer).await
    });
    let mut stream = connect(&edge).await;
    stream.write_all(get("/slow").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 200);
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut() {
    let mut spec = spec();
    spec.write_timeout = SHORT;
    let connections = Arc::clone(&spec.connections);
    let (farewell, gone) = Farewell::new();
    let farewell = Once::new(farewell);
    let edge = edge(spec, move |_, _| {
        let endless = Endless {
            _farewell: farewell.take(),
        };
        std::future::ready(Response::new(endless.boxed()))
    });
    let mut stream = connect(&edge).await;
    stream.write_all(get("/").as_bytes()).await.unwrap();
    within(gone).await.unwrap();
    assert_eq!(connections.totals().stalled_writes, 1);
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut() {
    let mut spec = spec();
    spec.write_timeout = Duration::from_secs(1);
    let size = 48 * 1024 * 1024;
    let edge = edge(spec, move |_, _| {
        std::future::ready(text(200, vec![b'x'; size]))
    });
    let mut stream = connect(&edge).await;
    let begun = Instant::now();
    stream.write_all(get("/").as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"));
    let mut tick = interval(Duration::from_millis(15));
    let mut piece = vec![0; 512 * 1024];
    for _ in 0..size / piece.len() {
        tick.tick().await;
        within(stream.read_exact(&mut piece)).await.unwrap();
    }
    assert!(
        begun.elapsed() > Duration::from_secs(1),
        "slower than one bound"
    );
}

#[tokio::test]
async fn an_http2_client_that_grants_no_window_is_cut() {
    let mut spec = spec();
    spec.write_timeout = SHORT;
    let connections = Arc::clone(&spec.connections);
    let (farewell, gone) = Farewell::new();
    let farewell = Once::new(farewell);
    let edge = edge(spec, move |_, _| {
        let endless = Endless {
            _farewell: farewell.take(),
        };
        std::future::ready(Response::new(endless.boxed()))
    });
    let mut client = http2_client(connect(&edge).await).await;
    let request = Request::get("http://g/")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let unread = within(client.send_request(request)).await.unwrap();
    within(gone).await.unwrap();
    assert_eq!(connections.totals().stalled_writes, 1);
    drop(unread);
}
