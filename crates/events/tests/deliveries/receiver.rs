//! A receiver of webhooks: what it answers is in the path, and it remembers what it was sent.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Something that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Arrival {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What the answers depend on.
#[derive(Default)]
pub(crate) struct Seen {
    arrivals: Mutex<Vec<Arrival>>,
    /// How many bytes of an endless answer were produced.
    pub(crate) produced: AtomicUsize,
    /// What `/moody` answers; 0 is 500.
    pub(crate) mood: AtomicUsize,
}

/// See the module.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, router) = router();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, seen, _tasks: tasks }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What has arrived at a path.
    pub(crate) fn arrivals(&self, path: &str) -> Vec<Arrival> {
        arrivals(&self.seen, path)
    }
}

/// What has arrived at a path.
pub(crate) fn arrivals(seen: &Seen, path: &str) -> Vec<Arrival> {
    let all = seen.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().filter(|one| one.path == path).cloned().collect()
}

/// A receiver's answers, for any listener.
pub(crate) fn router() -> (Arc<Seen>, Router) {
    let seen = Arc::new(Seen::default());
    (seen.clone(), Router::new().route("/{*rest}", post(answer)).with_state(seen))
}

async fn answer(State(seen): State<Arc<Seen>>, Path(rest): Path<String>, headers: HeaderMap, body: String) -> Response {
    let path = format!("/{rest}");
    let before = arrivals(&seen, &path).len();
    let arrival = Arrival { path, headers, body };
    seen.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
    let mut words = rest.split('/');
    let (what, number) = (words.next().unwrap_or_default(), words.next().and_then(|word| word.parse().ok()));
    match what {
        "ok" => StatusCode::OK.into_response(),
        "status" => status(number).into_response(),
        // The first so many fail.
        "flaky" if before < number.unwrap_or(0) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "flaky" => StatusCode::NO_CONTENT.into_response(),
        "moody" => status(Some(seen.mood.load(Ordering::SeqCst).max(200))).into_response(),
        "busy" => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3600")]).into_response(),
        "redirect" => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/ok/redirected")]).into_response(),
        "slow" => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            StatusCode::OK.into_response()
        }
        "endless" => endless(seen).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn status(number: Option<usize>) -> StatusCode {
    number.and_then(|number| StatusCode::from_u16(u16::try_from(number).ok()?).ok()).unwrap_or(StatusCode::NOT_FOUND)
}

fn endless(seen: Arc<Seen>) -> Body {
    let chunk = Bytes::from(vec![b'.'; 16 << 10]);
    Body::from_stream(futures_util::stream::repeat_with(move || {
        seen.produced.fetch_add(chunk.len(), Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(chunk.clone())
    }))
}
