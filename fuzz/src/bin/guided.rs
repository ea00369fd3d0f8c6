//! libFuzzer's program for every target: it has the `main`, and changes what covered new code.
//!
//! The target is named by `FUZZ_TARGET`; the arguments are libFuzzer's own. `cargo xtask fuzz`
//! builds it with the instrumentation that it needs and runs it.
#![no_main]

use std::sync::LazyLock;

use ferrogw_fuzz::Target;

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = Target::named(&wanted);
    assert!(
        found.is_some(),
        "FUZZ_TARGET is `{wanted}`, which is no target"
    );
    found.unwrap_or(&ferrogw_fuzz::TARGETS[0])
});

libfuzzer_sys::fuzz_target!(
    init: {
        LazyLock::force(&TARGET);
    },
    |data: &[u8]| {
        TARGET.run(data);
    }
);
