//! Integers and strings out of hostile bytes: every read is bounds-checked and answers `None` past the end.

/// `len` bytes at `at`.
pub(crate) fn slice(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(len)?)
}

/// As `slice`, with the 32-bit offsets that file formats use.
pub(crate) fn slice32(bytes: &[u8], at: u32, len: u32) -> Option<&[u8]> {
    slice(bytes, usize::try_from(at).ok()?, usize::try_from(len).ok()?)
}

/// The fixed-size array at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    slice(bytes, at, N)?.try_into().ok()
}

/// Little-endian 16 bits.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// Little-endian 32 bits.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// Little-endian 64 bits.
pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Big-endian 16 bits.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// Big-endian 32 bits.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// Whether `what` stands at `at`.
pub(crate) fn at(bytes: &[u8], at: usize, what: &[u8]) -> bool {
    slice(bytes, at, what.len()) == Some(what)
}

/// The first `len` bytes, or all where there are fewer.
pub(crate) fn head(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or(bytes)
}

/// The last `len` bytes, or all where there are fewer.
pub(crate) fn tail(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(len)..).unwrap_or(bytes)
}

/// Text up to the first NUL, at most 256 characters, other encodings replaced.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let shown = head(bytes, end.min(1024));
    String::from_utf8_lossy(shown).chars().take(256).collect()
}

/// A length as the 64 bits that reports and limits count in.
pub(crate) fn len64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_past_the_end_answer_none() {
        assert_eq!(le16(&[1, 2], 0), Some(0x0201));
        assert_eq!(be32(&[1, 2, 3], 0), None);
        assert_eq!(slice(b"abc", usize::MAX, 2), None);
        assert!(at(b"abc", 1, b"bc") && !at(b"abc", 2, b"bc"));
    }

    #[test]
    fn text_ends_at_the_first_nul() {
        assert_eq!(text(b".text\0\0\0"), ".text");
        assert_eq!(text(b"\xff"), "\u{fffd}");
    }
}
