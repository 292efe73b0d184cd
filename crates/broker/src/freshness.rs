//! How long an answer is fresh: by what it is about and what it says. A file that many engines find does not change its
//! mind soon; one that is a day old does.

use std::time::Duration;

use assay_model::Timestamp;
use serde_json::Value;

use crate::operations::Ages;
use crate::question::Question;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// From so many engines on something counts as detected.
const DETECTED: u64 = 5;
/// An analysis that is under way is looked at again after so long: clients wait for its end.
const UNDER_WAY: Duration = Duration::from_secs(15);
/// What was first seen less than this long ago is young, seconds.
const YOUNG: i64 = 3 * 86_400;

/// How long reports are fresh, by their verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports {
    /// Five engines or more find something.
    pub detected: Duration,
    /// One to four do, or some are suspicious.
    pub undecided: Duration,
    /// None does.
    pub clean: Duration,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Files.
    pub files: Reports,
    /// URLs, domains and IP addresses.
    pub hosts: Reports,
    /// Whatever was first seen within the last three days, where that is shorter.
    pub young: Duration,
    /// What is joined to an object.
    pub relationships: Duration,
    /// Comments and votes.
    pub discussion: Duration,
    /// Behaviour reports.
    pub behaviours: Duration,
    /// Results of searches.
    pub searches: Duration,
    /// That something is not known.
    pub unknown: Duration,
    /// How much older an answer may be where a fresh one cannot be had.
    pub stale: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        let hours = |hours| Duration::from_secs(hours * HOUR);
        let days = |days| Duration::from_secs(days * DAY);
        Self {
            files: Reports { detected: days(7), undecided: hours(12), clean: days(1) },
            hosts: Reports { detected: days(1), undecided: hours(6), clean: hours(12) },
            young: hours(4),
            relationships: days(1),
            discussion: hours(6),
            behaviours: days(7),
            searches: hours(1),
            unknown: hours(6),
            stale: days(30),
        }
    }
}

impl Freshness {
    /// Until when an answer that came now is fresh.
    pub fn until(&self, question: &Question, document: &Value, now: Timestamp) -> Timestamp {
        let time = match question.operation.ages {
            Ages::Report => self.of_report(question, &document["data"]["attributes"], now),
            Ages::Relationship => self.relationships,
            Ages::Discussion => self.discussion,
            Ages::Behaviour => self.behaviours,
            Ages::Analysis if document["data"]["attributes"]["status"] == "completed" => self.behaviours,
            Ages::Analysis => UNDER_WAY,
            Ages::Search => self.searches,
        };
        after(now, time)
    }

    /// Until when it is fresh that something is not known.
    pub fn until_unknown(&self, now: Timestamp) -> Timestamp {
        after(now, self.unknown)
    }

    fn of_report(&self, question: &Question, attributes: &Value, now: Timestamp) -> Duration {
        let ages = if question.operation.collection == "files" { &self.files } else { &self.hosts };
        let count = |name: &str| attributes["last_analysis_stats"][name].as_u64().unwrap_or(0);
        if count("malicious") >= DETECTED {
            return ages.detected;
        }
        let time = if count("malicious") + count("suspicious") > 0 { ages.undecided } else { ages.clean };
        let first = attributes["first_submission_date"].as_i64();
        if first.is_some_and(|first| first > now.0 - YOUNG) { time.min(self.young) } else { time }
    }
}

/// A moment so long after another.
pub(crate) fn after(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_768_478_400);

    fn hours(collection: &str, attributes: &Value) -> i64 {
        let question = Question::object(collection, "x", &[]).expect("a row");
        let document = json!({ "data": { "attributes": attributes } });
        (Freshness::default().until(&question, &document, NOW).0 - NOW.0) / 3_600
    }

    #[test]
    fn a_report_ages_by_its_type_and_verdict() {
        let stats = |malicious: u64, suspicious: u64| json!({ "last_analysis_stats": { "malicious": malicious, "suspicious": suspicious } });
        assert_eq!(hours("files", &stats(50, 0)), 7 * 24);
        assert_eq!(hours("files", &stats(4, 0)), 12);
        assert_eq!(hours("files", &stats(0, 1)), 12);
        assert_eq!(hours("files", &stats(0, 0)), 24);
        assert_eq!(hours("domains", &stats(0, 0)), 12);
        assert_eq!(hours("ip_addresses", &stats(5, 0)), 24);
        assert_eq!(hours("files", &json!({})), 24);
    }

    #[test]
    fn an_analysis_ages_once_it_is_complete() {
        let question = Question::object("analyses", "u-ab-1", &[]).expect("a row");
        let fresh = |status: &str| {
            let document = json!({ "data": { "attributes": { "status": status } } });
            Freshness::default().until(&question, &document, NOW).0 - NOW.0
        };
        assert_eq!([fresh("queued"), fresh("in-progress"), fresh("completed")], [15, 15, 7 * 24 * 3_600]);
    }

    #[test]
    fn what_is_young_ages_fast_but_for_what_everybody_finds() {
        let young = |malicious: u64| json!({ "last_analysis_stats": { "malicious": malicious }, "first_submission_date": NOW.0 - 60 });
        assert_eq!(hours("files", &young(0)), 4);
        assert_eq!(hours("files", &young(2)), 4);
        assert_eq!(hours("files", &young(20)), 7 * 24);
    }
}
