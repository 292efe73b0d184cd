//! The key and its account as the server sees them: whether it is known, how long it lives, what is used up, what it
//! may do. What a server does not tell is `not known here`, never a fault.

use assay_model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};

use super::finding::{Chart, Step};
use super::key::Fit;
use super::visit::{Reply, Visit};

const DAY: i64 = 86_400;
/// How many days before its end somebody should know of a key's or a privilege's expiry.
const SOON: i64 = 14;
/// From how many percent on a quota is worth a warning.
const NEARLY: u64 = 80;

/// What "no limit" looks like: VirusTotal's sentinel and whatever is larger.
const UNLIMITED: u64 = 1_000_000_000;

/// Asks the server about the key and its account.
pub(super) async fn examine(visit: &mut Visit, fit: &Fit, now: Timestamp, chart: &mut Chart<'_>) {
    let key = &fit.key;
    let reply = match visit.get(&["users", key.expose_secret()], Some(key)).await {
        Ok(reply) => reply,
        Err(problem) => {
            chart.problem(Step::Account, problem.message, problem.mend.unwrap_or_default());
            return;
        }
    };
    let Some(user) = reply.data() else {
        refused(&reply, chart);
        return;
    };
    let id = user.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
    let kind = user.get("type").and_then(Json::as_str).unwrap_or("account").replace('_', " ");
    let attributes = user.get("attributes").and_then(Json::as_object).cloned().unwrap_or_default();
    let tier = attributes.get("tier").and_then(Json::as_str).map_or_else(String::new, |tier| format!(", tier {tier}"));
    match attributes.get("status").and_then(Json::as_str) {
        None | Some("active") => chart.fine(Step::Account, format!("the key opens the {kind} {id}{tier}")),
        Some(status) => chart.problem(
            Step::Account,
            format!("the {kind} {id} is {status}"),
            format!("Its operator makes it active: `assay user update {id} --status active`."),
        ),
    }
    retiring(&reply, now, chart);
    if let Some(id) = fit.id {
        lifetime(visit, &id.to_string(), key, now, chart).await;
    }
    quotas(visit, &id, key, chart).await;
    privileges(attributes.get("privileges").and_then(Json::as_object), now, chart);
}

/// The server does not take the key.
fn refused(reply: &Reply, chart: &mut Chart) {
    let Some((code, message)) = reply.error() else {
        chart.problem(
            Step::Account,
            format!("what answers to a key is no v3 API (status {})", reply.status),
            "Does a proxy in front treat requests with a key differently?",
        );
        return;
    };
    let said = format!("{message} ({} {code})", reply.status);
    match (reply.status, code.as_str()) {
        (401, "AuthenticationRequiredError") => chart.problem(
            Step::Account,
            format!("the key was sent, and the server saw none: {said}"),
            "A proxy on the way takes the header x-apikey out: let it pass.",
        ),
        (401, "UserNotActiveError") => chart.problem(
            Step::Account,
            format!("the key is right, its account is not active: {said}"),
            "An operator of the server makes it active: `assay user update NAME --status active`; at VirusTotal it is the link in \
             the e-mail.",
        ),
        (401, _) => chart.problem(
            Step::Account,
            format!("the server does not take the key: {said}"),
            "Is it a key of this very server? `assay key list --account NAME` shows which there are, `assay key create` makes \
             another.",
        ),
        (403, _) => chart.problem(
            Step::Account,
            format!("the key is not allowed here: {said}"),
            "If it is bound to networks, ask from one of them, or have it changed: `assay key update ID --network CIDR`.",
        ),
        (429, _) => chart.warning(Step::Account, format!("too many requests: {said}"), "Wait until the limit opens again."),
        (400 | 404 | 405, _) => chart.note(Step::Account, format!("the account: not known here, {said}")),
        _ => chart.problem(Step::Account, format!("the server fails: {said}"), "Look into the server's log."),
    }
}

/// A key that was rotated says so in every answer: RFC 9745 and RFC 8594.
fn retiring(reply: &Reply, now: Timestamp, chart: &mut Chart) {
    let (sunset, deprecated) = (reply.header("sunset"), reply.header("deprecation").is_some());
    if sunset.is_none() && !deprecated {
        return;
    }
    let date = sunset.and_then(|text| httpdate::parse_http_date(text).ok());
    let date = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    let end = match date.and_then(|since| i64::try_from(since.as_secs()).ok()) {
        Some(end) => format!(" until {} UTC, {}", Timestamp(end).text(), within(end - now.0)),
        None => String::new(),
    };
    chart.warning(
        Step::Account,
        format!("the key was rotated; it works{end}"),
        "Use its successor, which `assay key rotate` showed once. `assay key clients ID` tells who still uses the old one.",
    );
}

fn within(seconds: i64) -> String {
    match seconds {
        ..=0 => "which is over".to_owned(),
        1..DAY => format!("in {} h", seconds / 3600),
        _ => format!("in {} days", seconds / DAY),
    }
}

/// When the key ends, and from where it may be used; a server other than ours need not know.
async fn lifetime(visit: &mut Visit, id: &str, key: &SecretString, now: Timestamp, chart: &mut Chart<'_>) {
    let Ok(reply) = visit.get(&["api_keys", id], Some(key)).await else { return };
    let Some(data) = reply.data() else {
        chart.note(Step::Account, "when the key ends: not known here");
        return;
    };
    let attributes = &data["attributes"];
    match attributes["expiration_date"].as_i64() {
        None => chart.fine(Step::Account, "the key has no end"),
        Some(end) if end - now.0 < SOON * DAY => chart.warning(
            Step::Account,
            format!("the key ends on {} UTC, {}", Timestamp(end).text(), within(end - now.0)),
            format!("Rotate it: `assay key rotate {id}`."),
        ),
        Some(end) => chart.fine(Step::Account, format!("the key ends on {} UTC", Timestamp(end).text())),
    }
    let networks: Vec<_> =
        attributes["allowed_networks"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    if !networks.is_empty() {
        chart.note(Step::Account, format!("the key works from {} only", networks.join(", ")));
    }
    if attributes["imported"].as_bool() == Some(true) {
        chart.note(
            Step::Account,
            format!("the key was imported; `assay key rotate {id}` gives one of the server's own"),
        );
    }
}

/// What is used up, of the account and of its group.
async fn quotas(visit: &mut Visit, id: &str, key: &SecretString, chart: &mut Chart<'_>) {
    let reply = match visit.get(&["users", id, "overall_quotas"], Some(key)).await {
        Ok(reply) => reply,
        Err(problem) => {
            chart.note(Step::Quota, format!("not known here: {}", problem.message));
            return;
        }
    };
    let Some(data) = reply.data() else {
        let said = reply.error().map_or_else(|| format!("status {}", reply.status), |(_, message)| message);
        chart.note(Step::Quota, format!("not known here: {said}"));
        return;
    };
    let mut fine = Vec::new();
    for (name, sides) in data.as_object().into_iter().flatten() {
        for (side, counter) in sides.as_object().into_iter().flatten() {
            let (Some(allowed), Some(used)) = (counter["allowed"].as_u64(), counter["used"].as_u64()) else { continue };
            let whose = if side == "group" { "the group's" } else { "the account's" };
            let shown = format!("{whose} {name}: {used} of {allowed} used");
            match level(used, allowed) {
                Level::Gone => chart.problem(
                    Step::Quota,
                    shown,
                    format!("Wait until it opens again, or ask for more: `assay request ask --quota {name} --reason TEXT`."),
                ),
                Level::Nearly => chart.warning(
                    Step::Quota,
                    shown,
                    format!("`assay usage` shows what uses it; `assay request ask --quota {name} --reason TEXT` asks for more."),
                ),
                Level::Plenty if used > 0 => fine.push(format!("{name} {used}/{allowed}")),
                Level::Plenty | Level::Unlimited | Level::None => {}
            }
        }
    }
    let fine =
        if fine.is_empty() { "nothing is used up".to_owned() } else { format!("enough is left: {}", fine.join(", ")) };
    chart.fine(Step::Quota, fine);
    if let Some(limit) = reply.header("ratelimit") {
        let policy = reply.header("ratelimit-policy").map_or_else(String::new, |policy| format!(", policy {policy}"));
        chart.note(Step::Quota, format!("rate limit {limit}{policy}"));
    }
}

/// How full a counter is.
enum Level {
    /// It does not count here: nothing allowed, nothing used.
    None,
    Unlimited,
    Plenty,
    Nearly,
    Gone,
}

fn level(used: u64, allowed: u64) -> Level {
    match (used, allowed) {
        (0, 0) => Level::None,
        (_, UNLIMITED..) => Level::Unlimited,
        _ if used >= allowed => Level::Gone,
        _ if used.saturating_mul(100) >= allowed.saturating_mul(NEARLY) => Level::Nearly,
        _ => Level::Plenty,
    }
}

/// What the account may do beyond a public one, and what of it ends soon.
fn privileges(privileges: Option<&Map<String, Json>>, now: Timestamp, chart: &mut Chart) {
    let Some(privileges) = privileges else {
        chart.note(Step::Privileges, "not known here");
        return;
    };
    let mut granted = Vec::new();
    for (name, about) in privileges.iter().filter(|(_, about)| about["granted"].as_bool() == Some(true)) {
        // vt-cli writes 0 for "no end".
        match about["expiration_date"].as_i64().filter(|end| *end > 0) {
            Some(end) if end <= now.0 => chart.warning(
                Step::Privileges,
                format!("{name} ended on {} UTC", Timestamp(end).text()),
                format!("Ask for it again: `assay request ask --privilege {name} --reason TEXT`."),
            ),
            Some(end) if end - now.0 < SOON * DAY => {
                chart.warning(
                    Step::Privileges,
                    format!("{name} ends on {} UTC, {}", Timestamp(end).text(), within(end - now.0)),
                    format!("Ask for it again: `assay request ask --privilege {name} --reason TEXT`."),
                );
                granted.push(name.as_str());
            }
            _ => granted.push(name.as_str()),
        }
    }
    if granted.is_empty() {
        chart.note(Step::Privileges, "none: a public account, with look-ups and uploads");
    } else {
        chart.fine(Step::Privileges, format!("{}: {}", granted.len(), granted.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::{Finding, Grade};
    use super::*;

    fn shown(privileges: &Json, now: i64) -> Vec<Finding> {
        let mut chart = Chart::new(Box::new(|_| ()));
        super::privileges(privileges.as_object(), Timestamp(now), &mut chart);
        chart.into_findings()
    }

    #[test]
    fn privileges_that_end_are_told_apart_from_those_that_last() {
        let now = 1_000 * DAY;
        let all = json!({
            "livehunt": {"granted": true}, "retrohunt": {"granted": true, "expiration_date": 0},
            "allinfo": {"granted": true, "expiration_date": now + DAY}, "cases": {"granted": false},
            "private": {"granted": true, "expiration_date": now - 1}, "monitor": "nonsense"
        });
        let findings = shown(&all, now);
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert!(messages[0].starts_with("allinfo ends on") && messages[0].ends_with("in 1 days"), "{messages:?}");
        assert!(messages[1].starts_with("private ended on"), "{messages:?}");
        assert_eq!(messages[2], "3: livehunt, retrohunt, allinfo");
        assert_eq!(shown(&json!({}), now)[0].grade, Grade::Note);
        assert_eq!(shown(&json!(null), now)[0].message, "not known here");
    }

    #[test]
    fn a_counter_is_full_at_its_limit_and_nearly_so_from_80_percent_on() {
        assert!(matches!(level(0, 0), Level::None));
        assert!(matches!(level(79, 100), Level::Plenty));
        assert!(matches!(level(80, 100), Level::Nearly));
        assert!(matches!(level(100, 100), Level::Gone));
        assert!(matches!(level(1, 0), Level::Gone));
        assert!(matches!(level(5, 60_000_000_000), Level::Unlimited));
        assert!(matches!(level(u64::MAX, u64::MAX - 1), Level::Unlimited));
    }
}
