//! Streams of JSON lines, cut into lines.
//!
//! A line ends with a line feed; a carriage return before it belongs to the end. Blank lines are
//! none. Nothing here looks into a line.

use bytes::Bytes;
use memchr::{memchr, memrchr};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A line is longer than the stream's bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the stream is longer than the limit of {limit} bytes")]
pub struct LineTooLong {
    /// The bound.
    pub limit: usize,
}

/// Cuts a byte stream into lines and gives back whole runs of them.
#[derive(Debug)]
pub struct Framer {
    max_line: usize,
    /// The beginning of a line whose end has not come yet.
    carry: Vec<u8>,
    begun: bool,
}

impl Framer {
    /// A stream of which nothing has come; `max_line` bounds one line, its end not included.
    pub fn new(max_line: usize) -> Framer {
        Framer {
            max_line,
            carry: Vec::new(),
            begun: false,
        }
    }

    /// Takes what was read; returns the run of complete lines that is now available (a slice of
    /// `chunk` when nothing was carried over). May be empty.
    ///
    /// After an error the stream is lost.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<Bytes, LineTooLong> {
        let run = match memrchr(b'\n', &chunk) {
            None => {
                self.carry.extend_from_slice(&chunk);
                Bytes::new()
            }
            Some(at) => {
                let run = chunk.split_to(at + 1);
                let before = std::mem::replace(&mut self.carry, chunk.to_vec());
                if before.is_empty() {
                    run
                } else {
                    [&before[..], &run[..]].concat().into()
                }
            }
        };
        let limit = self.max_line;
        let too_long = self.carry.len() > limit
            || run.len() > limit && lines(&run).any(|line| line.len() > limit);
        if too_long {
            return Err(LineTooLong { limit });
        }
        Ok(self.without_bom(run))
    }

    /// The last line of a peer that closed without ending it, if any.
    pub fn finish(&mut self) -> Option<Bytes> {
        let last = std::mem::take(&mut self.carry);
        let last = self.without_bom(last.into());
        let any = lines(&last).next().is_some();
        any.then_some(last)
    }

    fn without_bom(&mut self, run: Bytes) -> Bytes {
        let first = !self.begun && !run.is_empty();
        self.begun |= first;
        if first && run.starts_with(BOM) {
            run.slice(BOM.len()..)
        } else {
            run
        }
    }
}

/// The lines of a run that are not blank, without their ends.
pub fn lines(run: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = run;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default().trim_ascii();
            rest = rest.get(end + 1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]], limit: usize) -> Result<Vec<Vec<u8>>, LineTooLong> {
        let mut framer = Framer::new(limit);
        let mut found = Vec::new();
        for piece in pieces {
            let run = framer.push(Bytes::copy_from_slice(piece))?;
            found.extend(lines(&run).map(<[u8]>::to_vec));
        }
        let last = framer.finish();
        found.extend(lines(&last.unwrap_or_default()).map(<[u8]>::to_vec));
        Ok(found)
    }

    #[test]
    fn lines_are_found_whatever_ends_them() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n \n{\"b\":2}\n{\"c\":3}";
        let expected = [&b"{\"a\":1}"[..], b"{\"b\":2}", b"{\"c\":3}"].map(<[u8]>::to_vec);
        assert_eq!(read(&[text], 100).unwrap(), expected);
    }

    #[test]
    fn a_line_has_a_bound_whether_it_ends_or_not() {
        for pieces in [
            &[&b"123456789\n"[..]][..],
            &[b"12345", b"6789"],
            &[b"123456789"],
        ] {
            assert_eq!(read(pieces, 8), Err(LineTooLong { limit: 8 }), "{pieces:?}");
        }
        assert_eq!(read(&[b"12345678\n12345678\n"], 8).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn a02_lines_are_the_same_however_bytes_are_cut(
            text in "([ab\r]{0,4}\n?){0,9}",
            cuts in proptest::collection::vec(0_usize..40, 0..6),
        ) {
            let whole = read(&[text.as_bytes()], 1000).unwrap();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&pieces, 1000).unwrap(), whole);
        }
    }
}
