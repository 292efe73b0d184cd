//! The doctor: walks from the address as it was typed over name, connection, TLS and HTTP to the key, its account,
//! quotas and privileges, and writes down what it finds, each with its mend.
//!
//! | module | what it looks at |
//! |---|---|
//! | [`address`] | the form of the address |
//! | [`reach`] | name, addresses, port |
//! | [`tls`], [`certificate`] | encryption |
//! | [`server`] | what answers, how fast, at what time |
//! | [`key`] | the key as text |
//! | [`account`] | the key at the server, quotas, privileges |
//! | [`finding`], [`visit`] | what is written down; single requests |
//!
//! It works against any server that speaks `VirusTotal`'s API v3: an answer that it does not know is `not known here`.
//!
//! Invariant: the key is in no finding, and travels over plain HTTP to another machine only where that was said.

use std::path::PathBuf;
use std::time::Duration;

use assay_model::clock::Clock;

use super::address::Address;
use super::key::KeySource;
use super::{api, connection};

mod account;
mod address;
mod certificate;
pub(crate) mod finding;
mod key;
mod reach;
mod server;
mod tls;
mod visit;

pub(crate) use address::is_virustotal;
pub(crate) use finding::{Chart, Finding, Grade, Step};
use key::Fit;
use visit::Visit;

/// What is to be looked at.
pub(crate) struct Patient {
    /// The server's address, as it was typed.
    pub(crate) server: String,
    /// Where the key comes from.
    pub(crate) key: KeySource,
    /// An authority beside the system's.
    pub(crate) authority: Option<PathBuf>,
    /// How long each step may take.
    pub(crate) patience: Duration,
    /// Whether the key may travel over plain HTTP to another machine.
    pub(crate) insecure_http: bool,
}

/// The whole walk. Where a step makes the next impossible, what does not depend on it is still looked at.
pub(crate) async fn examine(patient: &Patient, clock: &dyn Clock, chart: &mut Chart<'_>) {
    let visit = match address::examine(&patient.server, chart) {
        Some(address) => arrive(patient, address, clock, chart).await,
        None => None,
    };
    let fit = key::examine(&patient.key, chart);
    let Some(mut visit) = visit else { return };
    if let Some(fit) = fit.filter(|fit| may_be_sent(fit, patient, &visit, chart)) {
        account::examine(&mut visit, &fit, clock.now(), chart).await;
    }
    server::latency(&visit, chart);
}

/// From the address to a v3 API that answers.
async fn arrive(patient: &Patient, address: Address, clock: &dyn Clock, chart: &mut Chart<'_>) -> Option<Visit> {
    if let Some(proxy) = reach::proxy(&address) {
        chart.note(
            Step::Connection,
            format!("requests go through the proxy {proxy}, as the environment says; name, port and certificate are its affair"),
        );
    } else {
        let addresses = reach::names(&address, patient.patience, chart).await?;
        let open = reach::connect(&addresses, patient.patience, chart).await?;
        let look =
            tls::Look { authority: patient.authority.as_deref(), patience: patient.patience, now: clock.now().0 };
        if !tls::examine(&address, open, &look, chart).await {
            return None;
        }
    }
    let authorities = patient.authority.as_deref().map(connection::authorities).transpose();
    let http = authorities.and_then(|authorities| api::http(&address, authorities.unwrap_or_default()));
    match http {
        Ok(http) => {
            let mut visit = Visit::new(http, address, patient.patience);
            server::examine(&mut visit, clock.now(), &patient.server, chart).await.then_some(visit)
        }
        Err(problem) => {
            chart.problem(Step::Http, problem.message, problem.mend.unwrap_or_default());
            None
        }
    }
}

/// Whether the key may go to this server.
fn may_be_sent(fit: &Fit, patient: &Patient, visit: &Visit, chart: &mut Chart) -> bool {
    let address = &visit.address;
    if fit.id.is_some() && address::is_virustotal(address) {
        chart.problem(
            Step::Key,
            "an Assay key would go to VirusTotal, which would refuse it and know it; it was not sent",
            "Give VirusTotal's own key, or name your Assay server with --server or ASSAY_SERVER.",
        );
        return false;
    }
    if address.is_plain() && !address.is_loopback() && !patient.insecure_http {
        chart.problem(
            Step::Key,
            "the key would travel in the clear to another machine; it was not sent",
            format!(
                "Name the server as {}, or say --insecure-http in a network that you trust.",
                address.with_the_other_scheme()
            ),
        );
        return false;
    }
    true
}
