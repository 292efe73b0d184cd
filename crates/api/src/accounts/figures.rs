//! What was used: `overall_quotas`, `api_usage`, `users_consuming_quota`. In go a subject and a range of days, out come
//! figures in VirusTotal's shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_model::access::ledger_of_group;
use assay_model::account::User;
use assay_model::quota::{Limits, Quota, Window};
use assay_model::record::{Key, Record};
use assay_model::usage::Dimension;
use assay_model::{Error, Kind, Link, Result, Timestamp};
use assay_store::{End, Position, Range};
use serde_json::{Map, Value, json};

use super::rights::{Standpoint, find_account, forbidden, governed_group};
use crate::app::App;
use crate::identity::Account;
use crate::meter::Payer;
use crate::objects::{self, serve};
use crate::route::{Call, Reply};
use crate::{cursor, envelope};

const DAY: i64 = 86_400;
/// How many days one answer may cover.
const DAYS_MAX: i64 = 30;
/// How far back figures go.
const DAYS_BACK: i64 = 60;

/// Every quota with what is allowed and what was used, of one ledger.
pub(crate) async fn quotas(app: &App, ledger: &Arc<str>, limits: &Limits) -> Result<Vec<(Quota, Value)>> {
    let mut figures = Vec::with_capacity(Quota::ALL.len());
    for &quota in Quota::ALL {
        let used = app.meter.used(&Payer { name: ledger, limits }, quota).await?;
        figures.push((quota, json!({ "allowed": limits.of(quota), "used": used })));
    }
    Ok(figures)
}

/// The same, by the quotas' names.
pub(crate) async fn named_quotas(app: &App, ledger: &Arc<str>, limits: &Limits) -> Result<Map<String, Value>> {
    let figures = quotas(app, ledger, limits).await?;
    Ok(figures.into_iter().map(|(quota, figures)| (quota.wire().to_owned(), figures)).collect())
}

/// The account of the path, for whoever may see its figures.
async fn own_account(call: &Call) -> Result<Arc<Record>> {
    let record = find_account(&call.app, &call.paid, "User", call.arguments.path("id")).await?;
    if !Standpoint::towards_account(&call.paid, &record.key.id, &record.parse::<User>()?).sees_all() {
        return Err(forbidden(
            "figures are shown to the account itself, administrators of its group, and the operator",
        ));
    }
    Ok(record)
}

/// `GET /users/{id}/overall_quotas`: every quota by name, of the account and of the group that pays. Costs nothing.
pub(crate) async fn overall_quotas(call: Call) -> Result<Reply> {
    let record = own_account(&call).await?;
    let name = record.key.id.clone();
    let account = Account::read(&call.app, &name).await?.ok_or_else(|| Error::not_found("User", &name))?;
    let (app, now) = (&call.app, call.app.now());
    let own = quotas(app, &name, &account.holder().own_limits(now)).await?;
    let pool = match (&account.group, account.holder().pool(now)) {
        (Some((group, ..)), Some(limits)) => Some((group, quotas(app, &ledger_of_group(group), &limits).await?)),
        _ => None,
    };
    let mut answer = Map::new();
    for (place, (quota, figures)) in own.into_iter().enumerate() {
        let mut entry = json!({ "user": figures });
        if let Some((group, figures)) = &pool {
            let mut shared = figures[place].1.clone();
            shared["inherited_from"] = group.as_str().into();
            entry["group"] = shared;
        }
        answer.insert(quota.wire().to_owned(), entry);
    }
    Ok(Reply::data(answer))
}

/// `GET /users/{id}/api_usage`. Costs nothing.
pub(crate) async fn of_account(call: Call) -> Result<Reply> {
    let record = own_account(&call).await?;
    usage(&call, &record.key.id).await
}

/// `GET /groups/{id}/api_usage`.
pub(crate) async fn of_group(call: Call) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    usage(&call, &ledger_of_group(&group)).await
}

async fn usage(call: &Call, subject: &str) -> Result<Reply> {
    // What is counted in memory counts too.
    call.app.usage.flush(call.app.store(), call.app.now()).await?;
    let (from, to) = days(call)?;
    let (daily, total) = figures(call, subject, Dimension::Endpoint, (from, to)).await?;
    let (free_daily, free_total) = figures(call, subject, Dimension::FreeEndpoint, (from, to)).await?;
    let mut shown = json!({
        "daily": daily,
        "daily_endpoints_not_consuming_quota": free_daily,
        "total": total,
        "total_endpoints_not_consuming_quota": free_total,
    });
    // Ours: the other ways to cut the same calls.
    let mut cuts = Map::new();
    for (name, dimension) in [
        ("keys", Dimension::Key),
        ("clients", Dimension::Client),
        ("outcomes", Dimension::Outcome),
        ("accounts", Dimension::Account),
    ] {
        let (_, total) = figures(call, subject, dimension, (from, to)).await?;
        if !total.is_empty() {
            cuts.insert(name.to_owned(), total.into());
        }
    }
    // VirusTotal's pages and its scripts disagree on where the figures stand: both find them.
    let mut answer = shown.clone();
    shown["by"] = cuts.into();
    answer["data"] = shown;
    Ok(Reply::value(&answer))
}

type Figures = (Map<String, Value>, Map<String, Value>);

/// By day and in all; each day of the range is there, with nothing where nothing was used.
async fn figures(
    call: &Call,
    subject: &str,
    dimension: Dimension,
    (from, to): (Timestamp, Timestamp),
) -> Result<Figures> {
    let mut daily: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut total: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    let mut day = from;
    while day <= to {
        daily.insert(dashed(day), Map::new());
        day = day.next_day();
    }
    for (day, value, amount) in call.app.store().tallied(subject, dimension, from, to).await? {
        daily.entry(dashed(day)).or_default().insert(value.to_string(), amount.into());
        *total.entry(value).or_default() += amount;
    }
    let total = total.into_iter().map(|(value, amount)| (value.to_string(), amount.into())).collect();
    Ok((daily.into_iter().map(|(day, figures)| (day, figures.into())).collect(), total))
}

/// `start_date` and `end_date`, inclusive; the last 30 days where they are not said.
fn days(call: &Call) -> Result<(Timestamp, Timestamp)> {
    let today = call.app.now().day();
    let day = |name: &str| call.arguments.query(name).map(|text| read_day(name, text)).transpose();
    let to = day("end_date")?.unwrap_or(today);
    let from = day("start_date")?.unwrap_or(Timestamp(to.0 - (DAYS_MAX - 1) * DAY));
    if from > to {
        return Err(Error::bad_request("start_date is after end_date"));
    }
    if to.0 - from.0 > DAYS_MAX * DAY {
        return Err(Error::bad_request(format!("the range is longer than {DAYS_MAX} days")));
    }
    if from.0 < today.0 - DAYS_BACK * DAY {
        return Err(Error::bad_request(format!("figures go back {DAYS_BACK} days")));
    }
    Ok((from, to))
}

fn read_day(name: &str, text: &str) -> Result<Timestamp> {
    Timestamp::from_day(text).ok_or_else(|| Error::bad_request(format!("{name} must be a day as YYYYMMDD")))
}

/// `2026-01-31`.
fn dashed(day: Timestamp) -> String {
    day.text().chars().take(10).collect()
}

/// What `users_consuming_quota` knows.
const CONSUMED: &[Quota] = &[
    Quota::ApiRequestsDaily,
    Quota::ApiRequestsMonthly,
    Quota::IntelligenceSearchesMonthly,
    Quota::IntelligenceDownloadsMonthly,
    Quota::IntelligenceRetrohuntJobsMonthly,
    Quota::IntelligenceVtdiffCreationMonthly,
    Quota::IntelligenceHuntingRules,
    Quota::PrivateScansMonthly,
    Quota::PrivateUrlscansMonthly,
];

/// `GET /groups/{id}/users_consuming_quota/{quota}`: the members, by what they took of the pool.
pub(crate) async fn users_consuming_quota(call: Call) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    let quota = super::parse_quota(call.arguments.path("quota"))?;
    if !CONSUMED.contains(&quota) {
        let known: Vec<_> = CONSUMED.iter().map(|quota| quota.wire()).collect();
        return Err(Error::bad_request(format!("consumption is known of {}", known.join(", "))));
    }
    call.app.usage.flush(call.app.store(), call.app.now()).await?;
    let (from, to) = period(&call, quota)?;
    let descending = match call.arguments.query("order").unwrap_or("desc").trim() {
        "desc" => true,
        "asc" => false,
        _ => return Err(Error::bad_request("order is asc or desc")),
    };
    let mut consumed = consumption(&call, &group, quota, (from, to)).await?;
    consumed.sort_by(|(a, x), (b, y)| x.cmp(y).then_with(|| b.cmp(a)));
    if descending {
        consumed.reverse();
    }
    let name = format!("{group}/users_consuming_quota/{}", quota.wire());
    let start = match call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()? {
        Some(Position::Time(place, _)) => usize::try_from(place).unwrap_or(usize::MAX),
        _ => 0,
    };
    let limit = serve::limit(&call.arguments)?;
    let more = consumed.len() > start.saturating_add(limit);
    let mut items = Vec::new();
    for (account, amount) in consumed.into_iter().skip(start).take(limit) {
        let Some(record) = call.app.store().read(&Key::shared(Kind::User, account.as_str())).await? else { continue };
        let view = objects::view_of(&record);
        let mut object = serve::full(&call.viewer(), view, &record, &call.arguments, &[], false).await?;
        object["context_attributes"] = json!({ "quota_consumed_from_group": amount });
        items.push(object);
    }
    let next = more.then(|| {
        let place = i64::try_from(start + limit).unwrap_or(i64::MAX);
        cursor::write(&name, &Position::Time(place, 0))
    });
    Ok(Reply::value(&envelope::page(&call.base, &call.arguments, items, next, None)))
}

/// What each member took, members that took nothing included.
async fn consumption(
    call: &Call,
    group: &str,
    quota: Quota,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(String, u64)>> {
    let mut consumed: BTreeMap<String, u64> = BTreeMap::new();
    for link in [Link::Belongs, Link::Serves] {
        let mut range = Range::first(500);
        loop {
            let page = call.app.store().linked(&Key::shared(Kind::Group, group), link, End::Head, &range).await?;
            consumed.extend(page.items.into_iter().map(|edge| (edge.from.id.to_string(), 0)));
            match page.next {
                Some(next) => range = Range::after(500, Some(next)),
                None => break,
            }
        }
    }
    if matches!(quota, Quota::ApiRequestsDaily | Quota::ApiRequestsMonthly) {
        let figures = call.app.store().tallied(&ledger_of_group(group), Dimension::Account, from, to).await?;
        for (_, account, amount) in figures {
            if let Some(sum) = consumed.get_mut(&*account) {
                *sum += amount;
            }
        }
    } else {
        for (account, sum) in &mut consumed {
            *sum = call.app.store().spent(account, quota, quota.window().start(from)).await?;
        }
    }
    Ok(consumed.into_iter().collect())
}

/// `period=YYYY-MM` or `YYYY-MM-DD`: the current month and the two before.
fn period(call: &Call, quota: Quota) -> Result<(Timestamp, Timestamp)> {
    let now = call.app.now();
    let wrong = || Error::bad_request("period is a month (YYYY-MM) or a day (YYYY-MM-DD)");
    let (from, to) = match call.arguments.query("period") {
        Some(_) if quota.window() == Window::Standing => {
            return Err(Error::bad_request(format!("{} has no period", quota.wire())));
        }
        None if quota == Quota::ApiRequestsDaily => (now.day(), now.day()),
        None => (now.month(), now.day()),
        Some(text) if text.len() == 7 => {
            let from = Timestamp::from_day(&format!("{}01", text.replacen('-', "", 1))).ok_or_else(wrong)?;
            (from, Timestamp(from.next_month().0 - DAY))
        }
        Some(text) if text.len() == 10 && matches!(quota, Quota::ApiRequestsDaily | Quota::ApiRequestsMonthly) => {
            let day = Timestamp::from_day(&text.replace('-', "")).ok_or_else(wrong)?;
            (day, day)
        }
        Some(_) => return Err(wrong()),
    };
    let oldest = Timestamp(Timestamp(now.month().0 - DAY).month().0 - DAY).month();
    if from < oldest || from > now {
        return Err(Error::bad_request("the period is the current month or one of the two before"));
    }
    Ok((from, to))
}
