//! Arguments that several commands take, read into what the API wants.

use std::time::{Duration, UNIX_EPOCH};

use assay_model::Timestamp;
use assay_model::clock::{Clock as _, System};
use serde_json::{Map, Value as Json, json};

/// A moment to come: `90d` from now, or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long from now.
    In(Duration),
    /// On that date, UTC.
    On(i64),
}

impl Moment {
    /// Unix seconds.
    pub(crate) fn seconds(self) -> i64 {
        self.after(System.now())
    }

    fn after(self, now: Timestamp) -> i64 {
        match self {
            Self::In(time) => now.0.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
            Self::On(seconds) => seconds,
        }
    }
}

/// Reads `90d`, `2027-01-31` or `2027-01-31 12:00:00`.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = humantime::parse_duration(text) {
        return Ok(Moment::In(time));
    }
    let whole = if text.len() == "2027-01-31".len() { format!("{text} 00:00:00") } else { text.to_owned() };
    let date = humantime::parse_rfc3339_weak(&whole).ok().and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let seconds = date.and_then(|since| i64::try_from(since.as_secs()).ok());
    seconds.map(Moment::On).ok_or_else(|| "say a time from now (90d, 12h) or a date (2027-01-31), UTC".to_owned())
}

/// A moment that is over: `7d` ago, or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past(Moment);

impl Past {
    /// Unix seconds.
    pub(crate) fn seconds(self) -> i64 {
        match self.0 {
            Moment::In(time) => System.now().0.saturating_sub(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
            Moment::On(seconds) => seconds,
        }
    }
}

/// Reads `7d` as seven days ago, or a date.
pub(crate) fn past(text: &str) -> Result<Past, String> {
    moment(text).map(Past).map_err(|_| "say how long ago (7d, 12h) or a date (2026-11-01), UTC".to_owned())
}

/// Reads `NAME=NUMBER`, where the number may be `unlimited`.
pub(crate) fn allowance(text: &str) -> Result<(String, u64), String> {
    let (name, amount) = text.split_once('=').ok_or("say NAME=NUMBER, such as intelligence_searches_monthly=300")?;
    Ok((name.to_owned(), limit(amount)?))
}

/// Reads a number, or `unlimited`.
pub(crate) fn limit(text: &str) -> Result<u64, String> {
    if text == "unlimited" {
        return Ok(assay_model::quota::UNLIMITED);
    }
    text.parse().map_err(|_| "say a number, or unlimited".to_owned())
}

/// Attributes to be set: only what was said is sent, and what is not sent stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Map<String, Json>);

impl Attributes {
    /// Sets one, where it was said.
    pub(crate) fn set(mut self, name: &str, value: Option<impl Into<Json>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Sets a list, where it has something in it.
    pub(crate) fn list(mut self, name: &str, values: &[String]) -> Self {
        if !values.is_empty() {
            self.0.insert(name.to_owned(), values.into());
        }
        self
    }

    /// Whether nothing was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `data` of a call: an object of this type.
    pub(crate) fn object(self, kind: &str, id: Option<&str>) -> Json {
        let mut object = Map::new();
        object.insert("type".to_owned(), kind.into());
        if let Some(id) = id {
            object.insert("id".to_owned(), id.into());
        }
        object.insert("attributes".to_owned(), self.0.into());
        object.into()
    }

    /// The same for a change, which has to change something.
    pub(crate) fn change(self, kind: &str, id: &str) -> anyhow::Result<Json> {
        anyhow::ensure!(!self.is_empty(), "say what to change; --help lists what can be");
        Ok(self.object(kind, Some(id)))
    }
}

/// Privileges to be granted, until a moment or for good, and to be revoked.
pub(crate) fn privileges(grant: &[String], until: Option<Moment>, revoke: &[String]) -> Option<Json> {
    let granted = match until {
        Some(until) => json!({ "granted": true, "expiration_date": until.seconds() }),
        None => json!({ "granted": true }),
    };
    let mut all = Map::new();
    all.extend(grant.iter().map(|name| (name.clone(), granted.clone())));
    all.extend(revoke.iter().map(|name| (name.clone(), json!({ "granted": false }))));
    (!all.is_empty()).then(|| all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_from_now_or_a_date() {
        let seconds = |text| moment(text).map(|moment| moment.after(Timestamp(1_000)));
        assert_eq!(seconds("90d"), Ok(1_000 + 90 * 86_400));
        assert_eq!(seconds("1970-01-02"), Ok(86_400));
        assert_eq!(seconds("1970-01-02 00:00:05"), Ok(86_405));
        for wrong in ["", "soon", "90", "2027-13-01", "1960-01-01", "9999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_allowance_has_a_name_and_a_number() {
        assert_eq!(allowance("a=3"), Ok(("a".to_owned(), 3)));
        assert_eq!(allowance("a=unlimited"), Ok(("a".to_owned(), 1_000_000_000)));
        assert!(allowance("a").is_err() && allowance("a=b").is_err());
    }

    #[test]
    fn only_what_was_said_is_sent() {
        let data = Attributes::default().set("tier", Some("public")).set("email", None::<String>).list("x", &[]);
        assert_eq!(data.object("user", None), json!({"type": "user", "attributes": {"tier": "public"}}));
        let refusal = Attributes::default().change("user", "ann").expect_err("nothing to change").to_string();
        assert!(refusal.contains("--help"), "{refusal}");
        let all = privileges(&["a".to_owned()], Some(Moment::On(5)), &["b".to_owned()]);
        assert_eq!(all, Some(json!({"a": {"granted": true, "expiration_date": 5}, "b": {"granted": false}})));
        assert_eq!(privileges(&[], None, &[]), None);
    }
}
