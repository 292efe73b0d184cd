//! What answers: a web server at all, a proxy, a login page, or the v3 API. Asked without a key.

use assay_model::Timestamp;

use super::address;
use super::finding::{Chart, Step};
use super::visit::{Reply, Visit};

/// How far the clocks may be apart, in seconds.
const SKEW: u64 = 60;

/// What a person does who got here through a proxy.
const PROXY: &str = "Is a proxy, a login page or a captive portal in the way? Reach the server itself, or have the proxy \
    let /api/v3 through without a login.";

/// Asks for the metadata without a key. True where the v3 API answers.
pub(super) async fn examine(visit: &mut Visit, now: Timestamp, typed: &str, chart: &mut Chart<'_>) -> bool {
    let reply = match visit.get(&["metadata"], None).await {
        Ok(reply) => reply,
        Err(problem) => {
            let mend = problem.mend.unwrap_or_else(|| "Try again; if it stays, look into the server's log.".to_owned());
            chart.problem(Step::Http, problem.message, mend);
            return false;
        }
    };
    if !is_a_server(&reply, visit, chart) {
        return false;
    }
    clocks(&reply, now, chart);
    let found = is_the_api(&reply, visit, chart);
    if typed.to_ascii_lowercase().contains("/vtapi/v2") {
        v2(visit, chart).await;
    }
    found
}

/// HTTP as such: no redirect, no gateway, no page for people.
fn is_a_server(reply: &Reply, visit: &Visit, chart: &mut Chart) -> bool {
    let status = reply.status;
    if (300..400).contains(&status) {
        let to = reply.header("location").unwrap_or("elsewhere");
        let mend = if visit.address.is_plain() && to.starts_with("https://") {
            format!("Name it as {}.", visit.address.with_the_other_scheme())
        } else {
            format!("Name that server, if it is the right one: a key is not sent after a redirect. {PROXY}")
        };
        chart.problem(Step::Http, format!("the server sends its clients on to {to} (status {status})"), mend);
        return false;
    }
    if status == 407 {
        chart.problem(
            Step::Http,
            "a proxy wants a name and a password (status 407)",
            "Give them in HTTPS_PROXY, or name the server in NO_PROXY.",
        );
        return false;
    }
    if let Some(title) = reply.page() {
        let title = if title.is_empty() { String::new() } else { format!(" \"{title}\"") };
        chart.problem(Step::Http, format!("a web page{title} answers, not an API (status {status})"), PROXY);
        return false;
    }
    if matches!(status, 502..=504) && reply.error().is_none() {
        chart.problem(
            Step::Http,
            format!("a gateway answers in place of the server (status {status})"),
            "The proxy in front does not reach the server: is that running, and where the proxy looks for it?",
        );
        return false;
    }
    let by = reply.header("server").map_or_else(String::new, |name| format!(", by {name}"));
    chart.fine(Step::Http, format!("answers with status {status} without a key{by}"));
    true
}

fn clocks(reply: &Reply, now: Timestamp, chart: &mut Chart) {
    let date = reply.header("date").and_then(|text| httpdate::parse_http_date(text).ok());
    let theirs = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    let Some(theirs) = theirs.and_then(|since| i64::try_from(since.as_secs()).ok()) else {
        chart.note(Step::Http, "the server's clock: not known here, its answers carry no date");
        return;
    };
    let apart = now.0.abs_diff(theirs);
    if apart > SKEW {
        let later = if theirs > now.0 { "ahead of" } else { "behind" };
        chart.warning(
            Step::Http,
            format!("the server's clock is {apart} s {later} this machine's"),
            "Set both by NTP: expiry, daily quotas and TLS depend on them.",
        );
    } else {
        chart.fine(Step::Http, format!("the clocks are {apart} s apart"));
    }
}

/// Whether the answer is what the v3 API says to somebody without a key.
fn is_the_api(reply: &Reply, visit: &Visit, chart: &mut Chart) -> bool {
    match (reply.status, reply.error()) {
        (401, Some((code, _))) if code == "AuthenticationRequiredError" => {
            chart.fine(Step::Api, "the v3 API answers, and wants a key");
            true
        }
        (404, Some(_)) => {
            chart.note(Step::Api, "an API in v3's form answers, but /metadata is not known here");
            true
        }
        (429, Some((_, message))) => {
            chart.warning(
                Step::Api,
                format!("the v3 API answers, but protects itself: {message}"),
                "Wait, and send less at once.",
            );
            true
        }
        (status, Some((code, message))) => {
            chart.note(Step::Api, format!("an API in v3's form answers: {message} ({status} {code})"));
            true
        }
        (200, None) if reply.data().is_some() => {
            chart.note(Step::Api, "the v3 API answers without a key, unlike VirusTotal");
            true
        }
        (status, None) => {
            let mend = if address::is_virustotal(&visit.address) {
                PROXY.to_owned()
            } else {
                "Is it the right host and port? --server wants the server's root: the part before /api/v3.".to_owned()
            };
            chart.problem(Step::Api, format!("what answers is no v3 API (status {status})"), mend);
            false
        }
    }
}

/// Who came with v2's base address wants to know whether v2 is served.
async fn v2(visit: &mut Visit, chart: &mut Chart<'_>) {
    let url = visit.address.beside("/vtapi/v2/file/report");
    match visit.fetch(url, None).await {
        // v2 says 403 to a missing key, or 400 to missing arguments, and neither in v3's form.
        Ok(reply) if matches!(reply.status, 400 | 403) && reply.error().is_none() => {
            chart.fine(Step::Api, "API v2 is served too, under /vtapi/v2, for clients that can only speak v2");
        }
        Ok(reply) => {
            let said = reply.error().map_or_else(|| format!("status {}", reply.status), |(_, message)| message);
            chart.note(Step::Api, format!("API v2 is not served here: {said}"));
        }
        Err(problem) => chart.note(Step::Api, format!("API v2: not known here ({})", problem.message)),
    }
}

/// How long the answers took.
pub(super) fn latency(visit: &Visit, chart: &mut Chart) {
    let times = visit.times();
    let (Some(median), Some(slowest)) = (times.get(times.len() / 2), times.last()) else { return };
    let shown = format!(
        "{} answers, half of them within {:.1} ms, the slowest {:.1} ms",
        times.len(),
        median.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3
    );
    if median.as_millis() > 1_000 {
        chart.warning(
            Step::Latency,
            shown,
            "A slow way, or a busy server? Compare with a call from the server's own machine; clients that ask one thing \
             after the other feel every millisecond.",
        );
    } else {
        chart.fine(Step::Latency, shown);
    }
}
