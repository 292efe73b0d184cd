//! ssdeep: context-triggered piecewise hashing, as published by J. Kornblum, "Identifying almost identical
//! files using context triggered piecewise hashing" (Digital Investigation 3S, 2006), after spamsum by
//! A. Tridgell. In go bytes, out comes `blocksize:signature:signature of twice the block size`, equal to
//! what the reference tool prints.
//!
//! How it is made fast: the size is known beforehand, so only the guessed block size, the two below (taken when the
//! guess gives too short a signature) and the one above (the second signature) matter. Whether a piece ends at a byte
//! depends on the last seven bytes alone: a first pass, whose inner loop the compiler turns into wide instructions,
//! looks at the low bits of what decides, and only the few places that pass are looked at closely. Then the pieces of
//! both signatures are known and are hashed several at a time, because each step of one waits for the step before.
//! Where the guess was far off (very uniform files), a pass over the whole counts cuts to find the right block size.

use crate::bytes::tail;

/// Longest first signature.
const LONGEST: usize = 64;
/// A signature shorter than this makes the next smaller block size the better one; also the longest second signature.
const SHORTEST: usize = LONGEST / 2;
const SMALLEST_BLOCK: u64 = 3;
/// Bytes that the rolling hash looks back on.
const WINDOW: usize = 7;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Levels whose cuts are found in one pass.
const LEVELS: usize = 4;
/// Windows that are looked at in one go.
const STRIDE: usize = 4096;
/// Low six bits of the FNV start value 0x28021967 and of its prime 0x01000193: of a piece's hash six bits are shown, and
/// the low bits of a product depend on low bits only.
const PIECE_START: u32 = 0x27;
const PIECE_PRIME: u32 = 0x13;

/// The ssdeep hash of `bytes`; `3::` for nothing.
pub(crate) fn hash(bytes: &[u8]) -> String {
    let guess = guessed_level(bytes.len());
    let base = guess.saturating_sub(2);
    let found = cuts(bytes, base);
    for (above, pair) in [0, 1, 2].into_iter().zip(found.array_windows::<2>()).rev() {
        let level = base.saturating_add(above);
        if level <= guess && (pair[0].count >= SHORTEST || level == 0) {
            return show(bytes, level, pair);
        }
    }
    let level = level_with_enough_cuts(bytes, base.saturating_sub(1));
    let [one, two, ..] = cuts(bytes, level);
    show(bytes, level, &[one, two])
}

/// The block size is 3 × 2^level; the guess is the first for which 64 pieces would cover the file.
fn guessed_level(len: usize) -> u32 {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    (0..58).find(|&level| (SMALLEST_BLOCK << level).saturating_mul(longest) >= len).unwrap_or(57)
}

/// The rolling hash of the last seven bytes; its sum decides where a piece ends.
#[derive(Clone, Copy, Default)]
struct Rolling {
    plain: u32,
    weighted: u32,
    shifted: u32,
}

impl Rolling {
    #[inline]
    fn step(&mut self, new: u8, old: u8) -> u32 {
        let (new, old) = (u32::from(new), u32::from(old));
        self.weighted = self.weighted.wrapping_sub(self.plain).wrapping_add(new.wrapping_mul(7));
        self.plain = self.plain.wrapping_add(new).wrapping_sub(old);
        self.shifted = (self.shifted << 5) ^ new;
        self.plain.wrapping_add(self.weighted).wrapping_add(self.shifted)
    }

    /// The sum after the whole of `bytes`.
    #[inline]
    fn of(bytes: &[u8]) -> u32 {
        let mut rolling = Self::default();
        tail(bytes, WINDOW).iter().fold(0, |_, &byte| rolling.step(byte, 0))
    }
}

/// The highest level at which a piece ends where the rolling sum is this.
#[inline]
fn highest_cut(sum: u32) -> Option<u32> {
    let next = sum.wrapping_add(1);
    (next != 0 && next.is_multiple_of(3)).then(|| next.trailing_zeros())
}

/// The highest level up to `top` at which the file is cut often enough, else 0.
fn level_with_enough_cuts(bytes: &[u8], top: u32) -> u32 {
    let mut counts = [0_u64; 33];
    let mut at_top = 0_usize;
    let mut rolling = Rolling::default();
    let before = std::iter::repeat_n(&0, WINDOW).chain(bytes);
    for (&new, &old) in bytes.iter().zip(before) {
        let Some(highest) = highest_cut(rolling.step(new, old)) else { continue };
        if let Some(count) = usize::try_from(highest).ok().and_then(|highest| counts.get_mut(highest)) {
            *count = count.saturating_add(1);
        }
        at_top = at_top.saturating_add(usize::from(highest >= top));
        if at_top >= SHORTEST {
            break;
        }
    }
    let mut seen = 0_u64;
    for (level, &count) in (0_u32..33).zip(&counts).rev() {
        seen = seen.saturating_add(count);
        if level <= top && usize::try_from(seen).is_ok_and(|seen| seen >= SHORTEST) {
            return level;
        }
    }
    0
}

/// Where the pieces of one level end.
#[derive(Clone, Copy)]
struct Cuts {
    /// The first ones: a full signature's last piece runs on.
    ends: [usize; LONGEST - 1],
    /// How many of them there are.
    count: usize,
    /// The last of all.
    last: usize,
}

impl Cuts {
    fn add(&mut self, end: usize) {
        self.last = end;
        if let Some(place) = self.ends.get_mut(self.count) {
            *place = end;
            self.count = self.count.saturating_add(1);
        }
    }
}

/// The cuts of the level `base` and of those above it.
fn cuts(bytes: &[u8], base: u32) -> [Cuts; LEVELS] {
    let mut all = [Cuts { ends: [0; LONGEST - 1], count: 0, last: 0 }; LEVELS];
    let mut look_before = |end: usize| {
        let highest = bytes.get(..end).and_then(|bytes| highest_cut(Rolling::of(bytes)));
        if let Some(above) = highest.and_then(|highest| highest.checked_sub(base)) {
            (0..=above).zip(&mut all).for_each(|(_, cuts)| cuts.add(end));
        }
    };
    (1..WINDOW).for_each(&mut look_before);
    let mut low = [0; STRIDE];
    let mut from = 0_usize;
    while let Some(rest) = bytes.get(from..).filter(|rest| rest.len() >= WINDOW) {
        let low = low_bits(rest, base, &mut low);
        memchr::memchr_iter(0, low).for_each(|at| look_before(from.saturating_add(at).saturating_add(WINDOW)));
        from = from.saturating_add(low.len());
    }
    all
}

/// For each of the first windows the low bits of its rolling sum plus one: those which are zero where a piece ends, but
/// for eight at the most.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "all slices are cut to the number of windows, which lie within the bytes"
)]
fn low_bits<'a>(bytes: &[u8], base: u32, low: &'a mut [u8; STRIDE]) -> &'a [u8] {
    let mask = u8::MAX.checked_shr(8_u32.saturating_sub(base)).unwrap_or(0);
    let count = STRIDE.min(bytes.len() + 1 - WINDOW);
    let low = &mut low[..count];
    // `back[0]` is the last byte of each window, `back[1]` the one before, and so on.
    let back: [&[u8]; WINDOW] = std::array::from_fn(|back| &bytes[WINDOW - 1 - back..][..count]);
    for (at, low) in low.iter_mut().enumerate() {
        // The last byte is counted seven times, the one before six times, and so on.
        let (mut plain, mut weighted) = (0_u8, 0_u8);
        for bytes in back {
            plain = plain.wrapping_add(bytes[at]);
            weighted = weighted.wrapping_add(plain);
        }
        let shifted = back[0][at] ^ (back[1][at] << 5);
        *low = plain.wrapping_add(weighted).wrapping_add(shifted).wrapping_add(1) & mask;
    }
    low
}

/// A piece that is being hashed, and where its character goes.
struct Piece<'a> {
    rest: &'a [u8],
    hash: u32,
    character: &'a mut Option<u8>,
}

/// The hash with the signatures of this level and the next.
fn show(bytes: &[u8], level: u32, cuts: &[Cuts; 2]) -> String {
    let (mut first, mut second) = ([None; LONGEST], [None; SHORTEST]);
    let mut pieces = Vec::with_capacity(LONGEST.saturating_add(SHORTEST));
    add_pieces(bytes, &cuts[0], &mut first, &mut pieces);
    add_pieces(bytes, &cuts[1], &mut second, &mut pieces);
    hash_all(pieces);
    let mut text = format!("{}:", SMALLEST_BLOCK << level.min(57));
    text.extend(first.into_iter().flatten().map(char::from));
    text.push(':');
    text.extend(second.into_iter().flatten().map(char::from));
    text
}

/// The pieces of a signature that has so many places: one a cut, and in the last place what is behind the last cut.
fn add_pieces<'a>(bytes: &'a [u8], cuts: &Cuts, places: &'a mut [Option<u8>], pieces: &mut Vec<Piece<'a>>) {
    let Some((last, places)) = places.split_last_mut() else { return };
    let mut start = 0;
    let mut add = |start: usize, end: usize, character: &'a mut Option<u8>| {
        pieces.push(Piece { rest: bytes.get(start..end).unwrap_or_default(), hash: PIECE_START, character });
    };
    let mut places = places.iter_mut();
    for &end in cuts.ends.get(..cuts.count).unwrap_or_default() {
        let Some(place) = places.next() else { break };
        add(start, end, place);
        start = end;
    }
    let place = places.next().unwrap_or(last);
    if Rolling::of(bytes) != 0 {
        add(start, bytes.len(), place);
    } else if cuts.last > start {
        // The reference ends the last piece of a full signature at the last cut when the file ends in a sum of zero.
        add(start, cuts.last, place);
    }
}

/// Hashes pieces side by side, the long ones first, so that there are several to the end.
fn hash_all(mut pieces: Vec<Piece<'_>>) {
    pieces.sort_unstable_by_key(|piece| piece.rest.len());
    let mut lanes: Vec<Piece<'_>> = Vec::with_capacity(8);
    loop {
        lanes.retain_mut(|lane| {
            if lane.rest.is_empty() {
                let index = usize::try_from(lane.hash & 0x3f).unwrap_or_default();
                *lane.character = ALPHABET.get(index).copied();
            }
            !lane.rest.is_empty()
        });
        while lanes.len() < 8
            && let Some(piece) = pieces.pop()
        {
            lanes.push(piece);
        }
        if let Some(eight) = lanes.first_chunk_mut::<8>() {
            advance(eight);
        } else if let Some(four) = lanes.first_chunk_mut::<4>() {
            advance(four);
        } else if let Some(one) = lanes.first_chunk_mut::<1>() {
            advance(one);
        } else {
            return;
        }
    }
}

/// Goes on with some pieces until one is at its end.
#[expect(clippy::indexing_slicing, reason = "each slice is as long as the shortest of them")]
fn advance<const N: usize>(lanes: &mut [Piece<'_>; N]) {
    let steps = lanes.iter().map(|lane| lane.rest.len()).min().unwrap_or_default();
    let bytes = lanes.each_ref().map(|lane| &lane.rest[..steps]);
    let mut hashes = lanes.each_ref().map(|lane| lane.hash);
    for at in 0..steps {
        for (hash, bytes) in hashes.iter_mut().zip(&bytes) {
            *hash = hash.wrapping_mul(PIECE_PRIME) ^ u32::from(bytes[at]);
        }
    }
    for (lane, hash) in lanes.iter_mut().zip(hashes) {
        lane.hash = hash;
        lane.rest = lane.rest.get(steps..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudo-random bytes, the same everywhere: the high bytes of a linear congruential generator.
    fn noise(len: usize) -> Vec<u8> {
        let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        std::iter::successors(Some(1_u32), next).skip(1).take(len).map(|state| state.to_be_bytes()[0]).collect()
    }

    #[test]
    fn hashes_equal_those_of_the_reference_tool() {
        let goldens = [
            (b"".to_vec(), "3::"),
            (b"a".to_vec(), "3:E:E"),
            (vec![0; 4096], "3::"),
            (
                noise(192),
                "3:eDjrjzgp/9e4MGp+7X+u7yEwLn24SHjsoO1XzjjfGzuY2ApWUayLekrdw6+5OLHj:eDXPs/4FGUrX+5SHQTdPjEpgYe2fDH4k",
            ),
            (noise(4095), "96:PitdAhI7QXpLQb/pzwtrX1MECTqZ+njVT/pRhS3l6G:PiTAC05SorlCqZCF3e"),
            (noise(4097), "96:PitdAhI7QXpLQb/pzwtrX1MECTqZ+njVT/pRhS3l6k:PiTAC05SorlCqZCF3c"),
            (noise(65_536), "1536:dQ2YUDRfd4xQLmQDx+nqQdANM2UIGnKbKKzi:dRXlfd4xSxSqQiyTYbRzi"),
            (noise(1000).repeat(300), "384:qjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtjtK:n"),
            (
                [vec![0; 100_000], noise(500)].concat(),
                "12:eDXPs/yrX+Mwj2jCbiN9fqmaAbggzIWZ1BE2nCrC6:ofpwiCb4fQARTZ1DnCm6",
            ),
            (
                [noise(20_000), vec![0; 9]].concat(),
                "384:qj05SonZCF3ryQeW29HTtSbhX5ckuJv6EqVCvOTtsfMUulznx7e:dC9fc3ihG5Jv6EHvYsfMUulDx",
            ),
        ];
        for (bytes, expected) in goldens {
            assert_eq!(hash(&bytes), expected, "{} bytes", bytes.len());
        }
    }
}
