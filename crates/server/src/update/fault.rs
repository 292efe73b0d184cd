//! Where the tests kill a run: everywhere between two steps that a kill could come between. Points have no names; a test
//! kills at the first, the second and so on, until a run comes through, so that it cannot forget one.
//!
//! In a release build there is nothing of this.

/// Dies here, at once and without a word, where `ASSAY_FAULT_POINT` says so: the points of a run count from 1.
#[cfg(debug_assertions)]
pub(super) fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[expect(clippy::disallowed_methods, reason = "a test says where it kills; no build for people reads this")]
    static WANTED: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("ASSAY_FAULT_POINT").ok().and_then(|number| number.parse().ok()));
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if *WANTED == Some(number) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) fn point() {}
