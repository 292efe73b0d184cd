//! `assay usage`: what was asked of the API by day, by endpoint and by account.

use std::collections::BTreeMap;
use std::process::ExitCode;

use assay_model::Timestamp;
use assay_model::clock::{Clock as _, System};
use clap::Args;
use serde_json::{Value as Json, json};

use super::desk::{Desk, Session};
use crate::client::door::{Account, Call};
use crate::client::problem::Problem;
use crate::show::usage::{Chart, render};

const DAY: i64 = 86_400;

/// How many days the API answers for at once.
const AT_ONCE: i64 = 30;

/// What `--help` ends with.
const NOTES: &str = "  assay usage
  assay usage soc_siem --days 30
  assay usage --group soc                                   # with its members side by side
  assay usage --everyone --format json                      # as operator

Requests that cost nothing are told apart from those that count.";

/// What was asked of the API, by day, by endpoint and by account.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    /// Whose [default: your own]
    #[arg(conflicts_with_all = ["group", "everyone"])]
    account: Option<String>,
    /// Of a group and its members
    #[arg(long)]
    group: Option<String>,
    /// Of all accounts
    #[arg(long, conflicts_with = "group")]
    everyone: bool,
    /// How many UTC days, today included; they are kept for 60
    #[arg(long, value_name = "NUMBER", default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..=60))]
    days: i64,
}

/// Figures that add up.
#[derive(Debug, Default)]
struct Usage {
    days: BTreeMap<String, u64>,
    endpoints: BTreeMap<String, u64>,
    free: BTreeMap<String, u64>,
    accounts: BTreeMap<String, u64>,
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, account, group, everyone, days } = arguments;
    let today = System.now().day();
    desk.work(async |session| {
        let mut usage = Usage::over(today, days);
        if let Some(group) = &group {
            usage.add(session, &Call::get(&["groups", group, "api_usage"]), today, days).await?;
            usage.add_each(session, members(session, group).await?, today, days, false).await?;
        } else if everyone {
            let all = names(&session.all(&Call::get(&["users"]), None).await?);
            usage.add_each(session, all, today, days, true).await?;
        } else {
            let account = session.own_or(account).await?;
            usage.add(session, &Call::get(&["api_usage"]).of(&account), today, days).await?;
        }
        session.print(&usage.document(), |look| render(&usage.charts(), look))
    })
    .await
}

async fn members(session: &Session, group: &str) -> Result<Vec<String>, Problem> {
    let mut all = names(&session.all(&Call::get(&["groups", group, "users"]), None).await?);
    all.extend(names(&session.all(&Call::get(&["groups", group, "service_accounts"]), None).await?));
    Ok(all)
}

fn names(objects: &[Json]) -> Vec<String> {
    objects.iter().filter_map(|object| object["id"].as_str()).map(str::to_owned).collect()
}

impl Usage {
    /// Every day has a bar, also those on which nothing was asked.
    fn over(today: Timestamp, days: i64) -> Self {
        let date = |back| Timestamp(today.0 - back * DAY).text()[..10].to_owned();
        Self { days: (0..days).map(|back| (date(back), 0)).collect(), ..Self::default() }
    }

    /// Adds the answers of `api_usage`; the sum of what counts.
    async fn add(&mut self, session: &Session, call: &Call, today: Timestamp, days: i64) -> Result<u64, Problem> {
        let mut sum = 0;
        let mut last = today;
        let mut left = days;
        while left > 0 {
            let part = left.min(AT_ONCE);
            let first = Timestamp(last.0 - (part - 1) * DAY);
            let ask =
                call.clone().with("start_date", Some(first.compact_date())).with("end_date", Some(last.compact_date()));
            sum += self.take(&session.ask(&ask).await?);
            left -= part;
            last = Timestamp(first.0 - DAY);
        }
        Ok(sum)
    }

    /// Adds each account by its name; `whole` where no group has told the days and endpoints already.
    async fn add_each(
        &mut self,
        session: &Session,
        names: Vec<String>,
        today: Timestamp,
        days: i64,
        whole: bool,
    ) -> Result<(), Problem> {
        for name in names {
            let call = Call::get(&["api_usage"]).of(&Account::Named(name.clone()));
            let sum = if whole {
                self.add(session, &call, today, days).await?
            } else {
                Self::default().add(session, &call, today, days).await?
            };
            if sum > 0 {
                self.accounts.insert(name, sum);
            }
        }
        Ok(())
    }

    /// One answer: `{"daily": {"2024-05-01": {"/api/v3/(files)": 3}}, "daily_endpoints_not_consuming_quota": …}`.
    fn take(&mut self, data: &Json) -> u64 {
        let mut sum = 0;
        for (date, endpoint, count) in figures(&data["daily"]) {
            *self.days.entry(date).or_default() += count;
            *self.endpoints.entry(endpoint).or_default() += count;
            sum += count;
        }
        for (_, endpoint, count) in figures(&data["daily_endpoints_not_consuming_quota"]) {
            *self.free.entry(endpoint).or_default() += count;
        }
        sum
    }

    fn document(&self) -> Json {
        json!({ "days": self.days, "endpoints": self.endpoints, "endpoints_not_consuming_quota": self.free,
                "accounts": self.accounts })
    }

    fn charts(&self) -> Vec<Chart<'_>> {
        let all = [
            ("Requests by day", &self.days, true),
            ("By endpoint", &self.endpoints, false),
            ("By endpoint, at no cost", &self.free, false),
            ("By account", &self.accounts, false),
        ];
        let shown = all.into_iter().filter(|(_, bars, in_order)| *in_order || !bars.is_empty());
        shown.map(|(title, bars, in_order)| Chart { title, bars, in_order }).collect()
    }
}

/// Dates as `2024-05-01`, endpoints without the API's path around them.
fn figures(daily: &Json) -> impl Iterator<Item = (String, String, u64)> + '_ {
    let days = daily.as_object().into_iter().flatten();
    days.flat_map(|(date, endpoints)| {
        let date = match date.len() {
            8 if date.is_ascii() => format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]),
            _ => date.clone(),
        };
        let endpoints = endpoints.as_object().into_iter().flatten();
        endpoints.filter_map(move |(endpoint, count)| Some((date.clone(), short(endpoint), count.as_u64()?)))
    })
}

fn short(endpoint: &str) -> String {
    endpoint.trim_start_matches("/api/v3/").trim_start_matches('(').trim_end_matches(')').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_add_up_by_day_and_by_endpoint() {
        let mut usage = Usage::over(Timestamp(20_000 * DAY), 2);
        assert_eq!(usage.days.keys().collect::<Vec<_>>(), ["2024-10-03", "2024-10-04"]);
        let answer = json!({
            "daily": {"2024-10-04": {"/api/v3/(files)": 3, "/api/v3/(urls)": 1}, "20241003": {"files": 2}, "x": 7},
            "daily_endpoints_not_consuming_quota": {"2024-10-04": {"/api/v3/(analyses)": 9}},
            "total": {"/api/v3/(files)": 100}
        });
        assert_eq!(usage.take(&answer), 6);
        assert_eq!(usage.take(&json!({})), 0);
        assert_eq!(
            usage.document(),
            json!({"days": {"2024-10-03": 2, "2024-10-04": 4}, "endpoints": {"files": 5, "urls": 1},
                   "endpoints_not_consuming_quota": {"analyses": 9}, "accounts": {}})
        );
        assert_eq!(usage.charts().len(), 3);
    }
}
