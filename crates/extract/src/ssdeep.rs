//! ssdeep: context-triggered piecewise hashing, as published by J. Kornblum, "Identifying almost identical
//! files using context triggered piecewise hashing" (Digital Investigation 3S, 2006), after spamsum by
//! A. Tridgell. In go bytes, out comes `blocksize:signature:signature of twice the block size`, equal to
//! what the reference tool prints.
//!
//! How it is made fast: the size is known beforehand, so one pass computes only the guessed block size, the
//! two below (taken when the guess gives too short a signature) and the one above (the second signature). A
//! piece's hash shows only its low six bits, so five of them share one 64-bit word, in lanes of twelve bits.
//! Where the guess was far off (very uniform files), a second pass counts triggers to find the right block
//! size and a third computes it. A file is therefore read at most three times.

/// Longest first signature; the second is at most half as long.
const LONGEST: usize = 64;
/// A signature shorter than this makes the next smaller block size the better one.
const SHORTEST: usize = LONGEST / 2;
const SMALLEST_BLOCK: u64 = 3;
/// Bytes that the rolling hash looks back on.
const WINDOW: usize = 7;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Levels computed in one pass.
const LEVELS: usize = 4;
const LANE_BITS: u32 = 12;
const EACH_LANE: u64 = 0x0001_0010_0100_1001;
const LANES: u64 = 0x3f * EACH_LANE;
/// Low six bits of the FNV start value 0x28021967, in each lane.
const PIECE_START: u64 = 0x27 * EACH_LANE;
/// Low six bits of the FNV prime 0x01000193: six bits times this fit into a lane.
const PIECE_PRIME: u64 = 0x13;
/// The lane of a second signature's last piece, which stops being cut after 31 pieces. One is enough: a level
/// is only passed over when it had less than 32 pieces.
const HALF_LANE: u32 = 4;

/// The ssdeep hash of `bytes`; `3::` for nothing.
pub(crate) fn hash(bytes: &[u8]) -> String {
    let guess = guessed_level(bytes.len());
    let base = guess.saturating_sub(2);
    let highest = usize::try_from(guess.saturating_sub(base)).unwrap_or_default();
    let pass = Pass::run(bytes, base, highest.saturating_add(1));
    let enough = |index: &usize| pass.length(*index) >= SHORTEST;
    if let Some(index) = (0..=highest).rev().find(enough).or((base == 0).then_some(0)) {
        return pass.show(index);
    }
    let level = level_with_enough_triggers(bytes, base.saturating_sub(1));
    Pass::run(bytes, level, 1).show(0)
}

/// The block size is 3 × 2^level; the guess is the first for which 64 pieces would cover the file.
fn guessed_level(len: usize) -> u32 {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    (0..58).find(|&level| (SMALLEST_BLOCK << level).saturating_mul(longest) >= len).unwrap_or(57)
}

/// The rolling hash of the last seven bytes; `sum` decides where a piece ends.
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
    fn of(bytes: &[u8]) -> u32 {
        let mut rolling = Self::default();
        let start = bytes.len().saturating_sub(WINDOW);
        bytes.get(start..).unwrap_or_default().iter().fold(0, |_, &byte| rolling.step(byte, 0))
    }
}

/// Calls `see` for each byte with the rolling sum after it.
#[inline]
fn roll(bytes: &[u8], mut see: impl FnMut(u8, u32) -> bool) {
    let mut rolling = Rolling::default();
    let (first, rest) = bytes.split_at(bytes.len().min(WINDOW));
    for &new in first {
        if !see(new, rolling.step(new, 0)) {
            return;
        }
    }
    for (&new, &old) in rest.iter().zip(bytes) {
        if !see(new, rolling.step(new, old)) {
            return;
        }
    }
}

/// The highest level up to `top` at which the file is cut often enough, else 0.
fn level_with_enough_triggers(bytes: &[u8], top: u32) -> u32 {
    let mut counts = [0_u64; 33];
    let mut at_top = 0_usize;
    roll(bytes, |_, sum| {
        let next = sum.wrapping_add(1);
        if next != 0 && next.is_multiple_of(3) {
            let zeros = next.trailing_zeros();
            if let Some(count) = usize::try_from(zeros).ok().and_then(|zeros| counts.get_mut(zeros)) {
                *count = count.saturating_add(1);
            }
            at_top = at_top.saturating_add(usize::from(zeros >= top));
        }
        at_top < SHORTEST
    });
    let mut seen = 0_u64;
    for (level, &count) in (0_u32..33).zip(&counts).rev() {
        seen = seen.saturating_add(count);
        if level <= top && usize::try_from(seen).is_ok_and(|seen| seen >= SHORTEST) {
            return level;
        }
    }
    0
}

/// One pass over the file: adjacent levels at once.
struct Pass {
    base: u32,
    last_sum: u32,
    lanes: u64,
    signatures: [Signature; LEVELS],
    /// The level that may become a second signature of more than 31 pieces.
    halved: usize,
    /// The last character of that signature if the file ended right after a piece.
    half_end: Option<u8>,
}

#[derive(Clone, Copy)]
struct Signature {
    characters: [u8; LONGEST],
    length: usize,
    /// Set once full: the last character if the file ended right after a piece.
    end: Option<u8>,
}

impl Signature {
    /// Adds a piece. Says whether the next piece starts afresh: a full signature's last piece runs on.
    fn push(&mut self, character: u8) -> bool {
        let next = self.length.saturating_add(1);
        if next == LONGEST {
            self.end = Some(character);
            return false;
        }
        if let Some(place) = self.characters.get_mut(self.length) {
            *place = character;
            self.length = next;
        }
        true
    }
}

impl Pass {
    fn run(bytes: &[u8], base: u32, halved: usize) -> Self {
        let empty = Signature { characters: [0; LONGEST], length: 0, end: None };
        let mut pass = Self {
            base,
            last_sum: Rolling::of(bytes),
            lanes: PIECE_START,
            signatures: [empty; LEVELS],
            halved,
            half_end: None,
        };
        let mask = (1_u32 << base.min(31)).wrapping_sub(1);
        let mut lanes = PIECE_START;
        roll(bytes, |byte, sum| {
            let spread = u64::from(byte & 0x3f).wrapping_mul(EACH_LANE);
            lanes = (lanes.wrapping_mul(PIECE_PRIME) & LANES) ^ spread;
            let next = sum.wrapping_add(1);
            if next & mask == 0 && next != 0 && next.is_multiple_of(3) {
                pass.lanes = lanes;
                pass.cut(next);
                lanes = pass.lanes;
            }
            true
        });
        pass.lanes = lanes;
        pass
    }

    fn character(&self, lane: u32) -> u8 {
        let index = (self.lanes >> lane.saturating_mul(LANE_BITS)) & 0x3f;
        usize::try_from(index).ok().and_then(|index| ALPHABET.get(index)).copied().unwrap_or_default()
    }

    fn restart(&mut self, lane: u32) {
        let lane = 0x3f << lane.saturating_mul(LANE_BITS);
        self.lanes = (self.lanes & !lane) | (PIECE_START & lane);
    }

    /// Ends a piece at every level whose block size divides `next`, the rolling sum plus one.
    #[inline(never)]
    fn cut(&mut self, next: u32) {
        let levels = next.trailing_zeros().saturating_sub(self.base).saturating_add(1);
        for (lane, index) in (0_u32..levels).zip(0..LEVELS) {
            let (character, half) = (self.character(lane), self.character(HALF_LANE));
            let Some(signature) = self.signatures.get_mut(index) else { return };
            let restart = signature.push(character);
            let long = signature.length >= SHORTEST;
            if restart {
                self.restart(lane);
            }
            if index == self.halved && long {
                self.half_end = Some(half);
            } else if index == self.halved {
                self.restart(HALF_LANE);
            }
        }
    }

    fn length(&self, index: usize) -> usize {
        self.signatures.get(index).map_or(0, |signature| signature.length)
    }

    /// The hash whose first signature is of the level `base + index`.
    fn show(&self, index: usize) -> String {
        let lane = u32::try_from(index).unwrap_or_default();
        let mut text = format!("{}:", SMALLEST_BLOCK << self.base.saturating_add(lane).min(57));
        if let Some(signature) = self.signatures.get(index) {
            signature.append(signature.length, &mut text);
            let open = (self.last_sum != 0).then(|| self.character(lane));
            text.extend(open.or(signature.end).map(char::from));
        }
        text.push(':');
        if let Some(signature) = self.signatures.get(index.saturating_add(1)) {
            signature.append(signature.length.min(SHORTEST.saturating_sub(1)), &mut text);
            let long = signature.length >= SHORTEST;
            let lane = if long { HALF_LANE } else { lane.saturating_add(1) };
            let open = (self.last_sum != 0).then(|| self.character(lane));
            text.extend(open.or(self.half_end.filter(|_| long)).map(char::from));
        }
        text
    }
}

impl Signature {
    fn append(&self, length: usize, text: &mut String) {
        text.extend(self.characters.iter().take(length).copied().map(char::from));
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
