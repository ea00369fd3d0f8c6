use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn frames(pieces: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::new(PAYLOAD_MAX);
    let mut found = Vec::new();
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece), |frame| {
            found.push(frame);
            Ok::<_, FrameError>(())
        })?;
    }
    Ok(found)
}

fn one(headers: &[(&str, Value<'_>)], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out, headers, payload).unwrap();
    out
}

/// Every type of value, and two frames without headers or payload.
fn stream() -> Vec<u8> {
    let mut all = one(
        &[
            (":event-type", Value::Text("chunk")),
            ("yes", Value::Bool(true)),
            ("no", Value::Bool(false)),
            ("byte", Value::Byte(-1)),
            ("short", Value::Short(-2)),
            ("int", Value::Int(3)),
            ("long", Value::Long(i64::MIN)),
            ("bytes", Value::Bytes(&[0, 255])),
            ("when", Value::Timestamp(1_700_000_000_000)),
            ("id", Value::Uuid([7; 16])),
        ],
        br#"{"a":1}"#,
    );
    all.extend(one(&[], b""));
    all.extend(one(&[("x", Value::Text("é"))], b""));
    all
}

/// The frame without headers and payload that the format's description gives.
#[test]
fn the_published_empty_frame_is_read_and_written() {
    let published = [
        0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
    ];
    assert_eq!(one(&[], b""), published);
    assert_eq!(frames(&[&published]).unwrap().len(), 1);
}

#[test]
fn values_of_every_type_come_back() {
    let found = frames(&[&stream()]).unwrap();
    let headers: Vec<_> = found[0].headers().collect();
    assert_eq!(headers.len(), 10);
    assert_eq!(headers[3], ("byte", Value::Byte(-1)));
    assert_eq!(headers[6], ("long", Value::Long(i64::MIN)));
    assert_eq!(headers[9], ("id", Value::Uuid([7; 16])));
    assert_eq!(found[0].text(":event-type"), Some("chunk"));
    assert_eq!(found[0].text("byte"), None);
    assert_eq!(&found[0].payload()[..], br#"{"a":1}"#);
    assert_eq!(found[2].text("x"), Some("é"));
}

#[test]
fn a03_frames_are_the_same_however_they_are_cut() {
    let stream = stream();
    let whole = frames(&[&stream]).unwrap();
    for at in 0..=stream.len() {
        let (before, after) = stream.split_at(at);
        assert_eq!(frames(&[before, after]).unwrap(), whole, "cut at {at}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(frames(&bytes).unwrap(), whole);
}

#[test]
fn a03_every_bit_that_flips_is_noticed() {
    let frame = one(&[(":event-type", Value::Text("chunk"))], b"{}");
    for bit in 0..frame.len() * 8 {
        let mut broken = frame.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        assert!(frames(&[&broken]).is_err(), "bit {bit}");
    }
}

#[test]
fn a03_lengths_beyond_the_bounds_are_refused_before_anything_is_kept() {
    let prelude = |total: u32, headers: u32| {
        let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        out.extend(crc::crc32(&out).to_be_bytes());
        out
    };
    for (total, headers) in [
        (u32::MAX, 0),
        (16 * 1024 * 1024 + 17, 0),
        (300_000, 128 * 1024 + 1),
        (15, 0),
        (16, 1),
        (0, u32::MAX),
    ] {
        let error = frames(&[&prelude(total, headers)]).unwrap_err();
        assert!(
            matches!(error, FrameError::Length { .. }),
            "{total} {headers}: {error}"
        );
    }
    // The largest that is allowed is waited for.
    assert_eq!(
        frames(&[&prelude(16 * 1024 * 1024 + 16, 0)]),
        Ok(Vec::new())
    );
}

#[test]
fn headers_that_are_not_well_formed_are_refused() {
    for headers in [
        &b"\x00"[..],
        b"\x02ab",
        b"\x01a\x0a",
        b"\x01a\x07\x00\x05ab",
        b"\x01a\x07\x00\x01\xff",
        b"\x01a\x09\x00",
        b"\x01\xff\x00",
    ] {
        let mut frame = Vec::new();
        frame.extend(u32::try_from(16 + headers.len()).unwrap().to_be_bytes());
        frame.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        frame.extend(crc::crc32(&frame).to_be_bytes());
        frame.extend(headers);
        frame.extend(crc::crc32(&frame).to_be_bytes());
        assert_eq!(frames(&[&frame]), Err(FrameError::Headers), "{headers:?}");
    }
}

#[test]
fn what_no_frame_can_hold_is_not_written() {
    let long = "x".repeat(70_000);
    let mut out = vec![1];
    assert!(encode(&mut out, &[(&long, Value::Bool(true))], b"").is_none());
    assert!(encode(&mut out, &[("a", Value::Text(&long))], b"").is_none());
    assert!(encode(&mut out, &[("", Value::Bool(true))], b"").is_none());
    assert!(encode(&mut out, &[], &vec![0; PAYLOAD_MAX + 1]).is_none());
    assert_eq!(out, [1]);
}

proptest! {
    #[test]
    fn any_cuts_give_the_same_frames(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..5),
        cuts in proptest::collection::vec(0..400_usize, 0..6),
    ) {
        let stream: Vec<u8> = payloads
            .iter()
            .flat_map(|payload| one(&[(":event-type", Value::Text("x"))], payload))
            .collect();
        let mut places: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let pieces: Vec<_> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let found = frames(&pieces).unwrap();
        let found: Vec<_> = found.iter().map(|frame| frame.payload().to_vec()).collect();
        prop_assert_eq!(found, payloads);
    }

    #[test]
    fn bytes_of_any_kind_are_an_error_or_wait(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut decoder = Decoder::new(1024);
        let _ = decoder.push(bytes.into(), |_| Ok::<_, FrameError>(()));
        prop_assert!(decoder.carry_len() <= 1024 + HEADERS_MAX + AROUND);
    }

    #[test]
    fn a_frame_of_any_headers_is_an_error_or_one_that_can_be_walked(
        headers in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut frame = Vec::new();
        frame.extend(u32::try_from(16 + headers.len()).unwrap().to_be_bytes());
        frame.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        frame.extend(crc::crc32(&frame).to_be_bytes());
        frame.extend(&headers);
        frame.extend(crc::crc32(&frame).to_be_bytes());
        if let Ok(found) = frames(&[&frame]) {
            let walked: usize = found.iter().map(|frame| frame.headers().count()).sum();
            prop_assert!(walked <= headers.len());
        }
    }
}
