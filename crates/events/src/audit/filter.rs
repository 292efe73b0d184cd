//! Which entries of the audit log are wanted. In goes the text of VirusTotal's `filter`, out comes a [`Filter`]; and for
//! the store, the one facet that stands for a combination of terms, so that any combination is one range of an index.

use assay_model::{Error, Result, Timestamp};
use serde_json::json;
use time::{Date, Month, Time};

use super::{Action, Entry};

/// Which entries are wanted: those that fit all that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// That concern this group.
    pub group: Option<String>,
    /// Of this action.
    pub action: Option<Action>,
    /// By this account.
    pub actor: Option<String>,
    /// On this object: `user/alice`, or `alice` of whatever kind.
    pub target: Option<String>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Not after this moment.
    pub to: Option<Timestamp>,
}

impl Filter {
    /// Reads VirusTotal's filter text (reference 3.9): `action:`, `user:`, `target:` and `date:`, joined by blanks or
    /// `AND`. A date is `YYYY-MM-DD`, `YYYY-MM-DDThh:mm:ss` or Unix seconds; `+` after it means from then on, `-` until
    /// then, and nothing the day or the second itself.
    pub fn parse(text: &str) -> Result<Self> {
        let mut filter = Self::default();
        for term in text.split_whitespace().filter(|word| *word != "AND") {
            let (name, value) = term.split_once(':').filter(|(_, value)| !value.is_empty()).ok_or_else(|| {
                Error::invalid_argument(format!("the filter's term \"{term}\" is not of the form name:value"))
            })?;
            let value = value.trim_matches('"');
            let twice = match name {
                "action" => filter.action.replace(action(value)?).is_some(),
                "user" => filter.actor.replace(value.to_owned()).is_some(),
                "target" => filter.target.replace(value.to_owned()).is_some(),
                "date" => filter.narrow(value)?,
                _ => {
                    let message = format!("the filter knows action, user, target and date, not \"{name}\"");
                    return Err(Error::invalid_argument(message));
                }
            };
            if twice {
                return Err(Error::invalid_argument(format!("the filter has \"{name}\" twice")));
            }
        }
        Ok(filter)
    }

    /// Adds a date; answers whether there was one for that end already.
    fn narrow(&mut self, value: &str) -> Result<bool> {
        if let Some(start) = value.strip_suffix('+') {
            return Ok(self.from.replace(moment(start)?.0).is_some());
        }
        if let Some(end) = value.strip_suffix('-') {
            return Ok(self.to.replace(moment(end)?.1).is_some());
        }
        let (start, end) = moment(value)?;
        let twice = self.from.is_some() || self.to.is_some();
        (self.from, self.to) = (Some(start), Some(end));
        Ok(twice)
    }

    /// The facet of the entries that fit, dates aside; none where all do.
    pub(super) fn facet(&self) -> Option<String> {
        let target = self.target.as_deref().map(id_of);
        let action = self.action.map(Action::wire);
        combination(self.group.as_deref(), action, self.actor.as_deref(), target)
    }

    /// The group, where nothing but it is set.
    pub(super) fn nothing_but_group(&self) -> Option<&str> {
        let group_only = Self { group: self.group.clone(), ..Self::default() };
        self.group.as_deref().filter(|_| *self == group_only)
    }

    /// Whether every entry that the facet finds is wanted, dates aside.
    pub(super) fn is_told_by_facet(&self) -> bool {
        !self.target.as_deref().is_some_and(|target| target.contains('/'))
    }

    /// Whether an entry that was found by the facet is wanted: an id names objects of several kinds.
    pub(super) fn fits(&self, entry: &Entry) -> bool {
        let target = self.target.as_deref().filter(|target| target.contains('/'));
        target.is_none_or(|target| target == entry.target)
    }
}

/// Every combination of terms that an entry fits.
pub(super) fn combinations(entry: &Entry) -> Vec<String> {
    let mut all = Vec::with_capacity(15);
    for terms in 0..16 {
        let chosen = |term: u8| terms & (1 << term) != 0;
        let group = entry.group.as_deref().filter(|_| chosen(0));
        if chosen(0) && group.is_none() {
            continue;
        }
        let action = Some(entry.action.wire()).filter(|_| chosen(1));
        let actor = Some(entry.actor.as_str()).filter(|_| chosen(2));
        let target = Some(id_of(&entry.target)).filter(|_| chosen(3));
        all.extend(combination(group, action, actor, target));
    }
    all
}

fn combination(group: Option<&str>, action: Option<&str>, actor: Option<&str>, target: Option<&str>) -> Option<String> {
    let terms = [group, action, actor, target];
    terms.iter().any(Option::is_some).then(|| json!(terms).to_string())
}

/// The id in `kind/id`.
fn id_of(target: &str) -> &str {
    target.split_once('/').map_or(target, |(_, id)| id)
}

fn action(text: &str) -> Result<Action> {
    text.parse().map_err(|unknown| Error::invalid_argument(format!("the filter's action: {unknown}")))
}

/// The first and the last second that a date means.
fn moment(text: &str) -> Result<(Timestamp, Timestamp)> {
    if let Ok(seconds) = text.parse() {
        return Ok((Timestamp(seconds), Timestamp(seconds)));
    }
    let read = match text.split_once('T') {
        None => day(text).map(|day| (day, Timestamp(day.0 + 86_399))),
        Some((date, clock)) => day(date).zip(second(clock)).map(|(day, second)| {
            let moment = Timestamp(day.0 + second);
            (moment, moment)
        }),
    };
    read.ok_or_else(|| {
        let forms = "YYYY-MM-DD, YYYY-MM-DDThh:mm:ss or Unix seconds, and + or - after it";
        Error::invalid_argument(format!("the filter's date \"{text}\" is none of {forms}"))
    })
}

fn day(text: &str) -> Option<Timestamp> {
    let [year, month, day] = numbers(text, '-')?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    Some(Timestamp(date.midnight().assume_utc().unix_timestamp()))
}

fn second(text: &str) -> Option<i64> {
    let [hour, minute, second] = numbers(text.trim_end_matches('Z'), ':')?;
    let part = |number: i32| u8::try_from(number).ok();
    let time = Time::from_hms(part(hour)?, part(minute)?, part(second)?).ok()?;
    Some(i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second()))
}

fn numbers(text: &str, between: char) -> Option<[i32; 3]> {
    let parts: Option<Vec<i32>> = text.split(between).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Filter {
        Filter::parse(text).expect(text)
    }

    #[test]
    fn terms_are_joined_by_blanks_or_and() {
        let expected = Filter {
            action: Some(Action::AddGroupUser),
            actor: Some("alice".to_owned()),
            target: Some("user/bob".to_owned()),
            ..Filter::default()
        };
        assert_eq!(parsed("action:ADD_GROUP_USER user:alice target:user/bob"), expected);
        assert_eq!(parsed("user:\"alice\" AND target:user/bob AND action:ADD_GROUP_USER"), expected);
        assert_eq!(parsed(""), Filter::default());
    }

    #[test]
    fn a_date_is_a_day_a_second_or_one_end_of_a_span() {
        let span = |text: &str| (parsed(text).from.map(|at| at.0), parsed(text).to.map(|at| at.0));
        assert_eq!(span("date:2026-01-01"), (Some(1_767_225_600), Some(1_767_311_999)));
        assert_eq!(span("date:2026-01-01+"), (Some(1_767_225_600), None));
        assert_eq!(span("date:2026-01-01-"), (None, Some(1_767_311_999)));
        assert_eq!(span("date:2026-01-01T00:01:40+ date:1767225800-"), (Some(1_767_225_700), Some(1_767_225_800)));
        assert_eq!(span("date:1767225600"), (Some(1_767_225_600), Some(1_767_225_600)));
    }

    #[test]
    fn what_is_no_filter_is_told() {
        for text in [
            "alice",
            "user:",
            "colour:red",
            "action:DANCE",
            "user:a user:b",
            "date:yesterday",
            "date:2026-13-01",
            "date:2026-01-01 date:2026-01-02",
            "date:2026-01-01T25:00:00",
            "date:+",
        ] {
            assert_eq!(Filter::parse(text).expect_err(text).code, assay_model::Code::InvalidArgument, "{text}");
        }
    }
}
