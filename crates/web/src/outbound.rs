//! Calls to webhooks. In goes a URL, out comes what was answered, or why it was not called.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use assay_model::outbound::{Refusal, Rules};
use assay_model::{Error, Result};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, redirect};
use url::{Host, Url};

use crate::names::{Checked, Names, Unresolved, resolve};

const USER_AGENT: &str = concat!("Assay/", env!("CARGO_PKG_VERSION"));
/// How much of an answer is read. It is not looked at: a receiver that is cut off while it writes may take that for a
/// failure.
const ANSWER_MAX: usize = 64 << 10;
/// How long the rest of an answer is waited for once its status is known.
const LINGER: Duration = Duration::from_secs(2);
/// How long a name may take to be resolved when a URL is checked.
const TO_RESOLVE: Duration = Duration::from_secs(5);

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long its sender asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why nothing was answered, in words for whoever wrote the URL: no address, no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// Makes calls by the rules.
pub struct Outbound {
    rules: Arc<Rules>,
    names: Arc<dyn Names>,
    http: Client,
    patience: Duration,
}

impl Outbound {
    /// A caller that waits for an answer for up to `patience`. `authorities` (PEM) are trusted beside the system's.
    pub fn new(rules: Rules, names: Arc<dyn Names>, authorities: &[u8], patience: Duration) -> Result<Self> {
        let rules = Arc::new(rules);
        let trusted = Certificate::from_pem_bundle(authorities)
            .map_err(|error| Error::invalid_argument("the authorities to trust are not in PEM form").because(error))?;
        let builder = || {
            let checked = Checked { rules: rules.clone(), names: names.clone() };
            Client::builder()
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                .no_proxy()
                .no_gzip()
                .no_brotli()
                .no_deflate()
                // Each call is checked anew, so no connection outlives its call.
                .pool_max_idle_per_host(0)
                .dns_resolver(Arc::new(checked))
        };
        let built = builder().tls_certs_merge(trusted.clone()).build().or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "no authority is installed on this machine: only those of the configuration are trusted"
            );
            builder().tls_certs_only(trusted).build()
        });
        let http = built.map_err(|error| {
            Error::new(assay_model::Code::Internal, "the client for outgoing calls cannot be set up").because(error)
        })?;
        Ok(Self { rules, names, http, patience })
    }

    /// Checks a URL that somebody wants to be called later. A mistake is told as a 400, with what to do about it.
    pub async fn check_url(&self, text: &str) -> Result<Url> {
        let url = self.rules.check_url(text).map_err(|refusal| bad_url(&refusal))?;
        if let Some(Host::Domain(name)) = url.host() {
            let resolving = tokio::time::timeout(TO_RESOLVE, resolve(&*self.names, &self.rules, name));
            match resolving.await {
                Ok(Ok(_)) => {}
                Ok(Err(Unresolved::Refused(refusal))) => return Err(bad_url(&refusal)),
                Ok(Err(Unresolved::Unknown(_))) | Err(_) => {
                    return Err(Error::invalid_argument("the URL is refused: its host's name cannot be resolved"));
                }
            }
        }
        Ok(url)
    }

    /// Sends `body` by POST. The URL is checked again: what was permitted when it was written need not be now.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: String) -> Result<Answer, Failure> {
        let url = self.rules.check_url(url).map_err(|refusal| Failure(format!("not sent: {refusal}")))?;
        let sending = self.http.post(url).headers(headers).body(body).send();
        let answered = tokio::time::timeout(self.patience, sending).await;
        let response = match answered {
            Err(_elapsed) => return Err(Failure(format!("no answer within {} s", self.patience.as_secs()))),
            Ok(Err(error)) => return Err(failure(&error)),
            Ok(Ok(response)) => response,
        };
        let answer = Answer { status: response.status().as_u16(), retry_after: retry_after(response.headers()) };
        let _what_it_says_beyond_its_status = tokio::time::timeout(LINGER, drain(response)).await;
        Ok(answer)
    }
}

fn bad_url(refusal: &Refusal) -> Error {
    let mend = match refusal {
        Refusal::Address(_) => "; where it is meant, the operator permits its network in webhooks.allow",
        Refusal::Scheme => "; where no TLS is meant, the operator permits http in webhooks.allow_http",
        Refusal::UserInfo => "; verify the signature of what is sent instead",
        Refusal::Malformed | Refusal::TooLong => "",
    };
    Error::invalid_argument(format!("the URL is refused: {refusal}{mend}"))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

async fn drain(mut response: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read >= ANSWER_MAX {
            return;
        }
    }
}

/// The innermost cause says most, and holds no URL.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        if let Some(refused) = inner.downcast_ref::<Unresolved>() {
            return Failure(format!("not sent: {refused}"));
        }
        cause = inner;
    }
    if error.source().is_none() {
        return Failure("not sent".to_owned());
    }
    let what = if error.is_connect() { "no connection" } else { "the exchange broke off" };
    Failure(format!("{what}: {cause}"))
}
