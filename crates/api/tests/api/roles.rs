//! Who may what: every row that manages something, tried by every kind of caller, against one table. A row of the
//! router that is missing here fails the test.

use std::collections::BTreeSet;

use assay_api::objects::Source;
use assay_api::route::{Access, Cost};
use assay_api::{Settings, routes};
use serde_json::{Value, json};

use crate::support::Service;

/// Kinds of callers, in the order of the table's columns.
const CALLERS: [&str; 7] = ["-", "public", "stranger", "analyst", "soc_siem", "chief", "operator"];

/// `y` may, `f` is forbidden, `n` does not know that it exists, `u` has no key. The columns: nobody, an account without
/// group, one of another group, a member, a service account, an administrator, the operator. What is tried is meant to
/// be harmless: whoever may gets 200, 400 (a body that is not right) or 409 (it is so already).
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str)] = &[
    // Accounts: the analyst's.
    ("GET",    "/users",                                      "uffffFy"),
    ("POST",   "/users",                                      "uffffFy"),
    ("GET",    "/users/analyst",                              "uyyyyyy"),
    ("PATCH",  "/users/analyst",                              "uffyfyy"),
    ("DELETE", "/users/analyst",                              "uffyff-"),
    ("GET",    "/users/analyst/overall_quotas",               "uffyfyy"),
    ("GET",    "/users/analyst/api_usage",                    "uffyfyy"),
    ("GET",    "/users/analyst/api_keys",                     "uffyfyy"),
    ("GET",    "/users/analyst/relationships/api_keys",       "uffyfyy"),
    ("POST",   "/users/analyst/api_keys",                     "uffyffy"),
    ("GET",    "/users/analyst/requests",                     "uffyfyy"),
    ("GET",    "/users/analyst/relationships/requests",       "uffyfyy"),
    ("POST",   "/users/analyst/requests",                     "uffyfyy"),
    ("GET",    "/users/analyst/groups",                       "uffyffy"),
    ("GET",    "/users/analyst/relationships/groups",         "uffyffy"),
    ("GET",    "/users/analyst/api_quota_group",              "uffyfyy"),
    ("GET",    "/users/analyst/relationships/api_quota_group","uffyfyy"),
    ("GET",    "/users/analyst/intelligence_quota_group",     "uffyfyy"),
    ("GET",    "/users/analyst/relationships/intelligence_quota_group", "uffyfyy"),
    ("GET",    "/users/analyst/monitor_quota_group",          "uffyfyy"),
    ("GET",    "/users/analyst/relationships/monitor_quota_group", "uffyfyy"),
    // What an account says and makes is for everybody with a key, as far as it is not private.
    ("GET",    "/users/analyst/comments",                          "uyyyyyy"),
    ("GET",    "/users/analyst/relationships/comments",            "uyyyyyy"),
    ("GET",    "/users/analyst/mentions",                          "uyyyyyy"),
    ("GET",    "/users/analyst/relationships/mentions",            "uyyyyyy"),
    ("GET",    "/users/analyst/graphs",                            "uyyyyyy"),
    ("GET",    "/users/analyst/relationships/graphs",              "uyyyyyy"),
    ("GET",    "/users/analyst/votes",                             "uyyyyyy"),
    ("GET",    "/users/analyst/relationships/votes",               "uyyyyyy"),
    ("GET",    "/users/analyst/collections",                       "uyyyyyy"),
    ("GET",    "/users/analyst/relationships/collections",         "uyyyyyy"),
    // The group's service account.
    ("GET",    "/service_accounts/soc_siem",                  "unnnyyy"),
    ("PATCH",  "/service_accounts/soc_siem",                  "unnnyyy"),
    ("DELETE", "/service_accounts/soc_siem",                  "unnnf--"),
    ("GET",    "/service_accounts/soc_siem/overall_quotas",   "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/api_usage",        "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/api_keys",         "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/api_keys", "unnnyyy"),
    ("POST",   "/service_accounts/soc_siem/api_keys",         "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/requests",         "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/requests", "unnnyyy"),
    ("POST",   "/service_accounts/soc_siem/requests",         "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/groups",           "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/groups", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/api_quota_group",  "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/api_quota_group", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/intelligence_quota_group", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/intelligence_quota_group", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/monitor_quota_group", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/monitor_quota_group", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/comments",              "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/comments", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/mentions",              "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/mentions", "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/graphs",                "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/graphs",  "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/votes",                 "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/votes",   "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/collections",           "unnnyyy"),
    ("GET",    "/service_accounts/soc_siem/relationships/collections", "unnnyyy"),
    ("GET",    "/users/soc_siem",                             "unnnyyy"),
    ("GET",    "/users/soc_siem/overall_quotas",              "unnnyyy"),
    ("GET",    "/users/siem@soc.service.invalid",             "unnnyyy"),
    // The group.
    ("GET",    "/groups",                                     "uffffFy"),
    ("POST",   "/groups",                                     "uffffFy"),
    ("GET",    "/groups/soc",                                 "unnyyyy"),
    ("PATCH",  "/groups/soc",                                 "unnffyy"),
    ("DELETE", "/groups/soc",                                 "uffffFy"),
    ("GET",    "/groups/soc/users",                           "unnyyyy"),
    ("GET",    "/groups/soc/relationships/users",             "unnyyyy"),
    ("POST",   "/groups/soc/relationships/users",             "unnffyy"),
    ("PATCH",  "/groups/soc/relationships/users",             "unnffyy"),
    ("GET",    "/groups/soc/relationships/users/analyst",     "unnyyyy"),
    ("DELETE", "/groups/soc/relationships/users/analyst",     "unnff--"),
    ("GET",    "/groups/soc/administrators",                  "unnyyyy"),
    ("GET",    "/groups/soc/relationships/administrators",    "unnyyyy"),
    ("POST",   "/groups/soc/relationships/administrators",    "unnffyy"),
    ("GET",    "/groups/soc/relationships/administrators/analyst", "unnyyyy"),
    ("DELETE", "/groups/soc/relationships/administrators/analyst", "unnffyy"),
    ("GET",    "/groups/soc/service_accounts",                "unnffyy"),
    ("GET",    "/groups/soc/relationships/service_accounts",  "unnffyy"),
    ("POST",   "/groups/soc/relationships/service_accounts",  "unnffyy"),
    ("PATCH",  "/groups/soc/relationships/service_accounts",  "unnffyy"),
    ("GET",    "/groups/soc/relationships/service_accounts/siem", "unnffyy"),
    ("DELETE", "/groups/soc/relationships/service_accounts/siem", "unnff--"),
    ("GET",    "/groups/soc/graphs",                          "unnyyyy"),
    ("GET",    "/groups/soc/relationships/graphs",            "unnyyyy"),
    ("GET",    "/groups/soc/activity_log_entries",            "unnffyy"),
    ("GET",    "/activity_log_entries/ENTRY/user",            "unnnnyy"),
    ("GET",    "/activity_log_entries/ENTRY/relationships/user", "unnnnyy"),
    ("GET",    "/activity_log_entries/ENTRY/group",           "unnnnyy"),
    ("GET",    "/activity_log_entries/ENTRY/relationships/group", "unnnnyy"),
    ("GET",    "/activity_log_entries/ENTRY/target",          "unnnnyy"),
    ("GET",    "/activity_log_entries/ENTRY/relationships/target", "unnnnyy"),
    ("GET",    "/groups/soc/api_usage",                       "unnffyy"),
    ("GET",    "/groups/soc/users_consuming_quota/api_requests_daily", "unnffyy"),
    // The analyst's key.
    ("GET",    "/api_keys/KEY",                               "unnynyy"),
    ("PATCH",  "/api_keys/KEY",                               "unnynyy"),
    ("DELETE", "/api_keys/KEY",                               "unn-n--"),
    ("POST",   "/api_keys/KEY/rotate",                        "unnynfy"),
    ("POST",   "/api_keys/KEY/restore",                       "unnynyy"),
    ("POST",   "/api_keys/KEY/revoke",                        "unn-n--"),
    ("POST",   "/api_keys/KEY/exposed",                       "unnynyy"),
    ("GET",    "/api_keys/KEY/clients",                       "unnynyy"),
    // Tiers and requests: the analyst's.
    ("GET",    "/tiers",                                      "uyyyyyy"),
    ("POST",   "/tiers",                                      "uffffFy"),
    ("GET",    "/tiers/public",                               "uyyyyyy"),
    ("PATCH",  "/tiers/public",                               "uffffFy"),
    ("DELETE", "/tiers/public",                               "uffffFy"),
    ("GET",    "/requests",                                   "uffffyy"),
    ("GET",    "/requests/REQUEST",                           "unnynyy"),
    ("POST",   "/requests/REQUEST/grant",                     "unnfnfy"),
    ("POST",   "/requests/REQUEST/decline",                   "unnfnyy"),
    // The log and the webhooks: one of the group.
    ("GET",    "/activity_log_entries",                       "uffffFy"),
    ("GET",    "/activity_log_entries/ENTRY",                 "unnnnyy"),
    ("GET",    "/webhooks",                                   "uffffyy"),
    ("POST",   "/webhooks",                                   "uffffyy"),
    ("GET",    "/webhooks/WEBHOOK",                           "unnnnyy"),
    ("PATCH",  "/webhooks/WEBHOOK",                           "unnnnyy"),
    ("DELETE", "/webhooks/WEBHOOK",                           "unnnn--"),
    ("GET",    "/webhooks/WEBHOOK/deliveries",                "unnnnyy"),
    ("GET",    "/webhooks/WEBHOOK/relationships/deliveries",  "unnnnyy"),
    ("GET",    "/webhook_deliveries/DELIVERY",                "unnnnyy"),
    ("POST",   "/webhook_deliveries/DELIVERY/replay",         "unnnnyy"),
    // Contracts: the operator's. There is none here.
    ("GET",    "/upstreams",                                  "uffffFy"),
    ("POST",   "/upstreams",                                  "uffffFy"),
    ("GET",    "/upstreams/vt",                               "uffffFn"),
    ("DELETE", "/upstreams/vt",                               "uffffFn"),
    ("POST",   "/upstreams/vt/keys",                          "uffffFy"),
    ("DELETE", "/upstreams/vt/keys/abc",                      "uffffFn"),
    ("POST",   "/upstreams/vt/activate",                      "uffffFn"),
    ("POST",   "/upstreams/vt/reconcile",                     "uffffFn"),
    ("GET",    "/upstreams/vt/report",                        "uffffFn"),
];

/// What a row of the table stands for in the router.
fn pattern(path: &str) -> String {
    let mut parts: Vec<_> = path.split('/').collect();
    let names = ["{id}", "{member}"];
    if parts.len() > 2 {
        parts[2] = names[0];
    }
    if parts.get(3) == Some(&"relationships") && parts.len() == 6 {
        parts[5] = names[1];
    }
    if parts.get(3) == Some(&"users_consuming_quota") {
        parts[4] = "{quota}";
    }
    if parts.get(3) == Some(&"keys") && parts.len() == 5 {
        parts[4] = "{key}";
    }
    format!("{}{}", routes::PREFIX, parts.join("/"))
}

#[test]
fn every_row_that_manages_something_is_in_the_table() {
    let tried: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (method.to_string(), pattern(path))).collect();
    let about = [
        "users",
        "service_accounts",
        "groups",
        "api_keys",
        "tiers",
        "requests",
        "activity_log_entries",
        "webhooks",
        "webhook_deliveries",
        "upstreams",
    ];
    let rows = routes::table(&Settings::default());
    // Lists of what nothing here observes yet have nothing to hide.
    let observed = |route: &&assay_api::route::Route| {
        route.relationship.is_none_or(|relationship| !matches!(relationship.source, Source::Unobserved))
            || route.path.contains("/groups/")
    };
    let managing = rows
        .iter()
        .filter(observed)
        .filter(|route| about.iter().any(|kind| route.path.split('/').nth(3) == Some(kind)));
    for route in managing {
        assert!(route.access == Access::Key && route.cost == Cost::Free, "{}", route.path);
        let known = tried.contains(&(route.method.to_string(), route.path.clone()));
        assert!(known, "{} {} is not in the table", route.method, route.path);
    }
}

#[tokio::test]
async fn every_kind_of_caller_may_what_the_table_says() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let names = Names::make(&service, &operator).await;
    let mut keys = Vec::new();
    for caller in CALLERS {
        keys.push(match caller {
            "-" => None,
            "operator" => Some(operator.clone()),
            name => Some(service.key(name).await),
        });
    }
    let mut wrong = Vec::new();
    for (method, path, may) in TABLE {
        assert_eq!(may.len(), CALLERS.len(), "{path}");
        for ((caller, key), may) in CALLERS.iter().zip(&keys).zip(may.chars()) {
            if may == '-' {
                continue;
            }
            let body = body(method, path);
            let path = names.fill(path);
            let answer = match key {
                None => service.call(method, &format!("/api/v3{path}"), None).await,
                Some(key) => service.write(method, &path, key, &body).await,
            };
            let fits = matches!(
                (may, answer.status.as_u16()),
                ('u', 401) | ('f' | 'F', 403) | ('n', 404) | ('y', 200 | 400 | 409)
            );
            if !fits {
                wrong.push(format!("{method} {path} by {caller}: {} {}", answer.status, answer.message()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the placeholders of the table stand for.
struct Names {
    key: String,
    request: String,
    webhook: String,
    delivery: String,
    entry: String,
}

impl Names {
    async fn make(service: &Service, operator: &str) -> Self {
        let chief = service.key("chief").await;
        let analyst = service.key("analyst").await;
        let wish = json!({ "kind": "tier", "wanted": "premium" });
        let request = service.done("POST", "/users/analyst/requests", &analyst, "request", wish).await;
        let webhook = json!({ "url": "https://9.9.9.9/hook", "events": ["key.created"], "group": "soc" });
        let webhook = service.set("POST", "/webhooks", &chief, "webhook", webhook).await;
        let made = service.done("POST", "/users/analyst/api_keys", &analyst, "api_key", json!({})).await;
        let webhook = webhook.json["data"]["id"].as_str().unwrap_or("none").to_owned();
        let deliveries = service.get(&format!("/webhooks/{webhook}/deliveries"), operator).await;
        let entries = service.get("/groups/soc/activity_log_entries", operator).await;
        let first = |list: &Value| list["data"][0]["id"].as_str().unwrap_or("none").to_owned();
        Self {
            key: made["data"]["id"].as_str().expect("an id").to_owned(),
            request: request["data"]["id"].as_str().expect("an id").to_owned(),
            delivery: first(&deliveries.json),
            entry: first(&entries.json),
            webhook,
        }
    }

    fn fill(&self, path: &str) -> String {
        let names = [
            ("KEY", &self.key),
            ("REQUEST", &self.request),
            ("WEBHOOK", &self.webhook),
            ("DELIVERY", &self.delivery),
            ("ENTRY", &self.entry),
        ];
        names.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
    }
}

/// A body that changes nothing where whoever sends it may.
fn body(method: &str, path: &str) -> Value {
    match (method, path) {
        ("GET" | "DELETE", _) => Value::Null,
        (_, "/groups/soc/relationships/users" | "/groups/soc/relationships/administrators") if method == "POST" => {
            json!({ "data": [{ "type": "user", "id": "chief@acme.example" }] })
        }
        (_, "/groups/soc/relationships/users") => {
            json!({ "data": [{ "type": "user", "id": "analyst", "context_attributes": {} }] })
        }
        (_, "/groups/soc/relationships/service_accounts") => {
            json!({ "data": [{ "type": "service_account", "id": "siem", "context_attributes": {} }] })
        }
        // Asking wrongly is harmless.
        (
            "POST",
            "/users"
            | "/groups"
            | "/tiers"
            | "/webhooks"
            | "/upstreams"
            | "/users/analyst/requests"
            | "/users/analyst/api_keys"
            | "/service_accounts/soc_siem/requests"
            | "/service_accounts/soc_siem/api_keys"
            | "/api_keys/KEY/rotate",
        ) => {
            json!({ "data": { "type": "nothing" } })
        }
        _ => json!({ "data": { "attributes": {} } }),
    }
}

#[tokio::test]
async fn a_member_cannot_make_itself_administrator_and_nobody_reaches_into_another_group() {
    let service = Service::start().await;
    service.with_groups().await;
    let (analyst, chief) = (service.key("analyst").await, service.key("chief").await);
    let crown = json!({ "data": [{ "type": "user", "id": "analyst",
        "context_attributes": { "add_roles": ["USER_ROLE_GROUP_ADMIN"] } }] });
    assert_eq!(service.write("PATCH", "/groups/soc/relationships/users", &analyst, &crown).await.status, 403);
    let me = json!({ "data": [{ "type": "user", "id": "analyst@acme.example" }] });
    assert_eq!(service.write("POST", "/groups/soc/relationships/administrators", &analyst, &me).await.status, 403);
    let theirs = json!({ "data": [{ "type": "user", "id": "stranger", "context_attributes": { "roles": [] } }] });
    assert_eq!(service.write("PATCH", "/groups/soc/relationships/users", &chief, &theirs).await.status, 404);
    assert_eq!(service.write("PATCH", "/groups/other/relationships/users", &chief, &theirs).await.status, 404);
    assert_eq!(
        service.call("DELETE", "/api/v3/groups/soc/relationships/users/stranger", Some(&chief)).await.status,
        404
    );
    assert_eq!(service.get("/users/stranger/api_keys", &chief).await.status, 403);
}

#[tokio::test]
async fn an_administrator_holds_keys_of_service_accounts_and_of_nobody_who_could_do_more() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let (analyst, chief) = (service.key("analyst").await, service.key("chief").await);
    let made = service.done("POST", "/users/analyst/api_keys", &analyst, "api_key", json!({})).await;
    let id = made["data"]["id"].as_str().expect("an id").to_owned();
    let import = json!({ "key": "0123456789abcdef".repeat(4) });
    for body in [json!({}), import] {
        assert_eq!(service.set("POST", "/users/analyst/api_keys", &chief, "api_key", body).await.status, 403);
    }
    assert_eq!(service.set("POST", &format!("/api_keys/{id}/rotate"), &chief, "api_key", json!({})).await.status, 403);
    service.done("POST", "/users/soc_siem/api_keys", &chief, "api_key", json!({})).await;
    service.done("POST", &format!("/api_keys/{id}/revoke"), &chief, "api_key", json!({})).await;
    // An operator's account is drawn into no group by its administrator, and no key of such an account is handed out.
    let email = json!({ "email": "root@acme.example" });
    service.done("PATCH", "/users/operator", &operator, "user", email).await;
    let body = json!({ "data": [{ "type": "user", "id": "root@acme.example" }] });
    for path in ["/groups/soc/relationships/users", "/groups/soc/relationships/administrators"] {
        assert_eq!(service.write("POST", path, &chief, &body).await.status, 403, "{path}");
    }
    let staff = json!({ "tier": "operator" });
    service.done("PATCH", "/service_accounts/soc_siem", &operator, "service_account", staff).await;
    assert_eq!(service.set("POST", "/users/soc_siem/api_keys", &chief, "api_key", json!({})).await.status, 403);
}

#[tokio::test]
async fn the_installation_s_own_account_cannot_lock_itself_out() {
    let service = Service::start().await;
    let operator = service.key("operator").await;
    for attributes in [json!({ "status": "inactive" }), json!({ "tier": "public" })] {
        assert_eq!(service.set("PATCH", "/users/operator", &operator, "user", attributes).await.status, 403);
    }
    service.done("PATCH", "/users/operator", &operator, "user", json!({ "first_name": "Root" })).await;
}

#[tokio::test]
async fn each_attribute_of_an_account_is_for_those_whom_the_reference_names() {
    const PUBLIC: &[&str] = &["first_name", "last_name", "profile_phrase", "reputation", "status", "user_since"];
    const GOVERNED: &[&str] = &["email", "tier", "class", "privileges", "quotas"];
    const OWN: &[&str] = &["has_2fa", "preferences"];
    let service = Service::start().await;
    service.with_groups().await;
    let all = [PUBLIC, GOVERNED, OWN].concat();
    let governed = [PUBLIC, GOVERNED].concat();
    for (path, caller, seen) in [
        ("/users/analyst", "public", PUBLIC),
        ("/users/analyst", "stranger", PUBLIC),
        ("/users/analyst", "soc_siem", PUBLIC),
        ("/users/analyst", "chief", &governed[..]),
        ("/users/analyst", "analyst", &all[..]),
        ("/users/analyst", "operator", &all[..]),
        ("/users/chief", "chief", &all[..]),
        ("/users/soc_siem", "chief", &all[..]),
        ("/users/soc_siem", "soc_siem", &all[..]),
    ] {
        let key = service.key(caller).await;
        let answer = service.get(path, &key).await;
        let shown = answer.json["data"]["attributes"].as_object().expect("attributes");
        let shown: BTreeSet<&str> = shown.keys().map(String::as_str).collect();
        assert_eq!(shown, seen.iter().copied().collect::<BTreeSet<_>>(), "{path} by {caller}");
    }
}
