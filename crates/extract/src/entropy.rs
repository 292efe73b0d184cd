//! Byte statistics: Shannon entropy and chi-square against the uniform distribution.

/// How often each byte occurs, and in how many bytes.
pub(crate) struct Histogram {
    counts: [u64; 256],
    total: u64,
}

impl Histogram {
    /// Counts `bytes` in eight tables, so that runs of one byte do not wait for each other's store.
    #[expect(
        clippy::indexing_slicing,
        reason = "every index is a byte or below eight, every table has that many entries"
    )]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut tables = [[0_u32; 256]; 8];
        let mut counts = [0_u64; 256];
        // Emptied before a table could overflow.
        for part in bytes.chunks(1 << 30) {
            let (eights, rest) = part.as_chunks::<8>();
            for eight in eights {
                for (table, &byte) in tables.iter_mut().zip(eight) {
                    let count = &mut table[usize::from(byte)];
                    *count = count.wrapping_add(1);
                }
            }
            for &byte in rest {
                let count = &mut tables[0][usize::from(byte)];
                *count = count.wrapping_add(1);
            }
            for table in &mut tables {
                for (sum, count) in counts.iter_mut().zip(table.iter_mut()) {
                    *sum = sum.saturating_add(u64::from(std::mem::take(count)));
                }
            }
        }
        Self { counts, total: crate::bytes::len64(bytes) }
    }

    /// Bits per byte, 0 to 8, to two digits as reports show it.
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    pub(crate) fn entropy(&self) -> f64 {
        let total = self.total as f64;
        let sum: f64 = self
            .counts
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| {
                let share = count as f64 / total;
                -share * share.log2()
            })
            .sum();
        rounded(sum.max(0.0))
    }

    /// Chi-square of the counts against equal counts; −1 for nothing, as `VirusTotal` shows it.
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    pub(crate) fn chi2(&self) -> f64 {
        if self.total == 0 {
            return -1.0;
        }
        let expected = self.total as f64 / 256.0;
        let sum: f64 = self
            .counts
            .iter()
            .map(|&count| {
                let difference = count as f64 - expected;
                difference * difference / expected
            })
            .sum();
        rounded(sum)
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_one_byte_value_have_no_entropy() {
        assert_eq!(Histogram::of(b"").entropy().to_bits(), 0.0_f64.to_bits());
        assert_eq!(Histogram::of(&[7; 1000]).entropy().to_bits(), 0.0_f64.to_bits());
        assert!(Histogram::of(b"").chi2() < 0.0);
    }

    #[test]
    fn every_byte_value_equally_often_has_full_entropy_and_no_chi_square() {
        let all: Vec<u8> = (0..=255).cycle().take(256 * 9).collect();
        assert!((Histogram::of(&all).entropy() - 8.0).abs() < f64::EPSILON);
        assert!(Histogram::of(&all).chi2().abs() < f64::EPSILON);
    }
}
