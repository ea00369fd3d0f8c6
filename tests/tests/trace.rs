//! Spec 02 §5: one id for a call, in the answer, in the log.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use ferrogw_tests::config::MODEL;
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, keys};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn parent() -> String {
    format!("00-{TRACE}-b7ad6b7169203331-01")
}

#[test]
fn the_clients_own_id_is_taken_where_it_is_one() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let ask = |headers: &[(&str, &str)]| {
        let call = Call::chat(chat_body(MODEL)).bearer(keys::APP.token);
        let answer = gateway.send(
            &headers
                .iter()
                .fold(call, |call, (name, value)| call.header(name, value)),
        );
        let id = answer.header("x-request-id").expect("an id").to_owned();
        assert_eq!(gateway.access_by_id(&id)["trace_id"], id.as_str());
        id
    };
    assert_eq!(
        ask(&[("x-request-id", "ABCDEF00000000000000000000000001")]),
        "abcdef00000000000000000000000001"
    );
    assert_eq!(
        ask(&[("traceparent", &parent())]),
        TRACE,
        "O5: also without tracing"
    );
    assert_eq!(
        ask(&[
            ("traceparent", &parent().replace("0af7", "0af8")),
            ("x-request-id", &"9".repeat(32))
        ]),
        TRACE.replace("0af7", "0af8")
    );

    for unusable in [
        "my-request-7",
        "00000000000000000000000000000000",
        "123e4567-e89b-12d3-a456-426614174000",
        "ABC",
    ] {
        let id = ask(&[("x-request-id", unusable)]);
        assert_ne!(id, unusable.to_ascii_lowercase());
        assert!(
            id.len() == 32
                && id
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
    }
    for malformed in [
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "nonsense",
        "00-zz-b7-01",
    ] {
        assert_ne!(ask(&[("traceparent", malformed)]), "0".repeat(32));
    }
}

#[test]
fn a_clients_own_name_for_the_call_is_kept_beside_the_id() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let answer = gateway.ask(Call::chat(chat_body(MODEL)).header("x-request-id", "order-4711"));
    let line = gateway.access(&answer);
    assert!(
        line.as_object()
            .is_some_and(|line| line.values().any(|value| value == "order-4711")),
        "O5: {line}"
    );
}

#[test]
fn ids_differ_and_stand_on_every_answer() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let ids: HashSet<String> = (0..50)
        .map(|n| {
            let call = if n % 2 == 0 {
                Call::chat(chat_body(MODEL)).bearer(keys::APP.token)
            } else {
                Call::get("/nowhere")
            };
            gateway
                .send(&call)
                .header("x-request-id")
                .expect("an id")
                .to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 50);
}

#[test]
fn a_trace_goes_on_upstream_only_when_the_client_began_it() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    gateway.ask(Call::chat(chat_body(MODEL)));
    assert_eq!(vendor.last().header("traceparent"), None);

    gateway.ask(Call::chat(chat_body(MODEL)).header("traceparent", &parent()));
    if let Some(sent) = vendor.last().header("traceparent") {
        assert!(sent.contains(TRACE), "{sent}");
    }
}

#[test]
fn the_vendors_own_id_does_not_take_the_gateways_place() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    vendor.next("header=x-request-id:req_of_the_vendor;header=set-cookie:a=b;header=openai-organization:org-operator;header=x-secret:1");
    let answer = gateway.chat(chat_body(MODEL));
    let id = answer.header("x-request-id").expect("one id, not two");
    assert_eq!(id.len(), 32);
    for name in ["set-cookie", "openai-organization", "x-secret"] {
        assert_eq!(answer.header(name), None, "W12: {name}");
    }
}
