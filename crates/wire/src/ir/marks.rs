//! Cache marks, as many as a vendor takes.

use super::block::{Block, CacheMark};
use super::request::Request;

/// Keeps the last marks of a request: they cover what stands before them. Whether any were too many.
pub(crate) fn keep_last_marks<'a>(
    request: &mut Request<'a>,
    system: &mut [Block<'a>],
    most: usize,
) -> bool {
    let tools = request.tools.iter_mut().map(|tool| &mut tool.cache);
    let blocks = system
        .iter_mut()
        .chain(request.turns.iter_mut().flat_map(|turn| &mut turn.blocks));
    let whole = std::iter::once(&mut request.cache);
    let marks: Vec<&mut Option<CacheMark>> = tools
        .chain(blocks.flat_map(slots))
        .chain(whole)
        .filter(|mark| mark.is_some())
        .collect();
    let extra = marks.len().saturating_sub(most);
    marks.into_iter().take(extra).for_each(|mark| *mark = None);
    extra > 0
}

/// The places for marks of a block: those of a result's parts stand before its own.
fn slots<'b>(block: &'b mut Block<'_>) -> Vec<&'b mut Option<CacheMark>> {
    match block {
        Block::ToolResult(result) => {
            let parts = result.parts.iter_mut().filter_map(Block::cache_mut);
            parts.chain([&mut result.cache]).collect()
        }
        block => block.cache_mut().into_iter().collect(),
    }
}
