//! Faults that change which events a stream has, and how it ends.

use crate::{
    answer::{Event, Kind, find},
    fault::{Fault, Faults},
};

/// How a stream ends once its events are out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Clean,
    Stall,
    Close,
    Reset,
}

/// Changes the events as the faults say; `error` is what the dialect sends
/// when a stream fails.
pub(crate) fn stage(mut events: Vec<Event>, faults: &Faults, error: Event) -> (Vec<Event>, Ending) {
    leave_out(&mut events, faults);
    spoil(&mut events, faults);
    fail(&mut events, faults, error);
    let ending = end(&mut events, faults);
    (events, ending)
}

fn leave_out(events: &mut Vec<Event>, faults: &Faults) {
    let end = [Kind::Finish, Kind::Usage, Kind::Done];
    events.retain(|event| match event.kind {
        Kind::Finish if faults.has(Fault::NoFinish) => false,
        Kind::Done if faults.has(Fault::NoDone) => false,
        kind => !(faults.has(Fault::Eof) && end.contains(&kind)),
    });
    let done = events.iter().rfind(|event| event.kind == Kind::Done);
    if let (true, Some(done)) = (faults.has(Fault::DoubleDone), done.cloned()) {
        events.push(done);
    }
}

fn spoil(events: &mut Vec<Event>, faults: &Faults) {
    let content = |event: &Event| event.kind == Kind::Content;
    if let (true, Some(event)) = (
        faults.has(Fault::BadUtf8),
        events.iter_mut().find(|event| content(event)),
    ) {
        break_utf8(&mut event.data);
    }
    if let (true, Some(last)) = (
        faults.has(Fault::Truncated),
        events.iter().rposition(content),
    ) {
        events.truncate(last + 1);
        let data = &mut events[last].data;
        data.truncate(data.len() / 2);
    }
    if let Some(count) = faults.count(Fault::Garbage) {
        let at = place_after(events, count);
        events.insert(at, Event::new(Kind::Stray, "<<this is not JSON>>"));
    }
}

fn fail(events: &mut Vec<Event>, faults: &Faults, error: Event) {
    let text = faults.count(Fault::ErrorTextIn200);
    if let Some(count) = text.or(faults.count(Fault::ErrorIn200)) {
        events.truncate(place_after(events, count));
        events.push(error);
    }
}

fn end(events: &mut Vec<Event>, faults: &Faults) -> Ending {
    let role_only = faults.has(Fault::RoleOnlyThenStall).then_some(0);
    let endings = [
        (faults.count(Fault::ResetEvent), Ending::Reset),
        (faults.count(Fault::CutEvent), Ending::Close),
        (role_only, Ending::Stall),
        (faults.count(Fault::StallEvent), Ending::Stall),
    ];
    for (count, ending) in endings {
        if let Some(count) = count {
            events.truncate(place_after(events, count));
            return ending;
        }
    }
    Ending::Clean
}

/// Where an event goes that is to stand after so many content events, but
/// before the finish.
fn place_after(events: &[Event], count: usize) -> usize {
    let mut seen = 0;
    let next = events.iter().position(|event| match event.kind {
        Kind::Opening | Kind::Stray => false,
        Kind::Content => {
            seen += 1;
            seen > count
        }
        Kind::Finish | Kind::Usage | Kind::Done => true,
    });
    next.unwrap_or(events.len())
}

/// Puts bytes that are not UTF-8 at the start of the first content; what is no JSON is all content.
pub(crate) fn break_utf8(json: &mut Vec<u8>) {
    const CONTENTS: [&[u8]; 3] = [b"\"content\":\"", b"\"text\":\"", b"\"output\":[\""];
    if !json.starts_with(b"{") {
        json.splice(..0, [0xff, 0xfe]);
        return;
    }
    for content in CONTENTS {
        if let Some(at) = find(json, content) {
            let start = at + content.len();
            json.splice(start..start, [0xff, 0xfe]);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(settings: &str) -> (String, Ending) {
        let events = [
            (Kind::Opening, "r"),
            (Kind::Content, "1"),
            (Kind::Content, "2"),
            (Kind::Content, "3456"),
            (Kind::Finish, "f"),
            (Kind::Usage, "u"),
            (Kind::Done, "d"),
        ];
        let events = events.map(|(kind, data)| Event::new(kind, data));
        let behaviour: crate::Behaviour = settings.parse().unwrap();
        let (events, ending) = stage(
            events.to_vec(),
            &behaviour.faults,
            Event::new(Kind::Stray, "E"),
        );
        let texts = events
            .iter()
            .map(|event| String::from_utf8_lossy(&event.data));
        (texts.collect::<Vec<_>>().join(" "), ending)
    }

    #[test]
    fn faults_change_the_events_they_name() {
        for (settings, events, ending) in [
            ("", "r 1 2 3456 f u d", Ending::Clean),
            ("eof", "r 1 2 3456", Ending::Clean),
            ("no_finish", "r 1 2 3456 u d", Ending::Clean),
            ("no_done", "r 1 2 3456 f u", Ending::Clean),
            ("double_done", "r 1 2 3456 f u d d", Ending::Clean),
            ("truncated", "r 1 2 34", Ending::Clean),
            (
                "garbage=1",
                "r 1 <<this is not JSON>> 2 3456 f u d",
                Ending::Clean,
            ),
            ("error_in_200=2", "r 1 2 E", Ending::Clean),
            ("error_text_in_200=0", "r E", Ending::Clean),
            ("error_in_200=99", "r 1 2 3456 E", Ending::Clean),
            ("cut_event=1", "r 1", Ending::Close),
            ("reset_event=0", "r", Ending::Reset),
            ("stall_event=2", "r 1 2", Ending::Stall),
            ("role_only_then_stall", "r", Ending::Stall),
        ] {
            assert_eq!(staged(settings), (events.to_owned(), ending), "{settings}");
        }
    }
}
