//! `VirusTotal`'s API v3 over HTTP.
//!
//! | module | what |
//! |---|---|
//! | [`routes`] | **the table of endpoints**: router, `openapi.json`, docs, metric labels and the authorisation sweeps are made of it |
//! | [`gate`] | the spine of a request: authenticate → authorise → check → meter → handle |
//! | [`identity`] | whose key this is, and what its account may do now |
//! | [`meter`], [`usage`], `turns` | who may how often, who used what, who goes first |
//! | [`objects`] | one file an object type: attributes, relationships |
//! | `files`, `accounts`, `community`, `metadata`, `v2`, `widget` | actions, one file each |
//! | `authored` | objects that people write: rows, and the handlers that serve them all |
//! | `brokered`, `upstreams`, `intelligence` | what upstream is asked for, and the contracts under which it is |
//! | `envelope`, `cursor`, `report`, `ticket` | how answers look, and addresses that need no key |
//! | [`openapi`], [`reference`](mod@reference), [`coverage`] | the documentation, printed from the rows |
//!
//! To add an action: a file with its handler and a row in [`routes::table`]. To add an object: a file in [`objects`]
//! and a line in its list. Neither touches [`gate`].
//!
//! Invariant: a handler gets a [`gate::Paid`], which only the spine can make.
//! Invariant: nobody without a key can make the server read a body.
//! Invariant: no key is ever part of an answer, a log line or a metric, but in the answer that makes it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use assay_model::{Code, Error};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, RawPathParams, Request};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderValue, Method, Response};
use axum::routing::{MethodFilter, on};

pub mod accounts;
mod addresses;
pub mod app;
pub mod attack;
mod authored;
mod brokered;
mod community;
pub mod coverage;
mod cursor;
mod envelope;
pub mod files;
pub mod gate;
pub mod identity;
mod intelligence;
mod metadata;
pub mod meter;
pub mod objects;
pub mod openapi;
mod range;
pub mod reference;
mod report;
mod request_log;
pub mod route;
pub mod routes;
mod ticket;
mod turns;
mod upstreams;
pub mod usage;
mod v2;
mod widget;

pub use app::{App, Parts, Settings};
use meter::Exhausted;
use request_log::{Entry, Figures};
use route::{Arguments, Route};
pub use upstreams::register as register_upstream;
use usage::Client;

/// The longest path with its query that is looked at; beyond it the answer is 400.
const TARGET_MAX: usize = 16 << 10;

/// The header in which integrations name themselves.
const TOOL: &str = "x-tool";

/// The whole service, without listener.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in routes::table(&app.settings) {
        let figures = Arc::new(Figures::new(&route.operation));
        let route = Arc::new(route);
        let (app, path) = (app.clone(), route.path.clone());
        let filter = filter(&route.method);
        router = router.route(
            &path,
            on(filter, move |request: Request| serve(app.clone(), route.clone(), figures.clone(), request)),
        );
    }
    let (missing, wrong_method) = (app.clone(), app.clone());
    let unknown = Arc::new(Figures::new("unknown"));
    let unknown_method = unknown.clone();
    let compression = tower_http::compression::CompressionLayer::new()
        .gzip(true)
        .quality(tower_http::CompressionLevel::Fastest)
        .compress_when(JsonOnly);
    router
        .method_not_allowed_fallback(move |request: Request| {
            let error = Error::new(Code::MethodNotAllowed, "the endpoint does not take this method");
            std::future::ready(refuse(&wrong_method, &unknown_method, &request, &error))
        })
        .fallback(move |request: Request| {
            let error = v2::advice(request.uri()).unwrap_or_else(|| Error::new(Code::NotFound, "endpoint not found"));
            std::future::ready(refuse(&missing, &unknown, &request, &error))
        })
        .layer(compression)
}

fn filter(method: &Method) -> MethodFilter {
    // `GET` answers `HEAD` too: the router drops the body.
    MethodFilter::try_from(method.clone()).expect("the table has standard methods only")
}

/// Compresses JSON, errors included, and never the bytes of a file.
#[derive(Clone, Copy)]
struct JsonOnly;

impl tower_http::compression::Predicate for JsonOnly {
    fn should_compress<B: http_body::Body>(&self, response: &axum::http::Response<B>) -> bool {
        let kind = response.headers().get(axum::http::header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    }
}

/// One request through the spine, measured and logged.
async fn serve(app: Arc<App>, route: Arc<Route>, figures: Arc<Figures>, request: Request) -> Response<Body> {
    let started = app.pipeline.clock.nanoseconds();
    let mut entry = Entry::new(&app.requests);
    let method = request.method().clone();
    let origin = origin(&app, &request);
    let client = [USER_AGENT.as_str(), TOOL].map(|name| request.headers().get(name).cloned());
    let outcome = match arguments(request).await {
        Ok((arguments, request)) => gate::pass(&app, &route, arguments, &origin, request, &mut entry).await,
        Err(error) => Err(error),
    };
    let (mut response, exhausted) = match outcome {
        Ok(reply) => (envelope::respond(reply), None),
        Err(error) => {
            report(&entry, &route.path, &error);
            (envelope::refuse(&error), Exhausted::behind(&error))
        }
    };
    if let Some(remaining) = exhausted.or_else(|| entry.receipt()?.minute) {
        envelope::limits(&mut response, &remaining, app.now());
    }
    if let Some(call) = entry.call() {
        if let Some(retirement) = &call.0.retirement {
            envelope::retiring(&mut response, retirement);
        }
        let [agent, tool] =
            client.each_ref().map(|said| said.as_ref().and_then(|said| said.to_str().ok()).unwrap_or(""));
        let client = Client { address: origin.address, agent, tool };
        app.usage.note(call, &route, response.status().as_u16(), client, app.now());
    }
    finish(&app, &entry, &method, &route.path, &figures, started, &mut response);
    response
}

/// Runs a request in this process as the account `operator`: whoever can open the data folder is the operator. For the
/// command line beside or without a server.
pub async fn call_locally(app: &Arc<App>, mut request: Request) -> Response<Body> {
    request.extensions_mut().insert(gate::FolderOwner);
    match tower::ServiceExt::oneshot(router(app), request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Where a request comes from.
fn origin(app: &App, request: &Request) -> gate::Origin {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    // Our proxy adds the address that it saw at the end; what stands before it anybody can write.
    let forwarded = request.headers().get("x-forwarded-for").filter(|_| app.settings.trust_forwarded);
    let forwarded = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    let owner = request.extensions().get::<gate::FolderOwner>().is_some();
    gate::Origin { address: forwarded.or(peer).map(|address: IpAddr| address.to_canonical()), owner }
}

/// What the address of a request says.
async fn arguments(request: Request) -> Result<(Arguments, Request), Error> {
    let (mut head, body) = request.into_parts();
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET_MAX) {
        return Err(Error::bad_request(format!("the address is longer than {TARGET_MAX} characters")));
    }
    let placeholders = <RawPathParams as axum::extract::FromRequestParts<()>>::from_request_parts(&mut head, &())
        .await
        .map_err(|cause| Error::bad_request("the path is not valid UTF-8").because(cause))?;
    let path = placeholders.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = head.uri.query().unwrap_or("");
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let arguments = Arguments { path, query, target: head.uri.path().to_owned() };
    Ok((arguments, Request::from_parts(head, body)))
}

/// An address or method that no row has.
fn refuse(app: &App, figures: &Figures, request: &Request, error: &Error) -> Response<Body> {
    let started = app.pipeline.clock.nanoseconds();
    let entry = Entry::new(&app.requests);
    let mut response = envelope::refuse(error);
    finish(app, &entry, request.method(), "-", figures, started, &mut response);
    response
}

fn finish(
    app: &App,
    entry: &Entry,
    method: &Method,
    path: &str,
    figures: &Figures,
    started: i64,
    response: &mut Response<Body>,
) {
    let took = std::time::Duration::from_nanos((app.pipeline.clock.nanoseconds() - started).max(0).unsigned_abs());
    let status = response.status().as_u16();
    if let Ok(id) = HeaderValue::from_str(entry.id()) {
        response.headers_mut().insert("x-request-id", id);
    }
    entry.write(method.as_str(), path, status, took);
    figures.count(status, took);
}

/// The log's voice of an error that is our fault.
fn report(entry: &Entry, route: &str, error: &Error) {
    if error.code.status() >= 500 {
        let cause = std::error::Error::source(error).map(|cause| {
            std::iter::successors(Some(cause), |cause| cause.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": ")
        });
        tracing::error!(id = entry.id(), route, error = %error, cause, "a request failed");
    }
}
