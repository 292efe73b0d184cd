//! The API of the data folder on this machine, without a server and beside a running one: the same router, in this process,
//! as the folder's operator.

use std::sync::Arc;

use assay_api::{App, accounts};
use assay_events::audit::{self, Verdict};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Response};
use futures_util::StreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use crate::client::answer;
use crate::client::door::{Call, Door};
use crate::client::problem::{Kind, Problem};
use crate::compose;
use crate::config::Config;

/// What stands for itself in a path (RFC 3986 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The service of a data folder.
pub(crate) struct Local {
    app: Arc<App>,
}

impl Local {
    /// Opens the folder, which must be one already.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { app: compose::folder(config).await? })
    }
}

#[async_trait(?Send)]
impl Door for Local {
    async fn call(&self, call: &Call) -> Result<Json, Problem> {
        let broken = |error: &dyn std::fmt::Display| Problem::local(format!("the call cannot be made: {error}"));
        let request = request(call).map_err(|error| broken(&error))?;
        let response = assay_api::call_locally(&self.app, request).await;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = text(response).await.map_err(|error| broken(&error))?;
        let foreign =
            || Err(Problem::new(Kind::Foreign, format!("the service's answer is not understood (status {status})")));
        answer::meaning(status, retry_after.as_deref(), &text).unwrap_or_else(foreign)
    }

    async fn audit_log(&self) -> Result<Option<Verdict>, Problem> {
        let verdict = audit::verify(self.app.store()).await;
        verdict.map(Some).map_err(|error| Problem::local(format!("the audit log cannot be read: {error}")))
    }

    async fn close(&self) {
        let written = self.app.usage.flush(self.app.store(), self.app.now()).await;
        if let Err(error) = written {
            tracing::warn!(error = &error as &dyn std::error::Error, "usage could not be written");
        }
        self.app.meter.settle().await;
    }
}

/// The call as a request.
fn request(call: &Call) -> Result<Request<Body>, axum::http::Error> {
    let mut target = String::from("/api/v3");
    for segment in call.segments(accounts::OPERATOR) {
        target.push('/');
        target.extend(utf8_percent_encode(segment, ESCAPED));
    }
    if !call.query().is_empty() {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(call.query()).finish();
        target = format!("{target}?{query}");
    }
    let mut request = Request::builder().method(call.method().clone()).uri(target).header("user-agent", "assay");
    for (name, value) in call.headers() {
        request = request.header(*name, value);
    }
    match call.body() {
        Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    }
}

async fn text(response: Response<Body>) -> Result<String, axum::Error> {
    let mut chunks = response.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::door::Account;

    #[test]
    fn a_call_becomes_a_request_with_escaped_parts() {
        let call = Call::patch(&["users", "a/b?c"], json!({})).with("filter", Some("date:1+ x"));
        let request = request(&call).expect("a request");
        assert_eq!(request.uri().to_string(), "/api/v3/users/a%2Fb%3Fc?filter=date%3A1%2B+x");
        assert_eq!(
            (request.method().as_str(), &request.headers()["content-type"]),
            ("PATCH", &"application/json".parse().expect("a value"))
        );
        let own = super::request(&Call::get(&["api_usage"]).of(&Account::Own)).expect("a request");
        assert_eq!(own.uri().path(), "/api/v3/users/operator/api_usage");
    }
}
