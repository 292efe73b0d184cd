//! One sample and its members through one scanner.

use std::ops::ControlFlow;
use std::time::Duration;

use assay_extract::archive;
use assay_rules::{ScanError, Scanner};
use tokio::time::Instant;

use super::workers::Job;
use crate::engine::{EngineError, YaraMatch};

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Each rule at most once for the sample and once for its members.
    pub(super) matches: Vec<YaraMatch>,
    /// What could not be looked at.
    pub(super) remarks: Vec<String>,
}

/// Scans the job's sample, then its members if it is an archive. When the time is up, what was found until
/// then counts; if that is nothing, the scan gives up.
pub(super) fn scan(scanner: &mut Scanner<'_>, job: &Job) -> Result<Scanned, EngineError> {
    let mut result = Scanned::default();
    let mut outcome = add(&mut result, scanner, &job.bytes, job.deadline, InSubfile(false));
    if outcome.is_ok() && archive::is_archive(&job.bytes) {
        let walk = archive::walk(&job.bytes, None, &archive::Limits::default(), &mut |member| {
            if job.is_abandoned() {
                return ControlFlow::Break(());
            }
            outcome = add(&mut result, scanner, member.bytes, job.deadline, InSubfile(true));
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if walk.encrypted {
            result.remarks.push("encrypted members were not scanned".to_owned());
        }
        if walk.cut.is_some() {
            result.remarks.push("the archive is too large, too deep or damaged; not all of it was scanned".to_owned());
        }
    }
    match outcome {
        Err(EngineError::GaveUp(_)) if !result.matches.is_empty() => {
            result.remarks.push("the time was up before all was scanned".to_owned());
            Ok(result)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(result),
    }
}

/// Whether the bytes are a member of the sample.
#[derive(Clone, Copy)]
struct InSubfile(bool);

fn add(
    result: &mut Scanned,
    scanner: &mut Scanner<'_>,
    bytes: &[u8],
    deadline: Instant,
    InSubfile(in_subfile): InSubfile,
) -> Result<(), EngineError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left == Duration::ZERO {
        return Err(EngineError::GaveUp("the time is up".to_owned()));
    }
    let found = scanner.scan(bytes, left).map_err(|error| match error {
        ScanError::Timeout(_) => EngineError::GaveUp(error.to_string()),
        ScanError::Failed(cause) => EngineError::Failed(cause.to_string()),
    })?;
    for rule in found {
        let known = |seen: &YaraMatch| seen.in_subfile == in_subfile && seen.rule.order == rule.order;
        if !result.matches.iter().any(known) {
            result.matches.push(YaraMatch { rule, in_subfile });
        }
    }
    Ok(())
}
