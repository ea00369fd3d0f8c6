//! A whole answer: read for what the receipt wants to know, or translated.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use std::time::SystemTime;

use providers::native::Session;
use telemetry::Redactor;
use wire::chat::{self, Rewrite};
use wire::fault::{Fault, Kind};

use super::headers::{coding_of, media_of, media_type, relayed};
use super::{Attempt, Seen, estimate};
use crate::reply::{Content, Reply};
use crate::tongue::Tongue;
use crate::vendor;

impl Attempt<'_> {
    /// What it says, in the client's dialect.
    pub(super) fn read_whole(
        &self,
        head: &Parts,
        body: Bytes,
        tongue: &Tongue,
        prompt: u64,
        seen: &mut Seen,
    ) -> Result<Reply, Fault> {
        if let Tongue::Other(session) = tongue {
            return self.translate(head, &body, session, prompt, seen);
        }
        let mut headers = relayed(&head.headers, &self.call.snapshot.redactor);
        let (mut body, mut answered) = (body, None);
        let usage = if let Some(coding) = coding_of(&head.headers) {
            // Asked for in the clear and sent otherwise: it passes, but cannot be read.
            headers.insert(CONTENT_ENCODING, coding.clone());
            estimate(prompt, body.len())
        } else {
            let read = read_answer(head, &body, &self.call.snapshot.redactor)?;
            if let Some(rewrite) = self.candidate.target.provider.rewrite() {
                body = rewritten(body, rewrite);
            }
            answered = read.model;
            read.usage.unwrap_or_else(|| estimate(prompt, body.len()))
        };
        headers.insert(CONTENT_TYPE, media_type(&head.headers, "application/json"));
        seen.usage = Some(usage);
        seen.answered = answered.map(String::into_boxed_str);
        Ok(Reply {
            status: head.status,
            headers,
            body: Content::Whole(body),
        })
    }

    /// A whole answer from another dialect.
    fn translate(
        &self,
        head: &Parts,
        body: &[u8],
        session: &Session,
        prompt: u64,
        seen: &mut Seen,
    ) -> Result<Reply, Fault> {
        if let Some(coding) = coding_of(&head.headers) {
            let coding = String::from_utf8_lossy(coding.as_bytes()).into_owned();
            return Err(Fault::new(Kind::UpstreamInvalid).because(format!(
                "the answer is encoded as {coding}, which was not asked for"
            )));
        }
        let whole = session.whole(body, &self.face(session, &head.headers))?;
        let mut headers = relayed(&head.headers, &self.call.snapshot.redactor);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        seen.usage = Some(
            whole
                .usage
                .unwrap_or_else(|| estimate(prompt, whole.body.len())),
        );
        seen.answered = whole.model.map(String::into_boxed_str);
        Ok(Reply {
            status: head.status,
            headers,
            body: Content::Whole(whole.body),
        })
    }
}

/// What a whole answer says of itself; an answer that is none, or an error under a good status, is a fault.
fn read_answer(head: &Parts, body: &[u8], redactor: &Redactor) -> Result<chat::Answer, Fault> {
    let read = chat::read_answer(body).map_err(|error| {
        let media = media_of(&head.headers);
        Fault::new(Kind::UpstreamInvalid).because(format!(
            "the answer ({media}) is not a JSON object: {error}"
        ))
    })?;
    if let Some(error) = &read.error {
        return Err(vendor::fault_of_error(
            error,
            vendor::retry_after(&head.headers, SystemTime::now()),
            redactor,
        ));
    }
    if read.choices == 0 && read.usage.is_none() {
        return Err(Fault::new(Kind::UpstreamInvalid).because("the answer holds no choices"));
    }
    Ok(read)
}

fn rewritten(body: Bytes, rewrite: Rewrite) -> Bytes {
    match std::str::from_utf8(&body).ok().and_then(rewrite) {
        Some(flat) => flat.into(),
        None => body,
    }
}
