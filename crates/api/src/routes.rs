//! **The table of endpoints.** Router, `openapi.json`, the endpoint documentation, metric labels and the authorisation
//! sweeps are printed from these rows. Actions are written here; objects and their relationships follow from
//! [`OBJECTS`].

use assay_model::privilege::Privilege;
use assay_model::role::Role;
use assay_model::{Code, Kind};
use axum::http::Method;

use crate::app::Settings;
use crate::objects::{self, OBJECTS, ObjectType, Relationship, serve};
use crate::route::{Access, Answers, Arguments, Cost, Feature, Handler, Route, Takes, any, file_hash};
use crate::{addresses, brokered, files, intelligence, metadata, v2};

mod administration;
mod community;
mod feeds;

/// Where the API lives.
pub const PREFIX: &str = "/api/v3";

const SHAPE: &[(&str, &str)] = &[
    ("relationships", "Names of relationships to show inside the object, separated by commas"),
    ("attributes", "Names of the only attributes to show, separated by commas"),
    ("exclude_attributes", "Names of attributes to leave out, separated by commas"),
];
const PAGE: &[(&str, &str)] = &[
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
];
const FILTERED: &[(&str, &str)] = &[
    ("filter", "Terms key:value, separated by blanks"),
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
];
const INTELLIGENCE: &[(&str, &str)] = &[
    ("query", "What to search for, in the words of Intelligence search"),
    ("order", "By what the objects are ordered, with + or - behind it"),
    ("limit", "Items on a page, 1 to 300; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
    ("descriptors_only", "true: types and ids alone"),
    ("relationships", "Names of relationships to show inside the objects, separated by commas"),
    ("attributes", "Names of the only attributes to show, separated by commas"),
    ("exclude_attributes", "Names of attributes to leave out, separated by commas"),
];
const NONE: &[(&str, &str)] = &[];

/// Every row, in the order of the documentation.
pub fn table(settings: &Settings) -> Vec<Route> {
    let mut rows = actions();
    rows.extend(administration::rows());
    rows.extend(community::rows());
    rows.extend(feeds::rows());
    rows.extend(OBJECTS.iter().copied().flat_map(of_object));
    rows.extend(v2::rows(settings.v2));
    rows
}

struct Action {
    row: (Method, &'static str),
    operation: &'static str,
    summary: &'static str,
    access: Access,
    role: Option<Role>,
    feature: Option<Feature>,
    cost: Cost,
    takes: Takes,
    answers: Answers,
    errors: &'static [Code],
    query: &'static [(&'static str, &'static str)],
    check: fn(&Arguments) -> assay_model::Result<()>,
    run: Handler,
}

impl Action {
    const fn get(path: &'static str, operation: &'static str, summary: &'static str, run: Handler) -> Self {
        Self {
            row: (Method::GET, path),
            operation,
            summary,
            access: Access::Key,
            role: None,
            feature: None,
            cost: Cost::Requests(1),
            takes: Takes::Nothing,
            answers: Answers::Dictionary,
            errors: &[],
            query: NONE,
            check: any,
            run,
        }
    }

    fn route(self) -> Route {
        Route {
            method: self.row.0,
            path: format!("{PREFIX}{}", self.row.1),
            operation: self.operation.to_owned(),
            summary: self.summary.to_owned(),
            access: self.access,
            role: self.role,
            feature: self.feature,
            cost: self.cost,
            takes: self.takes,
            answers: self.answers,
            errors: self.errors,
            query: self.query,
            object: None,
            relationship: None,
            check: self.check,
            run: self.run,
        }
    }
}

const DOWNLOADS: Access = Access::Needs(Privilege::DownloadsTier1);
const UPLOAD_ERRORS: &[Code] = &[Code::TooLarge, Code::TooManyRequests];
const OF_ONE: &[Code] = &[Code::NotFound];

#[expect(clippy::too_many_lines, reason = "a table")]
fn actions() -> Vec<Route> {
    let rows = [
        Action {
            row: (Method::POST, "/files"),
            role: Some(Role::FileUploads),
            feature: Some(Feature::Uploads),
            cost: Cost::UnlessNew,
            takes: Takes::Upload,
            answers: Answers::Analysis,
            errors: UPLOAD_ERRORS,
            ..Action::get("", "files_upload", "Upload a file of up to 32 MB and have it analysed", |call| {
                Box::pin(files::upload::post(call))
            })
        },
        Action {
            role: Some(Role::FileUploads),
            feature: Some(Feature::Uploads),
            cost: Cost::Free,
            answers: Answers::Text,
            ..Action::get(
                "/files/upload_url",
                "files_upload_url",
                "An address for one upload of up to 650 MB",
                |call| Box::pin(files::upload_url::get(call)),
            )
        },
        Action {
            row: (Method::POST, "/files/upload/{token}"),
            access: Access::Open,
            cost: Cost::UnlessNew,
            takes: Takes::Upload,
            answers: Answers::Analysis,
            errors: &[Code::TooLarge, Code::TooManyRequests, Code::NotFound, Code::QuotaExceeded],
            ..Action::get("", "files_upload_large", "Upload a file to an address from upload_url", |call| {
                Box::pin(files::upload_url::post(call))
            })
        },
        Action {
            row: (Method::POST, "/files/{id}/analyse"),
            answers: Answers::Analysis,
            errors: OF_ONE,
            check: file_hash,
            ..Action::get("", "files_analyse", "Analyse a known file again", |call| {
                Box::pin(files::analyse::post(call))
            })
        },
        Action {
            access: DOWNLOADS,
            role: Some(Role::FileDownloads),
            feature: Some(Feature::Downloads),
            cost: Cost::Download,
            answers: Answers::Text,
            errors: OF_ONE,
            check: file_hash,
            ..Action::get(
                "/files/{id}/download_url",
                "files_download_url",
                "An address of the file, good for an hour",
                |call| Box::pin(files::download::url(call)),
            )
        },
        Action {
            access: DOWNLOADS,
            role: Some(Role::FileDownloads),
            feature: Some(Feature::Downloads),
            cost: Cost::Download,
            answers: Answers::Bytes,
            errors: OF_ONE,
            check: file_hash,
            ..Action::get("/files/{id}/download", "files_download", "The bytes of the file", |call| {
                Box::pin(files::download::get(call))
            })
        },
        Action {
            access: Access::Open,
            cost: Cost::Free,
            answers: Answers::Bytes,
            errors: OF_ONE,
            ..Action::get(
                "/downloads/{ticket}",
                "downloads",
                "The bytes of the file that an address from download_url names",
                |call| Box::pin(files::download::by_ticket(call)),
            )
        },
        Action {
            access: Access::Open,
            cost: Cost::Free,
            answers: Answers::Picture,
            errors: OF_ONE,
            ..Action::get("/pictures/{ticket}", "pictures", "The picture that a screenshot's link names", |call| {
                Box::pin(objects::screenshot::picture(call))
            })
        },
        Action {
            row: (Method::POST, "/urls"),
            takes: Takes::Form,
            answers: Answers::Analysis,
            errors: &[Code::TooLarge],
            ..Action::get("", "urls_submit", "Submit a URL and have it analysed", |call| {
                Box::pin(addresses::submit::post(call))
            })
        },
        Action {
            row: (Method::POST, "/urls/{id}/analyse"),
            answers: Answers::Analysis,
            errors: OF_ONE,
            check: |arguments| objects::url::parse(arguments).map(drop),
            ..Action::get("", "urls_analyse", "Analyse a known URL again", |call| {
                Box::pin(addresses::analyse::url(call))
            })
        },
        Action {
            row: (Method::POST, "/domains/{id}/analyse"),
            answers: Answers::Analysis,
            check: |arguments| objects::domain::parse(arguments.path("id")).map(drop),
            ..Action::get("", "domains_analyse", "Analyse a domain", |call| Box::pin(addresses::analyse::domain(call)))
        },
        Action {
            row: (Method::POST, "/ip_addresses/{id}/analyse"),
            answers: Answers::Analysis,
            check: |arguments| objects::ip_address::parse(arguments.path("id")).map(drop),
            ..Action::get("", "ip_addresses_analyse", "Analyse an IP address", |call| {
                Box::pin(addresses::analyse::ip_address(call))
            })
        },
        Action {
            cost: Cost::Free,
            ..Action::get(
                "/metadata",
                "metadata",
                "What this server knows: engines, privileges, relationships, costs",
                |call| Box::pin(async move { Ok(metadata::get(&call)) }),
            )
        },
    ];
    rows.into_iter().chain(of_contracts()).map(Action::route).collect()
}

/// What is answered under a contract with `VirusTotal`, and not without.
fn of_contracts() -> [Action; 7] {
    [
        Action {
            errors: OF_ONE,
            check: file_hash,
            ..Action::get(
                "/files/{id}/behaviour_summary",
                "files_behaviour_summary",
                "What the file did in all sandboxes together; under a contract with VirusTotal",
                |call| Box::pin(brokered::behaviour::of_file(call, "behaviour_summary")),
            )
        },
        Action {
            errors: OF_ONE,
            check: file_hash,
            ..Action::get(
                "/files/{id}/behaviour_mitre_trees",
                "files_behaviour_mitre_trees",
                "The techniques that the file used in each sandbox; under a contract with VirusTotal",
                |call| Box::pin(brokered::behaviour::of_file(call, "behaviour_mitre_trees")),
            )
        },
        Action {
            access: Access::Needs(Privilege::Private),
            errors: OF_ONE,
            query: &[("hashes", "Hashes of files, separated by commas; at most 100")],
            check: brokered::behaviour::check_hashes,
            ..Action::get(
                "/files/behaviour_summary",
                "files_behaviour_summary_of_several",
                "What several files did in all sandboxes together; under a contract with VirusTotal that has it",
                |call| Box::pin(brokered::behaviour::of_files(call)),
            )
        },
        Action {
            errors: OF_ONE,
            check: brokered::behaviour::check,
            ..Action::get(
                "/file_behaviours/{id}",
                "file_behaviours",
                "What a file did in one sandbox; under a contract with VirusTotal",
                |call| Box::pin(brokered::behaviour::one(call, "file_behaviours", "File behaviour")),
            )
        },
        Action {
            errors: OF_ONE,
            check: brokered::behaviour::check_sha256,
            ..Action::get(
                "/sigma_analyses/{id}",
                "sigma_analyses",
                "Which Sigma rules match what a file did; under a contract with VirusTotal",
                |call| Box::pin(brokered::behaviour::one(call, "sigma_analyses", "Sigma analysis")),
            )
        },
        Action {
            errors: OF_ONE,
            check: brokered::behaviour::check_sha256,
            ..Action::get(
                "/sigma_rules/{id}",
                "sigma_rules",
                "A Sigma rule; under a contract with VirusTotal",
                |call| Box::pin(brokered::behaviour::one(call, "sigma_rules", "Sigma rule")),
            )
        },
        Action {
            access: Access::Needs(Privilege::Intelligence),
            answers: Answers::Objects("item"),
            errors: OF_ONE,
            query: INTELLIGENCE,
            check: intelligence::check,
            ..Action::get(
                "/intelligence/search",
                "intelligence_search",
                "Objects by what is known of them; under a contract with VirusTotal that has Intelligence",
                |call| Box::pin(intelligence::search(call)),
            )
        },
    ]
}

/// The rows of an object: itself, and two for each relationship.
fn of_object(object: &'static ObjectType) -> Vec<Route> {
    let collection = object.kind.collection();
    let get: Handler = match object.kind {
        Kind::File => |call| Box::pin(objects::file::get(call)),
        Kind::Graph => |call| Box::pin(objects::graph::get(call)),
        _ => |call| Box::pin(serve::object(call)),
    };
    let access = object.needs.map_or(Access::Key, Access::Needs);
    let cost = if object.free { Cost::Free } else { Cost::Requests(1) };
    let base = Route {
        method: Method::GET,
        path: format!("{PREFIX}/{collection}/{{id}}"),
        operation: collection.to_owned(),
        summary: format!("The {} of that id", object.kind),
        access,
        role: None,
        feature: None,
        cost,
        takes: Takes::Nothing,
        answers: Answers::Object(object.kind.wire()),
        errors: OF_ONE,
        query: SHAPE,
        object: Some(object),
        relationship: None,
        check: any,
        run: get,
    };
    let mut rows = vec![base];
    for relationship in object.relationships {
        rows.extend(of_relationship(object, relationship, access));
    }
    rows
}

/// Whether a kind is about accounts rather than about samples: managing them costs nothing.
fn administrative(kind: Kind) -> bool {
    use Kind::{
        ActivityLogEntry, ApiKey, Group, Request, SavedSearch, ServiceAccount, Tier, Upstream, User, Webhook,
        WebhookDelivery,
    };
    matches!(
        kind,
        User | ServiceAccount
            | Group
            | ApiKey
            | Tier
            | Request
            | ActivityLogEntry
            | Webhook
            | WebhookDelivery
            | SavedSearch
            | Upstream
    )
}

fn of_relationship(object: &'static ObjectType, relationship: &'static Relationship, access: Access) -> [Route; 2] {
    let (collection, name) = (object.kind.collection(), relationship.name);
    let access = relationship.needs.map_or(access, Access::Needs);
    let row = |path: String, operation: String, answers: Answers, run: Handler| Route {
        method: Method::GET,
        path,
        operation,
        summary: relationship.description.to_owned(),
        access,
        role: None,
        feature: None,
        cost: if administrative(object.kind) { Cost::Free } else { Cost::Requests(1) },
        takes: Takes::Nothing,
        answers,
        errors: OF_ONE,
        query: if relationship.filter.is_some() { FILTERED } else { PAGE },
        object: Some(object),
        relationship: Some(relationship),
        check: any,
        run,
    };
    let (full, bare) = if relationship.many {
        (Answers::Objects(relationship.returns), Answers::Descriptors)
    } else {
        (Answers::One(relationship.returns), Answers::OneDescriptor)
    };
    [
        row(format!("{PREFIX}/{collection}/{{id}}/{name}"), format!("{collection}_{name}"), full, |call| {
            Box::pin(serve::related(call))
        }),
        row(
            format!("{PREFIX}/{collection}/{{id}}/relationships/{name}"),
            format!("{collection}_relationships_{name}"),
            bare,
            |call| Box::pin(serve::descriptors(call)),
        ),
    ]
}
