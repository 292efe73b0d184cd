//! TLSH, Trend Micro's locality sensitive hash, in its usual form of 128 buckets and one byte of checksum. In go
//! bytes, out comes `T1` and 70 hex digits, or nothing where the reference gives none: fewer than 50 bytes, or
//! too uniform.

use tlsh2::TlshDefaultBuilder;

/// The crate multiplies a quartile of the counts by 100 in 32 bits. Of six counts per byte at least 96 buckets
/// hold a quartile, so up to this size, which is also `VirusTotal`'s limit for uploads, it cannot overflow.
const LARGEST: usize = 650 << 20;

/// The TLSH of `bytes`, with its `T1`; none above 650 MiB.
pub(crate) fn hash(bytes: &[u8]) -> Option<String> {
    if bytes.len() > LARGEST {
        return None;
    }
    let tlsh = TlshDefaultBuilder::build_from(bytes)?;
    Some(String::from_utf8_lossy(&tlsh.hash()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
