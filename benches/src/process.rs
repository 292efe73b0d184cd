//! What `/proc` says about a process: processor time and memory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// `/proc` counts in hundredths of a second on every Linux that we run on (`USER_HZ`, proc(5)).
const TICKS: f64 = 100.0;
/// Fields of `/proc/PID/stat` after the name, counted from 0: user and system time, own and of children waited for.
const OWN: [usize; 2] = [11, 12];
const CHILDREN: [usize; 2] = [13, 14];

/// Processor seconds that a process has used, user and system.
pub fn processor_seconds(process: u32) -> Result<f64> {
    times(&process.to_string(), OWN)
}

/// Processor seconds of this program itself.
pub fn own_seconds() -> Result<f64> {
    times("self", OWN)
}

/// Processor seconds of all children that this program has waited for.
pub fn children_seconds() -> Result<f64> {
    times("self", CHILDREN)
}

fn times(process: &str, fields: [usize; 2]) -> Result<f64> {
    let path = PathBuf::from("/proc").join(process).join("stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    // The name stands in parentheses and may hold anything: what counts comes after the last one.
    let (_, rest) = text.rsplit_once(')').context("stat has a name in parentheses")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.map(|field| words.get(field).and_then(|word| word.parse::<f64>().ok()));
    let [Some(user), Some(system)] = ticks else { anyhow::bail!("stat has no processor times") };
    Ok((user + system) / TICKS)
}

/// Resident memory of a process in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// All of it.
    pub whole: u64,
    /// What belongs to no file: heap, stacks.
    pub anonymous: u64,
    /// Pages of files: the program itself, mapped samples. The kernel takes them back when it needs them.
    pub files: u64,
}

/// What a process holds in memory now.
pub fn memory(process: u32) -> Result<Memory> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    Ok(Memory { whole: of("VmRSS:"), anonymous: of("RssAnon:"), files: of("RssFile:") + of("RssShmem:") })
}

/// Bytes as megabytes (10⁶), for printing.
#[expect(clippy::cast_precision_loss, reason = "sizes for printing; no file here comes near 2^53 bytes")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_time() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.whole >= memory.anonymous && memory.anonymous > 0);
        assert!(own_seconds().unwrap() >= 0.0 && children_seconds().unwrap() >= 0.0);
    }
}
