//! Points in time as VirusTotal writes them: whole Unix seconds, UTC.

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

/// Unix seconds, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

const DAY: i64 = 86_400;

impl Timestamp {
    /// The first second of this moment's UTC day.
    #[must_use]
    pub fn day(self) -> Self {
        Self(self.0.div_euclid(DAY) * DAY)
    }

    /// The first second of the next UTC day.
    #[must_use]
    pub fn next_day(self) -> Self {
        Self(self.day().0 + DAY)
    }

    /// The first second of this moment's UTC month.
    #[must_use]
    pub fn month(self) -> Self {
        let date = self.date();
        Self::first_of(date.year(), date.month())
    }

    /// The first second of the next UTC month.
    #[must_use]
    pub fn next_month(self) -> Self {
        let date = self.date();
        let year = if date.month() == Month::December { date.year() + 1 } else { date.year() };
        Self::first_of(year, date.month().next())
    }

    /// The first second of the UTC day that is written as `YYYYMMDD`.
    pub fn from_day(text: &str) -> Option<Self> {
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (year, month, day) = (text[..4].parse().ok()?, text[4..6].parse::<u8>().ok()?, text[6..].parse().ok()?);
        let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
        Some(Self(date.midnight().assume_utc().unix_timestamp()))
    }

    /// `YYYYMMDD`, the form of `engine_update`.
    pub fn compact_date(self) -> String {
        let date = self.date();
        format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day())
    }

    /// `YYYY-MM-DD hh:mm:ss` in UTC, the form of API v2 and of the command line's tables.
    pub fn text(self) -> String {
        let date = self.date();
        let second = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", date.year(), u8::from(date.month()), date.day())
    }

    /// `YYYY-MM-DD`.
    pub fn date_text(self) -> String {
        let date = self.date();
        format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }

    /// The calendar day; moments outside the years ±9999 fold onto the epoch.
    fn date(self) -> Date {
        OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH).date()
    }

    fn first_of(year: i32, month: Month) -> Self {
        let date = Date::from_calendar_date(year, month, 1).unwrap_or(OffsetDateTime::UNIX_EPOCH.date());
        Self(date.midnight().assume_utc().unix_timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_open_at_midnight_and_on_the_first_of_the_month() {
        let leap_day = Timestamp(1_709_210_096);
        assert_eq!(leap_day.text(), "2024-02-29 12:34:56");
        assert_eq!(leap_day.compact_date(), "20240229");
        assert_eq!(Timestamp::from_day("20240229"), Some(leap_day.day()));
        assert_eq!(["20230229", "2024229", "2024-2-2", ""].map(Timestamp::from_day), [None; 4]);
        assert_eq!(leap_day.day().text(), "2024-02-29 00:00:00");
        assert_eq!(leap_day.next_day().text(), "2024-03-01 00:00:00");
        assert_eq!(leap_day.month().text(), "2024-02-01 00:00:00");
        assert_eq!(leap_day.next_month().text(), "2024-03-01 00:00:00");
        assert_eq!(Timestamp(1_735_689_599).next_month().text(), "2025-01-01 00:00:00");
    }

    #[test]
    fn a_moment_beyond_the_calendar_does_not_panic() {
        assert_eq!(Timestamp(i64::MAX).text().len(), 19);
    }
}
