//! Sweeps over the rows of the table: what holds for every endpoint, also for those that are added tomorrow.

use crate::support::{Service, limits};
use assay_api::route::{Access, Cost, Route};
use assay_api::{Settings, routes};

fn rows() -> Vec<Route> {
    routes::table(&Settings::default()).into_iter().filter(|route| route.access != Access::Open).collect()
}

/// The row's path with something of the right shape for each placeholder.
fn path(route: &Route) -> String {
    let id = match route.path.split('/').nth(3) {
        Some("users") => "nobody".to_owned(),
        Some("domains") => "nobody.example".to_owned(),
        Some("ip_addresses") => "192.0.2.1".to_owned(),
        Some("file_behaviours") => format!("{}_sandbox", "0".repeat(64)),
        _ => "0".repeat(64),
    };
    let path = route.path.replace("{id}", &id);
    // What is searched for has to be said before anything is spent.
    if route.path.ends_with("/files/behaviour_summary") {
        return format!("{path}?hashes={}", "0".repeat(64));
    }
    if route.query.iter().any(|(name, _)| *name == "query") { format!("{path}?query=something") } else { path }
}

#[tokio::test]
async fn every_route_without_a_key_is_401() {
    let service = Service::start().await;
    for route in rows() {
        let answer = service.call(route.method.as_str(), &path(&route), None).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "AuthenticationRequiredError"), "{}", route.path);
    }
}

#[tokio::test]
async fn every_route_with_a_wrong_key_is_401() {
    let service = Service::start().await;
    let other = Service::start().await.key("premium").await;
    // Of the right form, with a right checksum, but never issued here.
    for route in rows() {
        let answer = service.call(route.method.as_str(), &path(&route), Some(&other)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "WrongCredentialsError"), "{}", route.path);
    }
}

#[tokio::test]
async fn every_route_without_its_privilege_is_403_and_names_it() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let mut seen = 0;
    for route in rows() {
        let Access::Needs(privilege) = route.access else { continue };
        seen += 1;
        let answer = service.call(route.method.as_str(), &path(&route), Some(&key)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "ForbiddenError"), "{}", route.path);
        assert!(answer.message().contains(privilege.wire()), "{}: {}", route.path, answer.message());
    }
    assert!(seen > 20, "only {seen} rows need a privilege");
}

#[tokio::test]
async fn every_metered_route_above_its_limit_is_429() {
    let service = Service::start_with(limits(1, 1_000, 1_000)).await;
    let key = service.key("premium").await;
    let spent = service.get(&format!("/files/{}", "0".repeat(64)), &key).await;
    assert_eq!(spent.status, 404);
    for route in rows() {
        let answer = service.call(route.method.as_str(), &path(&route), Some(&key)).await;
        if route.cost == Cost::Free {
            assert_ne!(answer.status, 429, "{}", route.path);
            continue;
        }
        assert_eq!((answer.status.as_u16(), answer.code()), (429, "QuotaExceededError"), "{}", route.path);
        assert!(answer.headers.contains_key("retry-after"), "{}", route.path);
        assert_eq!(answer.headers["ratelimit-policy"], "\"minute\";q=1;w=60", "{}", route.path);
        assert_eq!(answer.headers["ratelimit"], "\"minute\";r=0;t=60", "{}", route.path);
        assert!(answer.message().contains("minute"), "{}", answer.message());
    }
}

#[tokio::test]
async fn a_refusal_before_the_quota_costs_nothing() {
    let service = Service::start().await;
    let (public, premium) = (service.key("public").await, service.key("premium").await);
    for route in rows() {
        if matches!(route.access, Access::Needs(_)) {
            service.call(route.method.as_str(), &path(&route), Some(&public)).await;
        }
    }
    for _ in 0..10 {
        assert_eq!(service.get("/files/not-a-hash", &premium).await.status, 400);
    }
    for (account, key) in [("public", &public), ("premium", &premium)] {
        let quotas = service.get(&format!("/users/{account}/overall_quotas"), key).await;
        assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 0, "{account}");
    }
}

#[tokio::test]
async fn every_route_is_in_the_openapi_document_with_its_statuses() {
    let document = assay_api::openapi::document();
    let rows = routes::table(&Settings::default());
    for route in rows.iter().filter(|route| route.path.starts_with(routes::PREFIX)) {
        let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
        assert!(operation["responses"]["200"].is_object(), "{}", route.path);
        if route.access != Access::Open {
            assert!(operation["responses"]["401"].is_object(), "{}", route.path);
        }
    }
    let mut names: Vec<_> = rows.iter().map(|route| &route.operation).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "operations have names of their own");
}
