//! TLSH, Trend Micro's locality sensitive hash, in its usual form of 128 buckets and one byte of checksum, as published
//! by J. Oliver, C. Cheng and Y. Chen, "TLSH – A Locality Sensitive Hash" (CTC 2013). In go bytes, out comes `T1` and 70
//! hex digits, or nothing where the reference gives none: fewer than 50 bytes, or too uniform.
//!
//! Each byte is hashed six times together with two of the four before it, and each hash counts in a bucket. A hash is
//! three look-ups in one permutation of the bytes, `T[T[T[salt ^ a] ^ b] ^ c]`. How it is made fast: the first two
//! look-ups depend on two bytes only, so a table over all pairs answers them, for several salts at once; the last one
//! only renames the buckets, so it is left out until all is counted. Windows of nothing but zeros, of which programs have
//! many, are all alike and counted by the number.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// A quartile of the counts is multiplied by 100 in 32 bits. Of six counts per byte at least 96 buckets hold a
/// quartile, so up to this size, which is also `VirusTotal`'s limit for uploads, it cannot overflow.
const LARGEST: usize = 650 << 20;
const SMALLEST: usize = 50;
/// Bytes that are looked at together.
const WINDOW: usize = 5;
/// Buckets that count; what falls into the others is thrown away.
const BUCKETS: usize = 128;
const PAIRS: usize = 1 << 16;

/// Pearson's permutation of the bytes.
#[rustfmt::skip]
static PERMUTATION: [u8; 256] = [
    1, 87, 49, 12, 176, 178, 102, 166, 121, 193, 6, 84, 249, 230, 44, 163, 14, 197, 213, 181, 161, 85, 218, 80, 64,
    239, 24, 226, 236, 142, 38, 200, 110, 177, 104, 103, 141, 253, 255, 50, 77, 101, 81, 18, 45, 96, 31, 222, 25, 107,
    190, 70, 86, 237, 240, 34, 72, 242, 20, 214, 244, 227, 149, 235, 97, 234, 57, 22, 60, 250, 82, 175, 208, 5, 127,
    199, 111, 62, 135, 248, 174, 169, 211, 58, 66, 154, 106, 195, 245, 171, 17, 187, 182, 179, 0, 243, 132, 56, 148,
    75, 128, 133, 158, 100, 130, 126, 91, 13, 153, 246, 216, 219, 119, 68, 223, 78, 83, 88, 201, 99, 122, 11, 92, 32,
    136, 114, 52, 10, 138, 30, 48, 183, 156, 35, 61, 26, 143, 74, 251, 94, 129, 162, 63, 152, 170, 7, 115, 167, 241,
    206, 3, 150, 55, 59, 151, 220, 90, 53, 23, 131, 125, 173, 15, 238, 79, 95, 89, 16, 105, 137, 225, 224, 217, 160,
    37, 123, 118, 73, 2, 157, 46, 116, 9, 145, 134, 228, 207, 212, 202, 215, 69, 229, 27, 188, 67, 124, 168, 252, 42,
    4, 29, 108, 21, 247, 19, 205, 39, 203, 233, 40, 186, 147, 198, 192, 155, 33, 164, 191, 98, 204, 165, 180, 117, 76,
    140, 36, 210, 172, 41, 54, 159, 8, 185, 232, 113, 196, 231, 47, 146, 120, 51, 65, 28, 144, 254, 221, 93, 189, 194,
    139, 112, 43, 71, 109, 184, 209,
];

/// The longest file of each class of length.
#[rustfmt::skip]
static LENGTHS: [u32; 151] = [
    1, 2, 3, 5, 7, 11, 17, 25, 38, 57, 86, 129, 194, 291, 437, 656, 854, 1_110, 1_443, 1_876, 2_439, 3_171, 3_475,
    3_823, 4_205, 4_626, 5_088, 5_597, 6_157, 6_772, 7_450, 8_195, 9_014, 9_916, 10_907, 11_998, 13_198, 14_518,
    15_970, 17_567, 19_323, 21_256, 23_382, 25_720, 28_292, 31_121, 34_233, 37_656, 41_422, 45_564, 50_121, 55_133,
    60_646, 66_711, 73_382, 80_721, 88_793, 97_672, 107_439, 118_183, 130_002, 143_002, 157_302, 173_032, 190_335,
    209_369, 230_306, 253_337, 278_670, 306_538, 337_191, 370_911, 408_002, 448_802, 493_682, 543_050, 597_356,
    657_091, 722_800, 795_081, 874_589, 962_048, 1_058_252, 1_164_078, 1_280_486, 1_408_534, 1_549_388, 1_704_327,
    1_874_759, 2_062_236, 2_268_459, 2_495_305, 2_744_836, 3_019_320, 3_321_252, 3_653_374, 4_018_711, 4_420_582,
    4_862_641, 5_348_905, 5_883_796, 6_472_176, 7_119_394, 7_831_333, 8_614_467, 9_475_909, 10_423_501, 11_465_851,
    12_612_437, 13_873_681, 15_261_050, 16_787_154, 18_465_870, 20_312_458, 22_343_706, 24_578_077, 27_035_886,
    29_739_474, 32_713_425, 35_984_770, 39_583_245, 43_541_573, 47_895_730, 52_685_306, 57_953_837, 63_749_221,
    70_124_148, 77_136_564, 84_850_228, 93_335_252, 102_668_779, 112_935_659, 124_229_227, 136_652_151, 150_317_384,
    165_349_128, 181_884_040, 200_072_456, 220_079_703, 242_087_671, 266_296_456, 292_926_096, 322_218_735,
    354_440_623, 389_884_688, 428_873_168, 471_760_495, 518_936_559, 570_830_240, 627_913_311, 690_704_607,
];

/// What the first two look-ups give, for the last byte together with one before it, a byte a salt.
struct Pairs {
    /// With the byte before: salts 84, 12 and 49, and 1 for the checksum.
    near: [u32; PAIRS],
    /// With the second before: salts 166 and 178.
    middle: [u16; PAIRS],
    /// With the third before: salt 230.
    far: [u8; PAIRS],
    /// What four windows of zeros make of each checksum.
    zeros: [u8; 256],
}

static TABLES: LazyLock<Box<Pairs>> = LazyLock::new(|| {
    let mut tables = Box::new(Pairs { near: [0; PAIRS], middle: [0; PAIRS], far: [0; PAIRS], zeros: [0; 256] });
    let rows = tables.near.iter_mut().zip(&mut tables.middle).zip(&mut tables.far);
    for (pair, ((near, middle), far)) in (0..=u16::MAX).zip(rows) {
        let [second, first] = pair.to_le_bytes();
        let two = |salt: u8| permuted(permuted(salt ^ first) ^ second);
        *near = u32::from_le_bytes([84, 12, 49, 1].map(two));
        *middle = u16::from_le_bytes([166, 178].map(two));
        *far = two(230);
    }
    let [.., step] = tables.near[0].to_le_bytes();
    for (checksum, behind) in (0..=u8::MAX).zip(&mut tables.zeros) {
        *behind = (0..4).fold(checksum, |checksum, _| permuted(step ^ checksum));
    }
    tables
});

impl Pairs {
    #[expect(clippy::indexing_slicing, reason = "the index is a byte, the table has 256 entries")]
    fn behind_zeros(&self, checksum: u8) -> u8 {
        self.zeros[usize::from(checksum)]
    }
}

#[expect(clippy::indexing_slicing, reason = "the index is a byte, the table has 256 entries")]
fn permuted(byte: u8) -> u8 {
    PERMUTATION[usize::from(byte)]
}

/// The TLSH of `bytes`, with its `T1`; none above 650 MiB.
pub(crate) fn hash(bytes: &[u8]) -> Option<String> {
    if !(SMALLEST..=LARGEST).contains(&bytes.len()) {
        return None;
    }
    let counts = Counts::of(bytes);
    let buckets = counts.buckets();
    let mut sorted = buckets;
    sorted.sort_unstable();
    let quartile = |quarters: usize| sorted.get((BUCKETS / 4).saturating_mul(quarters).saturating_sub(1)).copied();
    let (low, middle, high) = (quartile(1)?, quartile(2)?, quartile(3)?);
    let used = buckets.iter().filter(|&&count| count > 0).count();
    if high == 0 || used <= BUCKETS / 2 {
        return None;
    }
    let length = LENGTHS.iter().position(|&longest| bytes.len() <= longest.try_into().unwrap_or(usize::MAX))?;
    let ratios = (ratio(low, high) << 4) | ratio(middle, high);
    let mut text = String::from("T1");
    let head = [counts.checksum.rotate_left(4), u8::try_from(length).ok()?.rotate_left(4), ratios];
    let quarters = buckets.as_chunks::<4>().0.iter().rev().map(|four| {
        let quarter = |count: &u32| [low, middle, high].iter().map(|quartile| u8::from(quartile < count)).sum::<u8>();
        four.iter().rev().fold(0, |code, count| (code << 2) | quarter(count))
    });
    for byte in head.into_iter().chain(quarters) {
        write!(text, "{byte:02X}").ok()?;
    }
    Some(text)
}

/// How much of `high` another quartile is, in hundredths, of which four bits are kept.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in single precision as the reference does it; the result is below 16"
)]
fn ratio(quartile: u32, high: u32) -> u8 {
    ((quartile.saturating_mul(100) as f32 / high as f32) as u32 % 16) as u8
}

/// How often each hash came, before the last look-up, by salt.
struct Counts {
    by_salt: [[u32; 256]; 6],
    checksum: u8,
}

impl Counts {
    fn of(bytes: &[u8]) -> Self {
        let tables = &**TABLES;
        let mut counts = Self { by_salt: [[0; 256]; 6], checksum: 0 };
        // Eight bytes hold four windows.
        let mut rest = bytes;
        let mut zeros = 0;
        while let Some(eight) = rest.first_chunk::<8>() {
            let eight = u64::from_le_bytes(*eight);
            if eight == 0 {
                zeros = 4_u32.saturating_add(zeros);
                counts.checksum = tables.behind_zeros(counts.checksum);
            } else {
                for shift in [0, 8, 16, 24] {
                    counts.add(tables, eight.wrapping_shr(shift));
                }
            }
            rest = rest.get(4..).unwrap_or_default();
        }
        counts.add_zeros(tables, zeros);
        for window in rest.windows(WINDOW) {
            counts.add(tables, window.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        }
        counts
    }

    /// Counts one window, whose first byte is the lowest of `window`.
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::arithmetic_side_effects,
        clippy::inline_always,
        reason = "the innermost loop; each index is as many bits as its table needs; no count is above the number of bytes, `LARGEST`"
    )]
    #[inline(always)]
    fn add(&mut self, tables: &Pairs, window: u64) {
        let last = (window >> 24) as usize & 0xff00;
        let byte = |place: u32| (window >> (8 * place)) as usize & 0xff;
        let near = tables.near[last | byte(3)];
        let middle = tables.middle[last | byte(2)] ^ window as u16;
        let far = tables.far[last | byte(1)] ^ window as u8;
        self.checksum = permuted((near >> 24) as u8 ^ self.checksum);
        let near = near ^ window as u32;
        let hashes = [near as u8, (near >> 8) as u8, (near >> 16) as u8, middle as u8, (middle >> 8) as u8, far];
        for (counts, hash) in self.by_salt.iter_mut().zip(hashes) {
            counts[usize::from(hash)] += 1;
        }
    }

    /// Counts windows of zeros, but for their checksum.
    #[expect(clippy::indexing_slicing, reason = "a hash is a byte, each table has 256 entries")]
    fn add_zeros(&mut self, tables: &Pairs, windows: u32) {
        let [salt_84, salt_12, salt_49, _] = tables.near[0].to_le_bytes();
        let [salt_166, salt_178] = tables.middle[0].to_le_bytes();
        let hashes = [salt_84, salt_12, salt_49, salt_166, salt_178, tables.far[0]];
        for (counts, hash) in self.by_salt.iter_mut().zip(hashes) {
            let count = &mut counts[usize::from(hash)];
            *count = count.saturating_add(windows);
        }
    }

    /// The last look-up, for all that was counted.
    fn buckets(&self) -> [u32; BUCKETS] {
        let mut buckets = [0; BUCKETS];
        for counts in &self.by_salt {
            for (bucket, count) in PERMUTATION.iter().zip(counts) {
                if let Some(sum) = buckets.get_mut(usize::from(*bucket)) {
                    *sum = count.saturating_add(*sum);
                }
            }
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(bytes: &[u8]) -> Option<String> {
        tlsh2::TlshDefaultBuilder::build_from(bytes).map(|tlsh| String::from_utf8_lossy(&tlsh.hash()).into_owned())
    }

    #[test]
    fn short_and_uniform_files_have_no_tlsh() {
        assert_eq!(hash(&[7; 10_000]), None);
        assert_eq!(hash(b"Lorem ipsum dolor sit amet"), None);
    }

    #[test]
    fn the_tlsh_is_that_of_the_reference() {
        let expected = "T12D900249414E0BD59A46503F3ADA802AE50825242B2590561CF690599112214C051556";
        let text = b"Lorem ipsum dolor sit amet, consectetur adipiscing elit";
        assert_eq!(hash(text).as_deref(), Some(expected));
    }

    #[test]
    fn real_files_have_the_tlsh_that_another_implementation_gives_them() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("this program");
        for bytes in [&own[..], include_bytes!("tlsh.rs"), include_bytes!("../assets/magika/model.onnx")] {
            assert!(hash(bytes).is_some());
            assert_eq!(hash(bytes), reference(bytes));
            for len in [49, 50, 51, 52, 53, 54, 55, 56, 57, 656, 657, 854, 855, 3199, 3200, 10_000] {
                assert_eq!(hash(&bytes[..len]), reference(&bytes[..len]), "{len}");
            }
        }
    }

    #[test]
    fn each_class_of_length_begins_where_another_implementation_has_it() {
        let noise: Vec<u8> = (0..1_u32 << 21).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for &longest in LENGTHS.iter().filter(|&&longest| (50..1 << 21).contains(&longest)) {
            let longest = usize::try_from(longest).expect("64 bits");
            for len in [longest, longest + 1] {
                assert_eq!(hash(&noise[..len]), reference(&noise[..len]), "{len}");
            }
        }
    }

    #[test]
    fn zeros_between_other_bytes_count_as_another_implementation_counts_them() {
        let noise: Vec<u8> = (1..400_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for zeros in 0..40 {
            let bytes = [&noise[..], &vec![0; zeros], &noise[..7], &vec![0; zeros * 5], &noise[..zeros]].concat();
            assert!(hash(&bytes).is_some());
            assert_eq!(hash(&bytes), reference(&bytes), "{zeros}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_the_tlsh_that_another_implementation_gives_them(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000),
            few in proptest::collection::vec(0..6_u8, 0..2000),
        ) {
            prop_assert_eq!(hash(&bytes), reference(&bytes));
            prop_assert_eq!(hash(&few), reference(&few));
        }
    }
}
