//! Randomness as an argument. The system source lives in `server`; tests hand in [`Counting`].

use std::sync::atomic::{AtomicU64, Ordering};

/// Fills buffers with bytes that nobody can guess.
pub trait Random: Send + Sync + 'static {
    /// Overwrites the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// A sequence that is the same in every run; for tests only.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            // SplitMix64's finaliser: spreads the counter over all bits so that ids differ visibly.
            let mut word = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
