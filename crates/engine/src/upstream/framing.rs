//! Where the body of an answer ends, and its bytes without what carries them.

use bytes::BytesMut;

use super::Broken;

/// Bytes of chunk extensions in one body at most. Nobody sends any that mean something to us.
const EXTENSIONS_MAX: usize = 16 * 1024;
/// Bytes of trailers at most; they are passed over.
const TRAILERS_MAX: usize = 16 * 1024;
/// Of a chunk's size: 64 bits.
const DIGITS_MAX: u8 = 16;

/// How the end of a body is known.
#[derive(Debug)]
pub(super) enum Framing {
    /// After so many more bytes.
    Length(u64),
    /// By a last chunk of no length.
    Chunked(Chunks),
    /// When the vendor closes.
    Close,
    /// It has been reached.
    Over,
}

impl Framing {
    /// Adds what `input` holds of the body to `out`; how many bytes of it belong to the answer.
    pub(super) fn decode(&mut self, input: &[u8], out: &mut BytesMut) -> Result<usize, Broken> {
        let taken = match self {
            Framing::Over => 0,
            Framing::Close => {
                out.extend_from_slice(input);
                input.len()
            }
            Framing::Length(left) => pass(left, input, out),
            Framing::Chunked(chunks) => chunks.decode(input, out)?,
        };
        let over = match self {
            Framing::Length(left) => *left == 0,
            Framing::Chunked(chunks) => chunks.step == Step::Over,
            Framing::Close | Framing::Over => false,
        };
        if over {
            *self = Framing::Over;
        }
        Ok(taken)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Framing::Over)
    }

    /// The vendor has closed: the end of a body that is known by that, a loss for any other.
    pub(super) fn close(&mut self) -> Result<(), Broken> {
        match self {
            Framing::Close | Framing::Over => {
                *self = Framing::Over;
                Ok(())
            }
            Framing::Length(left) => Err(Broken::Cut(format!(
                "connection closed {left} bytes before the end of the body"
            ))),
            Framing::Chunked(_) => Err(Broken::Cut(
                "connection closed before the last chunk of the body".into(),
            )),
        }
    }
}

/// Copies up to `left` bytes and counts them off.
fn pass(left: &mut u64, input: &[u8], out: &mut BytesMut) -> usize {
    let most = usize::try_from(*left).unwrap_or(usize::MAX);
    let taken = most.min(input.len());
    out.extend_from_slice(&input[..taken]);
    *left -= taken as u64;
    taken
}

/// What comes next in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The first digit of a size.
    Size,
    /// Another digit, or what ends the size.
    Digits,
    /// White space behind a size.
    Blank,
    /// The rest of the line, which nobody reads.
    Extension,
    /// The line feed of the size's line.
    SizeEnd,
    /// The chunk itself.
    Data,
    /// The line end behind the chunk.
    DataReturn,
    DataEnd,
    /// The first byte of a trailer, or of the blank line.
    Line,
    /// The rest of a trailer.
    Trailer,
    TrailerEnd,
    /// The line feed of the blank line.
    LastEnd,
    /// Nothing.
    Over,
}

/// A chunked body, wherever it is interrupted.
#[derive(Debug)]
pub(super) struct Chunks {
    step: Step,
    /// Of the chunk at hand.
    left: u64,
    /// Of its size.
    digits: u8,
    extensions: usize,
    trailers: usize,
}

impl Chunks {
    pub(super) fn new() -> Chunks {
        Chunks {
            step: Step::Size,
            left: 0,
            digits: 0,
            extensions: 0,
            trailers: 0,
        }
    }

    fn decode(&mut self, input: &[u8], out: &mut BytesMut) -> Result<usize, Broken> {
        let mut at = 0;
        while self.step != Step::Over
            && let Some(byte) = input.get(at)
        {
            if self.step == Step::Data {
                at += pass(&mut self.left, &input[at..], out);
                if self.left == 0 {
                    self.step = Step::DataReturn;
                }
            } else {
                self.step = self.read(*byte)?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Reads one byte of what stands around chunks; a bare line feed ends no line here, because
    /// somebody on the way may see it otherwise.
    fn read(&mut self, byte: u8) -> Result<Step, Broken> {
        let next = match (self.step, byte) {
            (Step::Size | Step::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                return self.digit(byte);
            }
            (Step::Digits | Step::Blank | Step::Extension, b'\r') => Step::SizeEnd,
            (Step::Digits | Step::Blank, b' ' | b'\t') => Step::Blank,
            (Step::Digits | Step::Blank, b';') => Step::Extension,
            (Step::Extension, other) if other != b'\n' => {
                within(&mut self.extensions, EXTENSIONS_MAX, "chunk extensions")?;
                Step::Extension
            }
            (Step::SizeEnd, b'\n') if self.left == 0 => Step::Line,
            (Step::SizeEnd, b'\n') => Step::Data,
            (Step::DataReturn, b'\r') => Step::DataEnd,
            (Step::DataEnd, b'\n') => {
                self.digits = 0;
                Step::Size
            }
            (Step::Line, b'\r') => Step::LastEnd,
            (Step::Trailer, b'\r') => Step::TrailerEnd,
            (Step::TrailerEnd, b'\n') => Step::Line,
            (Step::Line | Step::Trailer, other) if other != b'\n' => {
                within(&mut self.trailers, TRAILERS_MAX, "trailers")?;
                Step::Trailer
            }
            (Step::LastEnd, b'\n') => Step::Over,
            _ => {
                return Err(Broken::malformed(format!(
                    "byte {byte:#04x} in the frame of a chunk"
                )));
            }
        };
        if matches!(next, Step::Blank) {
            within(&mut self.extensions, EXTENSIONS_MAX, "chunk extensions")?;
        }
        Ok(next)
    }

    fn digit(&mut self, byte: u8) -> Result<Step, Broken> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        if self.digits == DIGITS_MAX {
            return Err(Broken::malformed("a chunk's size has more than 64 bits"));
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(Step::Digits)
    }
}

fn within(count: &mut usize, limit: usize, what: &str) -> Result<(), Broken> {
    *count += 1;
    if *count > limit {
        return Err(Broken::malformed(format!(
            "more than {limit} bytes of {what}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body, how many bytes belonged to it, and whether it is over.
    fn read(framing: &mut Framing, pieces: &[&[u8]]) -> Result<(String, usize, bool), Broken> {
        let (mut out, mut taken) = (BytesMut::new(), 0);
        for piece in pieces {
            taken += framing.decode(piece, &mut out)?;
        }
        let text = String::from_utf8_lossy(&out).into_owned();
        Ok((text, taken, framing.is_over()))
    }

    fn chunked(text: &str) -> Result<(String, usize, bool), Broken> {
        read(&mut Framing::Chunked(Chunks::new()), &[text.as_bytes()])
    }

    #[test]
    fn chunks_are_put_together() {
        for (text, body) in [
            ("0\r\n\r\n", ""),
            ("3\r\nabc\r\n0\r\n\r\n", "abc"),
            ("003\r\nabc\r\n00\r\n\r\n", "abc"),
            (
                "3\r\nabc\r\na\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
                "abc01234567890123456789",
            ),
            ("3;name=value\r\nabc\r\n0;last\r\n\r\n", "abc"),
            ("3 \t;x\r\nabc\r\n0 \r\n\r\n", "abc"),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
            ("1\r\nx\r\n0\r\nx-trailer: 1\r\nother: 2\r\n\r\n", "x"),
        ] {
            let read = chunked(text).unwrap();
            assert_eq!(read, (body.to_owned(), text.len(), true), "{text:?}");
        }
    }

    #[test]
    fn what_follows_the_last_chunk_is_not_part_of_the_answer() {
        let (body, taken, over) = chunked("1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n").unwrap();
        assert_eq!((body.as_str(), taken, over), ("x", 11, true));
    }

    #[test]
    fn a_frame_that_two_readers_could_read_differently_is_refused() {
        for text in [
            "\r\n",
            ";x\r\n",
            " 3\r\nabc",
            "x\r\n",
            "-1\r\n",
            "0x3\r\n",
            "3\nabc\r\n",
            "3\r\rabc",
            "3;x\nabc\r\n",
            "3 3\r\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabc\r\r",
            "0\r\n\n",
            "0\r\nx: y\n\r\n",
            "0\r\n\rx",
            "10000000000000000\r\n",
            "fffffffffffffffff\r\n",
            "00000000000000000\r\n",
        ] {
            assert!(chunked(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_reads_has_a_bound() {
        for (before, filling) in [
            ("1;", "x"),
            ("1", " "),
            ("0\r\n", "x"),
            ("0\r\n", "x: y\r\n"),
        ] {
            let text = format!("{before}{}", filling.repeat(EXTENSIONS_MAX + 1));
            assert!(chunked(&text).is_err(), "{before:?} {filling:?}");
        }
    }

    #[test]
    fn a_length_ends_where_it_says() {
        let mut framing = Framing::Length(4);
        let read = read(&mut framing, &[b"ab", b"", b"cdef"]).unwrap();
        assert_eq!(read, ("abcd".into(), 4, true));
    }

    #[test]
    fn only_a_body_without_another_end_may_end_by_closing() {
        for (mut framing, ends) in [
            (Framing::Close, true),
            (Framing::Over, true),
            (Framing::Length(1), false),
            (Framing::Chunked(Chunks::new()), false),
        ] {
            assert_eq!(framing.close().is_ok(), ends, "{framing:?}");
        }
    }

    proptest! {
        #[test]
        fn wherever_it_is_cut_a_body_reads_the_same(
            chunks in prop::collection::vec("[a-z\r\n]{1,40}", 0..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let framed = chunks.iter().map(|chunk| format!("{:x};e\r\n{chunk}\r\n", chunk.len()));
            let mut text: String = framed.collect();
            text += "0\r\nt: r\r\n\r\n";
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<_> = places.windows(2).map(|p| &text.as_bytes()[p[0]..p[1]]).collect();
            let mut framing = Framing::Chunked(Chunks::new());
            let found = read(&mut framing, &pieces).unwrap();
            prop_assert_eq!(found, (chunks.concat(), text.len(), true));
        }

        #[test]
        fn no_bytes_make_it_panic_or_take_more_than_there_is(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut framing, mut out) = (Framing::Chunked(Chunks::new()), BytesMut::new());
            if let Ok(taken) = framing.decode(&bytes, &mut out) {
                prop_assert!(taken <= bytes.len() && out.len() <= taken);
                prop_assert!(taken == bytes.len() || framing.is_over());
            }
        }
    }
}
