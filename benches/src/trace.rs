//! What a SIEM and a playbook ask of a day: files by a Zipf law, in bursts, with retries. The same trace each time.

use std::time::Duration;

/// A day of questions.
pub struct Trace {
    /// How many.
    pub count: u64,
    /// About how many different files.
    pub hashes: u64,
    /// By how many accounts.
    pub accounts: u64,
    /// The running sums of the files' shares.
    sums: Vec<f64>,
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How long after the one before.
    pub after: Duration,
    /// About which file.
    pub hash: u64,
    /// By whom.
    pub account: u64,
}

/// The exponent of the law.
const SKEW: f64 = 1.1;
/// One question in so many opens a burst of the same question: an alert that fires on every machine.
const BURSTS: u64 = 400;
/// So long a burst is.
const BURST: u64 = 20;
/// One question in so many is asked again at once: a client that does not wait.
const RETRIES: u64 = 50;

impl Trace {
    /// A trace of that size.
    pub fn new(count: u64, hashes: u64, accounts: u64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=hashes.max(1)).map(|rank| {
            #[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^52")]
            let share = 1.0 / (rank as f64).powf(SKEW);
            sum += share;
            sum
        });
        Self { count, hashes, accounts: accounts.max(1), sums: sums.collect() }
    }

    /// The questions, in their order.
    pub fn questions(&self) -> impl Iterator<Item = Asked> + '_ {
        let pause = Duration::from_secs(86_399) / u32::try_from(self.count.max(1)).unwrap_or(u32::MAX);
        let mut random = Random(0x5eed);
        let mut again: (u64, Option<Asked>) = (0, None);
        (0..self.count).map(move |_| {
            if let (left @ 1.., Some(last)) = again {
                again.0 = left - 1;
                return Asked { after: pause, account: (last.account + left) % self.accounts, ..last };
            }
            let asked = Asked { after: pause, hash: self.draw(random.share()), account: random.next() % self.accounts };
            let repeats = match random.next() {
                number if number % BURSTS == 0 => BURST,
                number if number % RETRIES == 1 => 1,
                _ => 0,
            };
            again = (repeats, Some(asked));
            asked
        })
    }

    /// The file at that share of all questions.
    fn draw(&self, share: f64) -> u64 {
        let wanted = share * self.sums.last().copied().unwrap_or(0.0);
        self.sums.partition_point(|sum| *sum < wanted) as u64
    }
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn share(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_the_same_each_time_and_follows_its_law() {
        let trace = Trace::new(100_000, 10_000, 20);
        let one: Vec<_> = trace.questions().collect();
        assert_eq!(one, trace.questions().collect::<Vec<_>>());
        assert_eq!(one.len(), 100_000);
        let first = one.iter().filter(|asked| asked.hash == 0).count();
        let tenth = one.iter().filter(|asked| asked.hash == 9).count();
        // 10^1.1 is 12.6; bursts make it noisy.
        assert!((6..26).contains(&(first / tenth.max(1))), "{first} {tenth}");
        assert!(one.iter().all(|asked| asked.account < 20 && asked.hash < 10_000));
    }
}
