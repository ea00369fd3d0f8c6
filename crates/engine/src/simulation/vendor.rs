//! Vendors that do as their scripts say.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::watch::{End, Watch};
use super::{CALL, script::Mood};
use crate::upstream::memory::{self, Said};

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const REFUSAL: &str = r#"{"error":{"message":"not now","type":"server_error"}}"#;
/// Longer than anybody waits.
const NEVER: Duration = Duration::from_hours(1);

/// From now on connections of this thread lead to these vendors; a host's name is its target's.
pub(super) fn install(watch: &Arc<Mutex<Watch>>) {
    let watch = watch.clone();
    memory::install(move |host| {
        let target = usize::from(host.as_bytes().first().copied().unwrap_or_default() - b'a');
        let mut seen = watch.lock().unwrap();
        if seen.mood(target) == Mood::Gone {
            let call = CALL.with(|call| *call);
            seen.arrives(target, call);
            seen.leaves(target, call, End::Failed);
            return Err("connection refused".into());
        }
        let watch = watch.clone();
        Ok(Box::new(move || hear(&watch, target)))
    });
}

fn hear(watch: &Arc<Mutex<Watch>>, target: usize) -> Said {
    let call = CALL.with(|call| *call);
    let mut seen = watch.lock().unwrap();
    seen.arrives(target, call);
    let (took, luck) = (seen.usual_time(target), seen.chance());
    let (after, answer, end) = match seen.mood(target) {
        Mood::Slow(times) => (took.mul_f64(times), answer(200, None), End::Well),
        Mood::Failing(share) if luck <= share => (took / 10, answer(503, None), End::Failed),
        Mood::Limiting(share, hint) if luck <= share => {
            seen.asks_for_fewer(target, call, hint);
            (Duration::ZERO, answer(429, hint), End::Neutral)
        }
        Mood::Well | Mood::Failing(_) | Mood::Limiting(..) => (took, answer(200, None), End::Well),
        Mood::Silent => (NEVER, Vec::new(), End::Failed),
        // A connection that was open before leads nowhere any more.
        Mood::Cutting | Mood::Gone => (took / 10, Vec::new(), End::Failed),
    };
    let watch = watch.clone();
    Said {
        after,
        answer,
        end: Box::new(move |read| {
            let end = if read || end == End::Failed {
                end
            } else {
                End::Neutral
            };
            watch.lock().unwrap().leaves(target, call, end);
        }),
    }
}

fn answer(status: u16, hint: Option<u64>) -> Vec<u8> {
    let body = if status == 200 { ANSWER } else { REFUSAL };
    let hint = hint.map_or_else(String::new, |hint| format!("retry-after: {hint}\r\n"));
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{hint}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
