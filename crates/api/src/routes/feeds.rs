//! Rows of feeds, which are read under a contract with `VirusTotal` where the operator permits it. The reference writes
//! `file_behaviours`, clients and links inside batches `file-behaviours`: both lead to the same.

use assay_model::Code;
use assay_model::privilege::Privilege;

use super::{Action, DOWNLOADS, PREFIX};
use crate::brokered::feeds;
use crate::route::{Access, Answers, Cost, Feature, Handler, Route, any};

const FEEDS: &[(&str, &str, Privilege)] = &[
    ("files", "files", Privilege::FileFeed),
    ("urls", "URLs", Privilege::UrlFeed),
    ("domains", "domains", Privilege::DomainFeed),
    ("ip_addresses", "IP addresses", Privilege::IpFeed),
    ("file_behaviours", "behaviour reports", Privilege::FileBehaviourFeed),
    ("file-behaviours", "behaviour reports", Privilege::FileBehaviourFeed),
];
const ARTEFACTS: &[(&str, &str)] = &[
    ("html", "The report of a run as HTML"),
    ("pcap", "The network traffic of a run"),
    ("evtx", "The event log of a run"),
    ("memdump", "The memory of a run"),
];
const BATCH: &[Code] = &[Code::NotFound, Code::NotAvailableYet];
const ITEM: &[Code] = &[Code::NotFound];

/// All of them.
pub(super) fn rows() -> Vec<Route> {
    let mut rows = Vec::new();
    for (feed, what, privilege) in FEEDS {
        let batch = |path: &str, operation: &str, summary: &str, run: Handler| Route {
            path: format!("{PREFIX}/feeds/{feed}/{path}"),
            operation: format!("feeds_{feed}{operation}"),
            summary: format!("The {what} {summary}; under a contract with VirusTotal that has the feed"),
            errors: BATCH,
            ..row(Access::Needs(*privilege), run)
        };
        rows.push(batch("{time}", "", "of a minute, YYYYMMDDhhmm: bzip2, a line an object", |call| {
            Box::pin(feeds::minute(call))
        }));
        rows.push(batch("hourly/{time}", "_hourly", "of an hour, YYYYMMDDhh: a tar of its minutes", |call| {
            Box::pin(feeds::hour(call))
        }));
    }
    let download = row(DOWNLOADS, |call| Box::pin(feeds::item(call, "download")));
    rows.push(Route {
        path: format!("{PREFIX}/feeds/files/{{token}}/download"),
        operation: "feeds_files_download".to_owned(),
        summary: "The file that a line of a batch links to".to_owned(),
        feature: Some(Feature::Downloads),
        ..download
    });
    for (feed, _, privilege) in FEEDS.iter().filter(|(_, _, privilege)| *privilege == Privilege::FileBehaviourFeed) {
        rows.extend(ARTEFACTS.iter().map(|(name, summary)| Route {
            path: format!("{PREFIX}/feeds/{feed}/{{token}}/{name}"),
            operation: format!("feeds_{feed}_{name}"),
            summary: (*summary).to_owned(),
            ..row(Access::Needs(*privilege), |call| {
                let name = call.route.path.rsplit('/').next().unwrap_or_default().to_owned();
                Box::pin(async move { feeds::item(call, &name).await })
            })
        }));
    }
    rows
}

fn row(access: Access, run: Handler) -> Route {
    let action = Action::get("", "", "", run);
    Action { access, cost: Cost::Free, answers: Answers::Bytes, errors: ITEM, check: any, ..action }.route()
}
