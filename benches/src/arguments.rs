//! `--name VALUE` from the command line, with defaults; enough for programs that are run by hand.

use std::str::FromStr;

use anyhow::{Result, bail};

/// The options of a program. Prints `help` and ends the program where `--help` is among them.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Reads the command line.
    pub fn read(help: &str) -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        if words.iter().any(|word| word == "--help" || word == "-h") {
            println!("{help}");
            std::process::exit(0);
        }
        Self(words)
    }

    /// Takes `--name VALUE`, or answers the default.
    pub fn value<T: FromStr>(&mut self, name: &str, default: T) -> Result<T> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// Takes `--name VALUE` where it is said.
    pub fn optional<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(at) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 >= self.0.len() {
            bail!("{name} wants a value");
        }
        let text = self.0.drain(at..at + 2).nth(1).unwrap_or_default();
        text.parse().map(Some).map_err(|_| anyhow::anyhow!("{name}: \"{text}\" is not understood"))
    }

    /// Fails on anything that was not taken.
    pub fn done(self) -> Result<()> {
        if let Some(word) = self.0.first() {
            bail!("\"{word}\" is not understood; see --help");
        }
        Ok(())
    }
}

/// The middle one of some figures; zero of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::{Arguments, median};

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
    }

    #[test]
    fn options_are_taken_and_the_rest_is_refused() {
        let mut arguments = Arguments(["--rounds", "7", "--more"].map(str::to_owned).to_vec());
        assert_eq!(arguments.value("--rounds", 3).unwrap(), 7);
        assert_eq!(arguments.value("--seconds", 10).unwrap(), 10);
        assert!(arguments.done().is_err());
    }
}
