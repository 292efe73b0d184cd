//! TLSH, Trend Micro's locality sensitive hash: J. Oliver, C. Cheng, Y. Chen, "TLSH - a locality sensitive
//! hash" (CTC 2013), in its usual form of 128 buckets and one byte of checksum. In go bytes, out comes
//! `T1` and 70 hex digits, equal to the reference, or nothing where the reference gives none: fewer than 50
//! bytes, or too uniform.
//!
//! How it is made fast: for each byte, six triplets of the last five bytes are each mapped to one of 256
//! buckets through Pearson's permutation. The first two of its steps depend on two bytes only, so they come
//! from one joint table; the last step is a permutation, so the counting is done before it and the buckets
//! are renamed at the end; and every triplet counts in a histogram of its own, so that equal neighbours do
//! not wait for each other's store.

mod tables;

use tables::{LENGTHS, PEARSON};

const SHORTEST: usize = 50;
const BUCKETS: usize = 128;
/// Pearson's table at the salts 2, 3, 5, 7, 11 and 13, in the order of the triplets.
const SALTS: [u8; 6] = [49, 12, 84, 178, 166, 230];
/// Pearson's table at the salt 0, for the checksum.
const CHECKSUM_SALT: u8 = 1;

/// `JOINT[second][salted first]`: two steps of Pearson's hash at once.
static JOINT: [[u8; 256]; 256] = joint();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "runs at compile time, over constants")]
const fn joint() -> [[u8; 256]; 256] {
    let mut table = [[0; 256]; 256];
    let mut second = 0;
    while second < 256 {
        let mut first = 0;
        while first < 256 {
            table[second][first] = PEARSON[PEARSON[first] as usize ^ second];
            first += 1;
        }
        second += 1;
    }
    table
}

/// The TLSH of `bytes`, with its `T1`.
pub(crate) fn hash(bytes: &[u8]) -> Option<String> {
    if bytes.len() < SHORTEST {
        return None;
    }
    let (checksum, buckets) = count(bytes);
    let mut sorted = buckets;
    sorted.sort_unstable();
    let [q1, q2, q3] = [31, 63, 95].map(|place| sorted.get(place).copied().unwrap_or_default());
    let filled = buckets.iter().filter(|&&count| count > 0).count();
    if q3 == 0 || filled <= BUCKETS / 2 {
        return None;
    }
    let mut text = String::with_capacity(72);
    text.push_str("T1");
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let ratios = (ratio(q1, q3) << 4) | ratio(q2, q3);
    let head = [checksum.rotate_left(4), length_value(length).rotate_left(4), ratios];
    let code = buckets.rchunks_exact(4).map(|four| {
        four.iter().rev().fold(0, |code, &count| {
            code << 2 | u8::from(count > q1).wrapping_add(u8::from(count > q2)).wrapping_add(u8::from(count > q3))
        })
    });
    for byte in head.into_iter().chain(code) {
        text.push_str(&format!("{byte:02X}"));
    }
    Some(text)
}

/// The checksum byte and how often each of the first 128 buckets was met.
#[expect(clippy::indexing_slicing, reason = "every index is a byte, every table has 256 entries")]
fn count(bytes: &[u8]) -> (u8, [u32; BUCKETS]) {
    let mut counts = [[0_u32; 256]; 6];
    let mut checksum = 0_u8;
    let [mut b4, mut b3, mut b2, mut b1] = [0_u8; 4];
    let (first, rest) = bytes.split_at(bytes.len().min(4));
    for &byte in first {
        [b4, b3, b2, b1] = [b3, b2, b1, byte];
    }
    for &b0 in rest {
        let [near, middle, far] = [b1, b2, b3].map(|byte| &JOINT[usize::from(byte)]);
        checksum = PEARSON[usize::from(near[usize::from(b0 ^ CHECKSUM_SALT)] ^ checksum)];
        let triplets = [
            near[usize::from(b0 ^ SALTS[0])] ^ b2,
            near[usize::from(b0 ^ SALTS[1])] ^ b3,
            near[usize::from(b0 ^ SALTS[2])] ^ b4,
            middle[usize::from(b0 ^ SALTS[3])] ^ b3,
            middle[usize::from(b0 ^ SALTS[4])] ^ b4,
            far[usize::from(b0 ^ SALTS[5])] ^ b4,
        ];
        for (counts, triplet) in counts.iter_mut().zip(triplets) {
            let count = &mut counts[usize::from(triplet)];
            *count = count.wrapping_add(1);
        }
        [b4, b3, b2, b1] = [b3, b2, b1, b0];
    }
    let mut buckets = [0_u32; BUCKETS];
    for (place, &name) in PEARSON.iter().enumerate() {
        if let Some(bucket) = buckets.get_mut(usize::from(name)) {
            *bucket = counts.iter().fold(0, |sum, counts| sum.wrapping_add(counts[place]));
        }
    }
    (checksum, buckets)
}

/// A quartile as per cent of the third, modulo 16, in the reference's single precision.
#[expect(clippy::cast_precision_loss, reason = "the reference computes in 32-bit floats")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "non-negative, and below 16 after the remainder")]
fn ratio(quartile: u32, third: u32) -> u8 {
    let per_cent = quartile.wrapping_mul(100) as f32 / third as f32;
    (per_cent as u32 % 16) as u8
}

/// The logarithm of the size, in the reference's steps.
fn length_value(length: u32) -> u8 {
    u8::try_from(LENGTHS.partition_point(|&top| top < length)).unwrap_or(u8::MAX)
}
