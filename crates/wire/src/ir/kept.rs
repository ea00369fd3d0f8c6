//! What readers keep of a stream until a block is whole, within a bound.

use super::event::Break;

/// Bytes of one block.
const KEPT_MAX: usize = 16 * 1024 * 1024;

/// Keeps more of a block.
pub(crate) fn keep(kept: &mut String, more: &str) -> Result<(), Break> {
    check_kept(kept.len() + more.len())?;
    kept.push_str(more);
    Ok(())
}

/// An error when so much may not be kept.
pub(crate) fn check_kept(bytes: usize) -> Result<(), Break> {
    if bytes > KEPT_MAX {
        let what = format!("a block is larger than the limit of {KEPT_MAX} bytes");
        return Err(Break::Malformed(what));
    }
    Ok(())
}
