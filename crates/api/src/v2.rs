//! Habits of API v2. Under `/api/v3/` a v2 address is answered with the v3 request to make instead; under `/vtapi/v2/`
//! look-ups, and uploads of files, speak v2 for clients that cannot change: 204 over quota, 403 on a wrong key, `response_code` in
//! the body. Where the operator turned the shim off, `/vtapi/v2/` gives the same advice.

use assay_model::analysis::{Status, StoredAnalysis};
use assay_model::record::Key;
use assay_model::role::Role;
use assay_model::{Code, Error, Kind, Result};
use axum::body::Body;
use axum::http::{Method, Uri};
use http_body_util::{BodyExt as _, Limited};
use serde_json::json;
use sync_wrapper::SyncWrapper;

use crate::app::{App, DIRECT_UPLOAD};
use crate::files::upload;
use crate::gate::{Needs, Paid};
use crate::route::{Access, Answers, Call, Cost, Feature, Reply, ReplyBody, Route, Takes, any, parse_hash};

mod reports;

/// The v3 request that does what a v2 address did.
const ADVICE: &[(&str, &str)] = &[
    ("file/report", "GET /api/v3/files/{hash}"),
    ("file/scan/upload_url", "GET /api/v3/files/upload_url"),
    ("file/scan", "POST /api/v3/files"),
    ("file/rescan", "POST /api/v3/files/{hash}/analyse"),
    ("file/behaviour", "GET /api/v3/files/{hash}/behaviours"),
    ("file/network-traffic", "GET /api/v3/file_behaviours/{id}/pcap"),
    ("file/search", "GET /api/v3/intelligence/search?query=…"),
    ("file/download", "GET /api/v3/files/{hash}/download"),
    ("file/feed", "GET /api/v3/feeds/files/{time}"),
    ("file/submissions", "GET /api/v3/files/{hash}/submissions"),
    ("url/report", "GET /api/v3/urls/{id}"),
    ("url/scan", "POST /api/v3/urls"),
    ("url/feed", "GET /api/v3/feeds/urls/{time}"),
    ("domain/report", "GET /api/v3/domains/{domain}"),
    ("ip-address/report", "GET /api/v3/ip_addresses/{ip}"),
    ("comments/get", "GET /api/v3/files/{hash}/comments"),
    ("comments/put", "POST /api/v3/files/{hash}/comments"),
];

/// The longest form that is read.
const FORM_MAX: usize = 64 << 10;

/// What to do instead, where an address is one of v2.
pub(crate) fn advice(uri: &Uri) -> Option<Error> {
    let path = uri.path();
    let rest = path.strip_prefix("/api/v3/").or_else(|| path.strip_prefix("/vtapi/v2/"))?.trim_end_matches('/');
    let (_, instead) = ADVICE.iter().find(|(v2, _)| rest == *v2)?;
    Some(Error::bad_request(format!(
        "this is an address of API v2; make the v3 request \"{instead}\" with the key in the header x-apikey"
    )))
}

/// The rows of the shim.
pub(crate) fn rows(on: bool) -> Vec<Route> {
    if !on {
        return Vec::new();
    }
    let row = |method: Method, path: &str, operation: &str, summary: &str, run| Route {
        method,
        path: format!("/vtapi/v2/{path}"),
        operation: operation.to_owned(),
        summary: summary.to_owned(),
        // The key is an argument here: the handlers check it themselves, before they read a file.
        role: None,
        feature: None,
        access: Access::Open,
        cost: Cost::Free,
        takes: Takes::Form,
        answers: Answers::Dictionary,
        errors: &[],
        query: &[],
        object: None,
        relationship: None,
        check: any,
        run,
    };
    let report = |call: Call| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + Send>> {
        Box::pin(async move { in_v2(reports::file(call).await) })
    };
    let url = |call: Call| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + Send>> {
        Box::pin(async move { in_v2(reports::url(call).await) })
    };
    let domain = |call: Call| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + Send>> {
        Box::pin(async move { in_v2(reports::domain(call).await) })
    };
    let address = |call: Call| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + Send>> {
        Box::pin(async move { in_v2(reports::ip_address(call).await) })
    };
    let rescan = |call: Call| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + Send>> {
        Box::pin(async move { in_v2(rescan(call).await) })
    };
    let scan = |call: Call| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + Send>> {
        Box::pin(async move { in_v2(scan(call).await) })
    };
    vec![
        row(Method::GET, "file/report", "v2_file_report", "API v2: the report of a file", report),
        row(Method::POST, "file/report", "v2_file_report_post", "API v2: the report of a file", report),
        row(Method::POST, "file/rescan", "v2_file_rescan", "API v2: analyse a file again", rescan),
        row(Method::POST, "file/scan", "v2_file_scan", "API v2: upload a file", scan),
        row(Method::GET, "url/report", "v2_url_report", "API v2: the report of a URL", url),
        row(Method::POST, "url/report", "v2_url_report_post", "API v2: the report of a URL", url),
        row(Method::GET, "domain/report", "v2_domain_report", "API v2: what is known of a domain", domain),
        row(
            Method::GET,
            "ip-address/report",
            "v2_ip_address_report",
            "API v2: what is known of an IP address",
            address,
        ),
    ]
}

/// Errors in the manner of v2: a status and no words.
fn in_v2(outcome: Result<Reply>) -> Result<Reply> {
    let error = match outcome {
        Ok(reply) => return Ok(reply),
        Err(error) => error,
    };
    let status = match error.code {
        Code::QuotaExceeded | Code::TooManyRequests => 204,
        Code::AuthenticationRequired | Code::WrongCredentials | Code::UserNotActive | Code::Forbidden => 403,
        Code::BadRequest | Code::InvalidArgument => 400,
        _ => return Err(error),
    };
    Ok(Reply { body: ReplyBody::Nothing, headers: Vec::new(), status, refund: false })
}

type Fields = Vec<(String, String)>;

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The arguments of the query and of an urlencoded form.
async fn fields(call: &mut Call) -> Result<Fields> {
    let mut fields = call.arguments.query.clone();
    let body = std::mem::replace(&mut call.body, SyncWrapper::new(Body::empty())).into_inner();
    let form = Limited::new(body, FORM_MAX).collect().await;
    let form = form.map_err(|cause| Error::bad_request("the form is cut off or too long").because(cause))?.to_bytes();
    fields.extend(url::form_urlencoded::parse(&form).into_owned());
    Ok(fields)
}

/// Checks the key of a v2 request and charges its account.
async fn pay(call: &Call, key: Option<&str>, requests: u64) -> Result<Paid> {
    let key = key.ok_or_else(|| Error::new(Code::AuthenticationRequired, "the argument apikey is missing"))?;
    Paid::on_key(call, key, requests, Needs::default()).await
}

async fn rescan(mut call: Call) -> Result<Reply> {
    let fields = fields(&mut call).await?;
    let resource = field(&fields, "resource").ok_or_else(|| Error::bad_request("the argument resource is missing"))?;
    parse_hash(resource)?;
    let paid = pay(&call, field(&fields, "apikey"), 1).await?;
    let viewer = crate::objects::Viewer { app: &call.app, paid: &paid, base: &call.base };
    let sha256 = match crate::objects::file::resolve(&viewer, resource).await {
        Ok(sha256) => sha256,
        Err(error) if error.code == Code::NotFound => {
            return Ok(Reply::value(&json!({ "response_code": 0, "resource": resource })));
        }
        Err(error) => return Err(error),
    };
    match assay_pipeline::rescan(&call.app.pipeline, &sha256, paid.class()).await {
        Ok(analysis) => queued(&call.app, &call.base, &analysis).await,
        Err(error) if error.code == Code::NotFound => {
            Ok(Reply::value(&json!({ "response_code": 0, "resource": resource })))
        }
        Err(error) => Err(error),
    }
}

/// `POST file/scan`: the key is in the query or in a header, so that it is known before the file is read.
async fn scan(call: Call) -> Result<Reply> {
    let header = call.headers.get(crate::gate::KEY_HEADER).and_then(|key| key.to_str().ok());
    let key = call.arguments.query("apikey").or(header).ok_or_else(|| {
        Error::new(Code::AuthenticationRequired, "give the key in the query (?apikey=…) or in the header x-apikey")
    })?;
    let needs = Needs { role: Some(Role::FileUploads), feature: Some(Feature::Uploads), privilege: None };
    let paid = Paid::on_key(&call, key, 1, needs).await?;
    let account = paid.account()?.account.clone();
    let ingested =
        upload::take(&call.app, &call.headers, call.body.into_inner(), &account, paid.class(), DIRECT_UPLOAD).await;
    if !matches!(&ingested, Ok(ingested) if !ingested.new) {
        call.tab.give_back(&call.app).await;
    }
    queued(&call.app, &call.base, &ingested?.analysis).await
}

async fn queued(app: &App, base: &str, analysis: &str) -> Result<Reply> {
    let record = app.store().read(&Key::shared(Kind::Analysis, analysis)).await?;
    let record = record.ok_or_else(|| Error::not_found("Analysis", analysis))?;
    let stored: StoredAnalysis = record.parse()?;
    let (file, date) = (stored.file, stored.attributes.date);
    let words = match stored.attributes.status {
        Status::Completed => "Scan finished, information embedded",
        Status::Queued | Status::InProgress => "Scan request successfully queued, come back later for the report",
    };
    Ok(Reply::value(&json!({
        "response_code": 1, "verbose_msg": words, "resource": file.sha256,
        "scan_id": format!("{}-{}", file.sha256, date.0),
        "md5": file.md5, "sha1": file.sha1, "sha256": file.sha256,
        "permalink": crate::envelope::link(base, Kind::File, &file.sha256.to_string()),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_v2_address_is_answered_with_the_v3_request() {
        let uri = "/api/v3/file/report?resource=abc".parse().expect("an address");
        let error = advice(&uri).expect("advice");
        assert_eq!(error.code, Code::BadRequest);
        assert!(error.message.contains("GET /api/v3/files/{hash}"), "{}", error.message);
        assert!(advice(&"/api/v3/nonsense".parse().expect("an address")).is_none());
    }
}
