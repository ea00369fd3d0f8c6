//! What one input may cost: memory and time in proportion to its length.

use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;

/// Bytes of memory that a run may take besides what its input pays for.
const FREE: usize = 1 << 20;
/// Bytes of memory for each byte of input. An element of a list is two bytes and becomes a block
/// of several hundred; what is read twice to be compared is there twice.
const EACH: usize = 1 << 10;
/// Far more than any input of the sizes that are tried takes.
const LONGEST: Duration = Duration::from_secs(5);

/// Runs something and panics when it took more than its input allows.
pub(crate) fn bounded(memory: PeakAlloc, length: usize, run: impl Fn()) {
    memory.reset_peak_usage();
    let (before, started) = (memory.current_usage(), Instant::now());
    run();
    let took = memory.peak_usage().saturating_sub(before);
    let most = FREE + EACH * length;
    assert!(
        took <= most,
        "{length} bytes took {took} bytes of memory, at most {most}"
    );
    if started.elapsed() > LONGEST {
        // The machine may have had other work: only what is slow twice is slow.
        let started = Instant::now();
        run();
        let took = started.elapsed();
        assert!(
            took <= LONGEST,
            "{length} bytes took {took:?}, at most {LONGEST:?}"
        );
    }
}
