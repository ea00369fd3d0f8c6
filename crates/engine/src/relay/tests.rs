//! Streams told frame by frame, under a paused clock: what the client gets, what the receipt learns.

use std::future::poll_fn;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body::Frame;
use http_body_util::StreamBody;
use wire::chat::Oddities;

use super::*;

/// What a vendor does next.
#[derive(Clone)]
enum Act {
    Send(&'static str),
    Wait(Duration),
    Break,
    Hang,
}

use Act::{Break, Hang, Send, Wait};

type Vendor = StreamBody<BoxStream<'static, Result<Frame<Bytes>, &'static str>>>;

fn vendor(acts: &[Act]) -> Vendor {
    let acts = stream::iter(acts.to_vec()).then(|act| async move {
        match act {
            Send(text) => Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))),
            Wait(time) => {
                tokio::time::sleep(time).await;
                None
            }
            Break => Some(Err("connection reset")),
            Hang => std::future::pending().await,
        }
    });
    StreamBody::new(acts.filter_map(std::future::ready).boxed())
}

fn rules() -> StreamRules {
    StreamRules {
        first_content: None,
        heartbeat: Some(Duration::from_secs(15)),
        idle: Duration::from_mins(2),
        deadline: None,
        hide_usage: false,
        redactor: Arc::default(),
    }
}

const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const HI: &str = "data: {\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";

/// Everything the client gets, and the relay afterwards.
async fn client_sees(acts: &[Act], rules: StreamRules) -> Result<(String, Relay<Vendor>), Fault> {
    read(acts, Reading::same(1024, None), rules).await
}

/// The same of a vendor that is odd.
async fn mended(acts: &[Act], odd: Oddities) -> String {
    let seen = read(acts, Reading::same(1024, Some(odd)), rules()).await;
    seen.map(|(text, _)| text).unwrap()
}

async fn read(
    acts: &[Act],
    reading: Reading,
    rules: StreamRules,
) -> Result<(String, Relay<Vendor>), Fault> {
    let mut relay = Relay::new(vendor(acts), reading, rules);
    relay.hold().await?;
    let mut text = String::new();
    while let Some(run) = poll_fn(|cx| relay.poll_next(cx)).await {
        text.push_str(std::str::from_utf8(&run).unwrap());
    }
    Ok((text, relay))
}

async fn seen(acts: &[Act]) -> String {
    client_sees(acts, rules())
        .await
        .map(|(text, _)| text)
        .unwrap()
}

async fn fails_with(acts: &[Act]) -> Kind {
    client_sees(acts, rules())
        .await
        .err()
        .expect("the stream begins")
        .kind
}

fn ends_with_error(text: &str, error_type: &str) -> bool {
    let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
    last.starts_with("data: {\"error\":") && last.contains(error_type) && !text.contains("[DONE]")
}

#[tokio::test(start_paused = true)]
async fn a_good_stream_reaches_the_client_byte_for_byte() {
    let whole = [ROLE, HI, STOP, USAGE, DONE].concat();
    let (text, relay) = client_sees(
        &[Send(ROLE), Send(HI), Send(STOP), Send(USAGE), Send(DONE)],
        rules(),
    )
    .await
    .unwrap();
    assert_eq!(text, whole);
    assert_eq!(
        relay.usage(99),
        Usage {
            input: 9,
            output: 2,
            ..Usage::default()
        }
    );
    assert_eq!(relay.model(), Some("m-1"));
    assert!(relay.fault().is_none());
}

#[tokio::test(start_paused = true)]
async fn usage_that_only_the_gateway_asked_for_is_kept_from_the_client() {
    let hidden = StreamRules {
        hide_usage: true,
        ..rules()
    };
    for acts in [
        vec![Send(ROLE), Send(HI), Send(STOP), Send(USAGE), Send(DONE)],
        vec![Send(concat_all())],
    ] {
        let (text, relay) = client_sees(&acts, hidden.clone()).await.unwrap();
        assert_eq!(text, [ROLE, HI, STOP, DONE].concat());
        assert_eq!(relay.usage(0).output, 2);
    }
}

fn concat_all() -> &'static str {
    Box::leak([ROLE, HI, STOP, USAGE, DONE].concat().into_boxed_str())
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_well_without_done_gets_one() {
    assert_eq!(
        seen(&[Send(HI), Send(STOP)]).await,
        [HI, STOP, DONE].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_done_reaches_nobody() {
    assert_eq!(
        seen(&[Send(HI), Send(STOP), Send(DONE), Send(DONE), Send(HI)]).await,
        [HI, STOP, DONE].concat()
    );
    assert_eq!(
        seen(&[Send(HI), Send(STOP), Send(DONE), Hang]).await,
        [HI, STOP, DONE].concat()
    );
    assert_eq!(
        seen(&[Send(HI), Send(STOP), Send(DONE), Break]).await,
        [HI, STOP, DONE].concat()
    );
}

/// Row 27: an end without a finish reason is a failure, and said to be one.
#[tokio::test(start_paused = true)]
async fn d04_row_27_a_stream_that_is_cut_ends_with_an_error_event() {
    for acts in [
        vec![Send(HI)],
        vec![Send(HI), Break],
        vec![Send(HI), Send("data: {\"choi")],
    ] {
        let text = seen(&acts).await;
        assert!(
            text.starts_with(HI) && ends_with_error(&text, "stream_error"),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_event_ends_the_stream_in_the_gateways_own_words() {
    let text = seen(&[Send(HI), Send(ERROR), Send(HI)]).await;
    assert!(
        text.starts_with(HI) && ends_with_error(&text, "stream_error"),
        "{text}"
    );
    assert!(
        !text.contains("503"),
        "the vendor's own frame is not relayed: {text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_not_json_ends_the_stream() {
    let text = seen(&[Send(HI), Send("data: <html>\n\n"), Send(STOP)]).await;
    assert!(
        text.starts_with(HI) && ends_with_error(&text, "stream_error"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn before_the_first_content_a_failure_is_an_ordinary_error() {
    for (acts, kind) in [
        (vec![Send(ROLE), Send(ERROR)], Kind::UpstreamOverloaded),
        (
            vec![Send(
                "data: {\"error\":{\"message\":\"slow\",\"code\":429}}\n\n",
            )],
            Kind::UpstreamRateLimited,
        ),
        (
            vec![Send("event: error\ndata: {\"message\":\"x\"}\n\n")],
            Kind::UpstreamError,
        ),
        (vec![Send(ROLE)], Kind::UpstreamCut),
        (vec![Send(ROLE), Break], Kind::UpstreamCut),
        (vec![], Kind::UpstreamCut),
        (vec![Send("data: nonsense\n\n")], Kind::UpstreamInvalid),
    ] {
        assert_eq!(fails_with(&acts).await, kind);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_without_end_is_bounded() {
    let endless: &'static str = Box::leak(format!("data: {}", "x".repeat(4096)).into_boxed_str());
    assert_eq!(fails_with(&[Send(endless)]).await, Kind::UpstreamInvalid);
}

#[tokio::test(start_paused = true)]
async fn silence_brings_heartbeats_and_then_an_error() {
    let beat = std::str::from_utf8(sse::HEARTBEAT).unwrap();
    let text = seen(&[
        Send(HI),
        Wait(Duration::from_secs(40)),
        Send(STOP),
        Send(DONE),
    ])
    .await;
    assert_eq!(text, [HI, beat, beat, STOP, DONE].concat());

    let text = seen(&[Send(HI), Hang]).await;
    assert_eq!(
        text.matches(beat).count(),
        7,
        "one every 15 s for 2 min: {text}"
    );
    assert!(ends_with_error(&text, "timeout_error"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_vendor_gets_the_head_out_before_the_first_content() {
    let text = seen(&[
        Wait(Duration::from_secs(50)),
        Send(HI),
        Send(STOP),
        Send(DONE),
    ])
    .await;
    assert!(
        text.starts_with(std::str::from_utf8(sse::HEARTBEAT).unwrap()),
        "{text}"
    );
    assert!(text.ends_with(&[HI, STOP, DONE].concat()), "{text}");
}

#[tokio::test(start_paused = true)]
async fn without_heartbeats_silence_before_the_content_is_an_ordinary_error() {
    let mute = StreamRules {
        heartbeat: None,
        idle: Duration::from_secs(5),
        ..rules()
    };
    let fault = client_sees(&[Send(ROLE), Hang], mute).await.err().unwrap();
    assert_eq!(fault.kind, Kind::UpstreamSilent);
}

#[tokio::test(start_paused = true)]
async fn the_total_time_ends_a_stream_that_would_go_on() {
    let bounded = StreamRules {
        deadline: Some(Instant::now() + Duration::from_secs(3)),
        ..rules()
    };
    let (text, relay) = client_sees(&[Send(HI), Hang], bounded).await.unwrap();
    assert!(ends_with_error(&text, "timeout_error"), "{text}");
    assert_eq!(relay.fault().unwrap().kind, Kind::UpstreamSilent);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_usage_is_estimated_and_says_so() {
    let (_, relay) = client_sees(
        &[Send(HI), Send(HI), Send(HI), Send(STOP), Send(DONE)],
        rules(),
    )
    .await
    .unwrap();
    let usage = relay.usage(40);
    assert!(
        usage.estimated && usage.input == 40 && usage.output >= 3,
        "{usage:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn draining_reads_on_to_the_count() {
    let acts = [
        Send(HI),
        Wait(Duration::from_secs(1)),
        Send(STOP),
        Send(USAGE),
        Send(DONE),
    ];
    let mut relay = Relay::new(vendor(&acts), Reading::same(1024, None), rules());
    relay.hold().await.unwrap();
    relay.drain().await;
    assert_eq!(
        relay.usage(0),
        Usage {
            input: 9,
            output: 2,
            ..Usage::default()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn content_blocks_become_text_and_reasoning() {
    const BLOCKS: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"Hi\"}]},\"finish_reason\":null}]}\n\n";
    let flat = Oddities {
        rewrite: Some(wire::chat::flatten_content_blocks),
        ..Oddities::default()
    };
    let text = mended(&[Send(BLOCKS), Send(STOP), Send(DONE)], flat).await;
    assert!(
        text.contains("\"content\":\"Hi\"") && text.contains("\"reasoning_content\":\"hm\""),
        "{text}"
    );
    assert!(text.ends_with(&[STOP, DONE].concat()));
}

#[tokio::test(start_paused = true)]
async fn d23_arguments_that_are_objects_become_texts() {
    const CALL: &str = "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]},\"finish_reason\":null}]}\n\n";
    let loose = Oddities {
        rewrite: Some(wire::chat::mend_types),
        open_end: true,
        ..Oddities::default()
    };
    let text = mended(&[Send(CALL), Send(STOP), Send(DONE)], loose).await;
    assert!(text.contains(r#""arguments":"{\"x\":1}""#), "{text}");
    assert!(text.ends_with(&[STOP, DONE].concat()));
}

const FILTERED: Oddities = Oddities {
    rewrite: None,
    findings: true,
    open_end: false,
};
const PROMPT: &str = "data: {\"choices\":[],\"id\":\"\",\"model\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n";

/// What a filter found of the prompt is no content: the stream is held on, and may still fail in order.
#[tokio::test(start_paused = true)]
async fn d24_what_a_filter_finds_promises_nothing_and_starts_no_clock() {
    let acts = [
        Send(PROMPT),
        Send(ROLE),
        Wait(Duration::from_secs(2)),
        Send(ERROR),
    ];
    let failed = read(&acts, Reading::same(1024, Some(FILTERED)), rules()).await;
    assert_eq!(failed.err().unwrap().kind, Kind::UpstreamOverloaded);

    let begun = Instant::now();
    let acts = [
        Send(PROMPT),
        Wait(Duration::from_secs(2)),
        Send(ROLE),
        Wait(Duration::from_secs(1)),
        Send(HI),
        Send(STOP),
        Send(USAGE),
        Send(DONE),
    ];
    let hidden = StreamRules {
        hide_usage: true,
        ..rules()
    };
    let (text, relay) = read(&acts, Reading::same(1024, Some(FILTERED)), hidden)
        .await
        .unwrap();
    assert_eq!(relay.first_content(), Some(begun + Duration::from_secs(3)));
    assert_eq!((relay.usage(99).input, relay.usage(99).output), (9, 2));
    assert!(!text.contains("\"choices\":[]"), "{text}");
    assert!(text.ends_with(&[HI, STOP, DONE].concat()), "{text}");
    assert_eq!(text.matches("prompt_filter_results").count(), 1, "{text}");
}

/// Z8: a bound of its own for the first content is waited for in silence, and past it another target
/// may still be tried.
#[tokio::test(start_paused = true)]
async fn z8_a_stream_without_content_in_its_time_fails_before_it_is_promised() {
    let body = StreamBody::new(futures_util::stream::pending::<
        Result<Frame<Bytes>, std::convert::Infallible>,
    >());
    let mut rules = rules();
    rules.heartbeat = Some(Duration::from_secs(1));
    rules.idle = Duration::from_mins(1);
    rules.first_content = Some((
        Instant::now() + Duration::from_secs(5),
        "timeouts.first_token",
    ));
    let begun = Instant::now();
    let fault = Relay::new(body, Reading::same(1024, None), rules)
        .hold()
        .await
        .unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!(fault.kind, Kind::UpstreamSilent);
    assert!(fault.cause.unwrap().contains("timeouts.first_token"));
}
