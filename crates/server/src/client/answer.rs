//! What an answer means: the body on success, else a [`Problem`] in the server's own words.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::address::Address;
use super::problem::{Kind, Problem};
use super::transport;

/// How long to wait after a 429 that does not say how long: four a minute come one by one, as public keys have them.
const UNSAID: Duration = Duration::from_secs(15);

/// The whole body of a successful answer; it has `data`.
pub(crate) async fn body(response: Response, address: &Address) -> Result<Value, Problem> {
    let status = response.status().as_u16();
    match any(response, address).await? {
        body if body.get("data").is_some() => Ok(body),
        _ => Err(foreign(status, address)),
    }
}

/// The whole body of a successful answer, which may be an empty object: a change has nothing else to say.
pub(crate) async fn any(response: Response, address: &Address) -> Result<Value, Problem> {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (location, retry_after) = (header(LOCATION), header(RETRY_AFTER));
    let text = response.text().await.map_err(|error| transport::problem(error, address))?;
    if status.is_redirection() {
        let to = location.unwrap_or_else(|| "elsewhere".to_owned());
        return Err(Problem::new(Kind::Foreign, format!("{address} sends its clients on to {to}"))
            .mend("Name that server with --server or ASSAY_SERVER: a key is not sent after a redirect."));
    }
    meaning(status.as_u16(), retry_after.as_deref(), &text).unwrap_or_else(|| Err(foreign(status.as_u16(), address)))
}

/// What status and body of an answer mean; None where no v3 API would answer so.
pub(crate) fn meaning(status: u16, retry_after: Option<&str>, text: &str) -> Option<Result<Value, Problem>> {
    let body: Option<Value> = serde_json::from_str(text).ok();
    if let Some(refusal) = body.as_ref().and_then(|body| body.get("error")) {
        return Some(Err(refused(status, refusal, retry_after)));
    }
    body.filter(|body| body.is_object() && (200..300).contains(&status)).map(Ok)
}

/// An error of the API: `{"code", "message"}`.
fn refused(status: u16, error: &Value, retry_after: Option<&str>) -> Problem {
    let text = |key| error.get(key).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
    let code = text("code").unwrap_or("no code");
    let message = text("message").unwrap_or("the server gives no reason");
    let asked = retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let wait = match status {
        429 => asked.or(Some(UNSAID)),
        503 => asked,
        _ => None,
    };
    Problem { wait, ..Problem::new(Kind::Refused(status), format!("{message} ({status} {code})")) }
}

/// Something else than a v3 API answered.
fn foreign(status: u16, address: &Address) -> Problem {
    let problem = Problem::new(Kind::Foreign, format!("what answers at {address} is no v3 API (status {status})"));
    let other = address.with_the_other_scheme();
    problem.mend(format!(
        "--server or ASSAY_SERVER names the server's root, without a path of the web interface. If it is the right one, \
         does it speak {other}?"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], text: &str) -> Result<Value, Problem> {
        let mut response = axum::http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = Response::from(response.body(text.to_owned()).expect("a response"));
        let address = "http://127.0.0.1:8080".parse().expect("an address");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(body(response, &address))
    }

    #[test]
    fn an_error_is_given_in_the_servers_words() {
        let text = r#"{"error": {"code": "WrongCredentialsError", "message": "Wrong API key\u001b[2J"}}"#;
        let problem = answer(401, &[], text).expect_err("refused");
        assert_eq!(problem.message, "Wrong API key\\u{1b}[2J (401 WrongCredentialsError)");
        assert_eq!((problem.kind, problem.wait), (Kind::Refused(401), None));
    }

    #[test]
    fn a_full_quota_carries_the_wait_that_the_server_asks_for() {
        let text = r#"{"error": {"code": "QuotaExceededError", "message": "4 a minute"}}"#;
        let wait = |status, headers: &[_]| answer(status, headers, text).expect_err("refused").wait;
        assert_eq!(wait(429, &[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(429, &[]), Some(UNSAID));
        assert_eq!(wait(503, &[]), None);
        assert_eq!(wait(404, &[("retry-after", "7")]), None);
    }

    #[test]
    fn what_is_no_v3_answer_is_told_apart() {
        for (status, text) in [(200, "<html>"), (502, "bad gateway"), (200, "{}"), (204, "")] {
            assert_eq!(answer(status, &[], text).expect_err("foreign").kind, Kind::Foreign, "{status}");
        }
        let problem = answer(301, &[("location", "https://other/")], "").expect_err("a redirect");
        assert!(problem.message.contains("https://other/"), "{problem}");
        assert_eq!(answer(200, &[], r#"{"data": []}"#), Ok(json!({"data": []})));
    }
}
