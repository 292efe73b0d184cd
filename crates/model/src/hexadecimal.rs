//! Hexadecimal digits into bytes by a table: each look-up reads a key and a hash or two, several times what it costs with
//! a comparison of ranges a digit.

/// What is no digit.
const NONE: u8 = 0xff;

/// The value of each character as a digit.
static VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Fills `bytes` with what `text` writes, two digits a byte in upper or lower case. `false` where there are not exactly so
/// many digits; what `bytes` holds then means nothing.
pub(crate) fn decode(text: &str, bytes: &mut [u8]) -> bool {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return false;
    }
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| VALUES[usize::from(digit)]);
        seen |= high | low;
        *byte = (high << 4) | (low & 0xf);
    }
    seen < 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_another_implementation_reads() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let both = [first, second];
                let Ok(text) = str::from_utf8(&both) else { continue };
                let (mut ours, mut theirs) = ([0], [0]);
                assert_eq!(decode(text, &mut ours), hex::decode_to_slice(text, &mut theirs).is_ok(), "{text:?}");
                assert!(ours == theirs || !decode(text, &mut ours), "{text:?}");
            }
        }
    }

    #[test]
    fn the_number_of_digits_must_fit() {
        let mut bytes = [0; 2];
        assert!(decode("0aF9", &mut bytes) && bytes == [0x0a, 0xf9]);
        for text in ["", "0", "0a", "0aF", "0aF90", "0aF900", "0\u{e4}1"] {
            assert!(!decode(text, &mut bytes), "{text}");
        }
        assert!(decode("", &mut []));
    }
}
