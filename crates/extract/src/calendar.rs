//! Dates in the words of file formats: Unix seconds and MS-DOS dates to text. No time zones: all is UTC, or
//! whatever zone the archive's writer lived in.

use time::{Date, Month};

const DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Thu Jul 24 15:06:22 2025`, as C's `asctime` has it.
pub(crate) fn asctime(seconds: u32) -> String {
    let (days, rest) = (i64::from(seconds).div_euclid(DAY), i64::from(seconds).rem_euclid(DAY));
    let (year, month, day) = date(days);
    let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|day| WEEKDAYS.get(day)).unwrap_or(&"");
    let month = usize::try_from(month.saturating_sub(1)).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
    format!("{weekday} {month} {day:2} {} {year}", clock(rest))
}

/// `2025-07-24 15:06:22`.
pub(crate) fn iso(seconds: u32) -> String {
    let (days, rest) = (i64::from(seconds).div_euclid(DAY), i64::from(seconds).rem_euclid(DAY));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {}", clock(rest))
}

/// `2025-07-24 15:06:22` of an MS-DOS date and time; `None` where it is no date.
pub(crate) fn dos(date: u16, time: u16) -> Option<String> {
    let (year, month, day) = ((date >> 9).saturating_add(1980), (date >> 5) & 15, date & 31);
    let (hour, minute, second) = (time >> 11, (time >> 5) & 63, (time & 31).saturating_mul(2));
    let valid = (1..=12).contains(&month) && day > 0 && hour < 24 && minute < 60 && second < 60;
    valid.then(|| format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

/// Unix seconds of a moment as RFC 3339 has it; of a day its beginning. Without a zone it is UTC.
pub(crate) fn rfc3339(text: &str) -> Option<i64> {
    let (day, rest) = text.trim().split_at_checked(10)?;
    let mut parts = day.split('-');
    let mut part = || parts.next()?.parse::<u16>().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()?;
    let midnight = date.midnight().assume_utc().unix_timestamp();
    if rest.is_empty() {
        return Some(midnight);
    }
    let (clock, zone) = rest.get(1..)?.split_at_checked(8)?;
    let mut parts = clock.split(':');
    let mut part = || parts.next()?.parse::<u32>().ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let of_day = i64::from(hour).checked_mul(3600)?.checked_add(i64::from(minute).checked_mul(60)?)?;
    let local = midnight.checked_add(of_day)?.checked_add(second.into())?;
    local.checked_sub(offset(zone)?)
}

/// Seconds east of UTC: of `.123Z`, `+02:00`, nothing.
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let (sign, rest) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    seconds.checked_mul(sign)
}

fn clock(seconds: i64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds.div_euclid(3600),
        seconds.div_euclid(60).rem_euclid(60),
        seconds.rem_euclid(60)
    )
}

/// Year, month and day of a day since 1970, by H. Hinnant's `civil_from_days`.
#[expect(clippy::arithmetic_side_effects, reason = "a 32-bit count of seconds stays below the year 2107")]
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_c_and_iso_have_them() {
        assert_eq!(asctime(1_753_369_582), "Thu Jul 24 15:06:22 2025");
        assert_eq!(asctime(0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(iso(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(dos(0x5af8, 0x78cb).as_deref(), Some("2025-07-24 15:06:22"));
        assert_eq!(dos(0, 0), None);
    }
}
