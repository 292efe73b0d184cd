//! What clamd answers, from text to meaning. `stream: NAME FOUND`, `stream: OK`, `… ERROR` (clamd(8)), and
//! `ClamAV 1.4.6/27000/Mon Nov 23 08:00:00 2026`, or only `ClamAV 1.4.6` where there is no database.

use assay_model::Timestamp;
use time::{Date, Month};

use crate::engine::Edition;

/// An answer to `INSTREAM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing found.
    Clean,
    /// A signature matched.
    Found {
        /// Its name.
        name: String,
        /// Whether the name says that it is a guess or merely unwanted.
        suspected: bool,
    },
    /// A limit of the daemon was reached before the sample was through.
    TooMuch(String),
    /// The daemon has no answer.
    Error(String),
}

/// Reads an answer to `INSTREAM`.
pub(super) fn verdict(answer: &str) -> Verdict {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Verdict::Clean;
    }
    if let Some(name) = said.strip_suffix(" FOUND") {
        // With AlertExceedsMax the daemon says in this form that it did not look at all of the sample.
        if name.starts_with("Heuristics.Limits.Exceeded") {
            return Verdict::TooMuch(name.to_owned());
        }
        let suspected = ["Heuristics.", "PUA."].iter().any(|kind| name.starts_with(kind));
        return Verdict::Found { name: name.to_owned(), suspected };
    }
    match said.strip_suffix("ERROR").unwrap_or(said).trim() {
        "" => Verdict::Error("the daemon hung up without an answer".to_owned()),
        message => Verdict::Error(message.to_owned()),
    }
}

/// Reads an answer to `VERSION`. The daemon writes the date in its own time zone and does not say which, so it
/// is taken for UTC.
pub(super) fn edition(answer: &str) -> Edition {
    let mut parts = answer.strip_prefix("ClamAV ").unwrap_or(answer).splitn(3, '/');
    let program = parts.next().filter(|text| !text.is_empty());
    let database = parts.next().filter(|number| *number != "0" && !number.is_empty());
    let version = program.map(|program| match database {
        Some(database) => format!("{program}/{database}"),
        None => program.to_owned(),
    });
    Edition { version, updated: parts.next().and_then(date) }
}

/// `Mon Nov 23 08:00:00 2026`; the epoch itself stands for "never".
fn date(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace().skip(1);
    let (month, day, clock, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = u8::try_from(names.iter().position(|name| *name == month)? + 1).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, Month::try_from(number).ok()?, day.parse().ok()?).ok()?;
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u8>().ok());
    let moment = date.with_hms(clock.next()??, clock.next()??, clock.next()??).ok()?.assume_utc();
    Some(Timestamp(moment.unix_timestamp())).filter(|moment| moment.0 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_clamd_means() {
        let found = |name: &str, suspected| Verdict::Found { name: name.into(), suspected };
        assert_eq!(verdict("stream: OK"), Verdict::Clean);
        assert_eq!(verdict("stream: Win.Test.A-1 FOUND"), found("Win.Test.A-1", false));
        assert_eq!(verdict("stream: Heuristics.Encrypted.Zip FOUND"), found("Heuristics.Encrypted.Zip", true));
        assert_eq!(verdict("stream: PUA.Win.Tool FOUND"), found("PUA.Win.Tool", true));
        assert!(matches!(verdict("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND"), Verdict::TooMuch(_)));
        assert_eq!(
            verdict("INSTREAM size limit exceeded. ERROR"),
            Verdict::Error("INSTREAM size limit exceeded.".into())
        );
        assert!(matches!(verdict(""), Verdict::Error(_)));
        assert!(matches!(verdict("garbage"), Verdict::Error(_)));
    }

    #[test]
    fn the_version_is_read_with_and_without_a_database() {
        let full = edition("ClamAV 1.4.6/27000/Mon Nov 23 08:00:01 2026");
        assert_eq!(full.version.as_deref(), Some("1.4.6/27000"));
        assert_eq!(full.updated.map(Timestamp::text).as_deref(), Some("2026-11-23 08:00:01"));
        assert_eq!(edition("ClamAV 1.4.6"), Edition { version: Some("1.4.6".into()), updated: None });
        assert_eq!(edition("ClamAV 1.4.6/0/Thu Jan  1 00:00:00 1970").updated, None);
        assert_eq!(edition(""), Edition::default());
    }
}
