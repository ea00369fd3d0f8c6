//! What one connection carries.

use super::*;

#[tokio::test]
async fn a_connection_is_used_again() {
    let spec = spec();
    let connections = Arc::clone(&spec.connections);
    let edge = edge(spec, echo);
    let mut stream = connect(&edge).await;
    for path in ["/one", "/two", "/three"] {
        stream.write_all(get(path).as_bytes()).await.unwrap();
        let expected = format!("{path} (false, false) ");
        assert_eq!(answer(&mut stream).await, (200, expected));
    }
    let totals = connections.totals();
    assert_eq!((totals.accepted, totals.activated), (1, 3));
    assert_eq!(edge.open_connections(), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let edge = edge(spec(), echo);
    let mut stream = connect(&edge).await;
    let post = "POST /two HTTP/1.1\r\nhost: gateway\r\ncontent-length: 4\r\n\r\nbody";
    let all = [get("/one"), post.to_owned(), get("/three")].concat();
    stream.write_all(all.as_bytes()).await.unwrap();
    for (path, body) in [("/one", ""), ("/two", "body"), ("/three", "")] {
        let expected = format!("{path} (false, false) {body}");
        assert_eq!(answer(&mut stream).await, (200, expected));
    }
}

#[tokio::test]
async fn a_request_in_many_pieces_is_one_request() {
    let edge = edge(spec(), echo);
    let mut stream = connect(&edge).await;
    stream.set_nodelay(true).unwrap();
    // Begins like HTTP/2's preface, and is not it.
    let request = "PROPFIND /x HTTP/1.1\r\nhost: g\r\ncontent-length: 2\r\n\r\nhi";
    for byte in request.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(
        answer(&mut stream).await,
        (200, "/x (false, false) hi".to_owned())
    );
}

#[tokio::test]
async fn a_chunked_body_is_read_whole() {
    let edge = edge(spec(), echo);
    let mut stream = connect(&edge).await;
    let request = "POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let expected = "/ (false, false) abcdefg".to_owned();
    assert_eq!(answer(&mut stream).await, (200, expected));
}

#[tokio::test]
async fn http2_without_tls_carries_calls_side_by_side() {
    let edge = edge(spec(), echo);
    let client = http2_client(connect(&edge).await).await;
    let calls = (0..20).map(|n| {
        let mut client = client.clone();
        async move {
            let body = Full::new(Bytes::from(format!("body {n}")));
            let request = Request::post(format!("http://gateway/{n}")).body(body);
            let reply = client.send_request(request.unwrap()).await.unwrap();
            let body = reply.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("/{n} (false, true) body {n}"));
        }
    });
    within(futures_util::future::join_all(calls)).await;
    assert_eq!(edge.open_connections(), 1);
}

#[tokio::test]
async fn a_client_that_still_sends_too_much_gets_its_answer() {
    let edge = edge(spec(), echo);
    let mut stream = connect(&edge).await;
    let head = "POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b' '; 64 * 1024];
    for _ in 0..128 {
        stream.write_all(b"10000\r\n").await.unwrap();
        stream.write_all(&piece).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    assert_eq!(answer(&mut stream).await, (413, "too large".to_owned()));
}

#[tokio::test]
async fn a_declared_length_that_is_too_large_is_never_asked_for() {
    let edge = edge(spec(), echo);
    let mut stream = connect(&edge).await;
    let head = "POST / HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\n";
    let long = format!("{head}content-length: 1000000\r\n\r\n");
    stream.write_all(long.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 413);

    let mut stream = connect(&edge).await;
    let short = format!("{head}content-length: 2\r\n\r\n");
    stream.write_all(short.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 100);
    stream.write_all(b"hi").await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 200);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let edge = edge(spec(), echo);
    let mut stream = connect(&edge).await;
    let head = "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 9\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await, (408, "stalled".to_owned()));
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let mut spec = spec();
    spec.max_header_bytes = 16 * 1024;
    let edge = edge(spec, echo);
    let mut stream = connect(&edge).await;
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20 * 1024));
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 431);
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call() {
    let (farewell, gone) = Farewell::new();
    let (farewell, (begun, has_begun)) = (Once::new(farewell), oneshot::channel());
    let begun = Once::new(begun);
    let edge = edge(spec(), move |_, _| {
        let (farewell, begun) = (farewell.take(), begun.take());
        async move {
            let _farewell = farewell;
            let _ = begun.send(());
            std::future::pending().await
        }
    });
    let mut stream = connect(&edge).await;
    stream.write_all(get("/").as_bytes()).await.unwrap();
    within(has_begun).await.unwrap();
    drop(stream);
    within(gone).await.unwrap();
}

#[tokio::test]
async fn a_panic_ends_its_connection_and_no_other() {
    let edge = edge(spec(), |request: Request<Incoming>, peer| async move {
        assert_ne!(request.uri().path(), "/panic", "as asked");
        echo(request, peer).await
    });
    let mut other = connect(&edge).await;
    other.write_all(get("/before").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut other).await.0, 200);
    let mut stream = connect(&edge).await;
    stream.write_all(get("/panic").as_bytes()).await.unwrap();
    assert_eq!(until_closed(&mut stream).await, b"");
    other.write_all(get("/after").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut other).await.0, 200);
}

#[tokio::test]
async fn a_connection_can_be_taken_over() {
    let edge = edge(spec(), |mut request: Request<Incoming>, _| {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = TokioIo::new(upgrade.await.unwrap());
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.unwrap();
            word.reverse();
            stream.write_all(&word).await.unwrap();
        });
        let mut reply = text(101, "");
        let headers = reply.headers_mut();
        headers.insert("connection", http::HeaderValue::from_static("upgrade"));
        headers.insert("upgrade", http::HeaderValue::from_static("backwards"));
        std::future::ready(reply)
    });
    let mut stream = connect(&edge).await;
    let head = "GET / HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: backwards\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(super::head(&mut stream).await.starts_with("HTTP/1.1 101"));
    assert_eq!(edge.open_connections(), 1, "it stays counted");
    stream.write_all(b"word").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, b"drow");
}
