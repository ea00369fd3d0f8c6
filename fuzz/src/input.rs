//! An input: three bytes that choose, and the bytes that a decoder reads.

use bytes::Bytes;

/// The bytes that choose.
pub(crate) const HEAD: usize = 3;

/// One input, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// Which of a target's decoders reads it.
    pub(crate) kind: u8,
    /// What that decoder is told besides.
    pub(crate) knob: u8,
    /// How it is cut, or what else it is told.
    pub(crate) cut: u8,
    /// What it reads.
    pub(crate) data: &'a [u8],
}

impl<'a> Input<'a> {
    /// None when there is nothing to choose by.
    pub(crate) fn of(bytes: &'a [u8], kinds: u8) -> Option<Input<'a>> {
        let ([kind, knob, cut], data) = bytes.split_first_chunk::<HEAD>()?;
        Some(Input {
            kind: kind % kinds,
            knob: *knob,
            cut: *cut,
            data,
        })
    }

    /// The data in one piece.
    pub(crate) fn whole(&self) -> Vec<Bytes> {
        vec![Bytes::copy_from_slice(self.data)]
    }

    /// The data in pieces: of one length, or of lengths that follow from the cut.
    pub(crate) fn pieces(&self) -> Vec<Bytes> {
        let mut state = u32::from(self.cut);
        let mut rest = self.data;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let length = if self.cut < 16 {
                usize::from(self.cut) + 1
            } else {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                usize::try_from(state >> 16).unwrap_or(0) % usize::from(self.cut)
            };
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            pieces.push(Bytes::copy_from_slice(piece));
            rest = behind;
        }
        pieces
    }

    /// The data as text, or nothing.
    pub(crate) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.data).ok()
    }
}
