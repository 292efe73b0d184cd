//! Groups, members, service accounts, tiers and requests, as clients see them.

use serde_json::json;

use crate::support::Service;

#[tokio::test]
async fn a_group_gives_its_members_its_tier_and_its_pool() {
    let service = Service::start().await;
    service.with_groups().await;
    let key = service.key("analyst").await;
    let user = service.get("/users/analyst", &key).await;
    let privilege = &user.json["data"]["attributes"]["privileges"]["intelligence"];
    assert_eq!(privilege["inherited_from"], "soc");
    assert_eq!(privilege["inherited_via"], "api_quota_group");
    let quotas = service.get("/users/analyst/overall_quotas", &key).await;
    let daily = &quotas.json["data"]["api_requests_daily"];
    assert_eq!(daily["user"]["allowed"], 1_000_000_000_u64, "no cap of its own");
    assert_eq!((&daily["group"]["allowed"], &daily["group"]["inherited_from"]), (&json!(1_000_000), &json!("soc")));
    let group = service.get("/users/analyst/groups", &key).await;
    assert_eq!(group.json["data"][0]["id"], "soc");
    let inline = service.get("/users/analyst?relationships=api_quota_group,groups", &key).await;
    assert_eq!(inline.json["data"]["relationships"]["api_quota_group"]["data"]["id"], "soc");
}

#[tokio::test]
async fn a_members_cap_and_the_groups_pool_must_both_hold() {
    let service = Service::start_with(crate::support::limits(1_000, 5, 1_000)).await;
    service.with_groups().await;
    let (chief, analyst) = (service.key("chief").await, service.key("analyst").await);
    let path = format!("/files/{}", service.scan(b"hello, world", "0").await);
    let cap = json!({ "data": [{ "type": "user", "id": "analyst",
        "context_attributes": { "quota_limits": { "api_requests_daily": { "allowed": 2 } } } }] });
    let answer = service.write("PATCH", "/groups/soc/relationships/users", &chief, &cap).await;
    assert_eq!(answer.status, 200, "{}", answer.message());
    for _ in 0..2 {
        assert_eq!(service.get(&path, &analyst).await.status, 200);
    }
    let refused = service.get(&path, &analyst).await;
    assert!(refused.message().contains("2 API requests a day for this account"), "{}", refused.message());
    for _ in 0..3 {
        assert_eq!(service.get(&path, &chief).await.status, 200);
    }
    let refused = service.get(&path, &chief).await;
    assert!(refused.message().contains("5 API requests a day for the group \"soc\""), "{}", refused.message());
    service.tick().await;
    let consumers = service.get("/groups/soc/users_consuming_quota/api_requests_daily", &chief).await;
    let consumed: Vec<_> = consumers.json["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|user| (user["id"].clone(), user["context_attributes"]["quota_consumed_from_group"].clone()))
        .collect();
    let expected = [("chief", 3), ("analyst", 2), ("soc_siem", 0)].map(|(name, count)| (json!(name), json!(count)));
    assert_eq!(consumed, expected);
    let usage = service.get("/groups/soc/api_usage", &chief).await;
    for place in [&usage.json, &usage.json["data"]] {
        assert_eq!(place["total"]["/api/v3/(files)"], 5, "what is shown is what was granted");
        assert_eq!(place["daily"]["2026-01-15"]["/api/v3/(files)"], 5);
    }
}

#[tokio::test]
async fn an_upgrade_of_the_group_holds_on_the_next_request_with_the_same_key() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    service.done("PATCH", "/groups/soc", &operator, "group", json!({ "tier": "public" })).await;
    let key = service.key("soc_siem").await;
    let path = format!("/files/{}/download", service.scan(b"hello, world", "0").await);
    assert_eq!(service.get(&path, &key).await.status, 403);
    service.done("PATCH", "/groups/soc", &operator, "group", json!({ "tier": "premium" })).await;
    assert_eq!(service.get(&path, &key).await.status, 200);
}

#[tokio::test]
async fn roles_are_replaced_added_and_removed_and_both_views_agree() {
    let service = Service::start().await;
    service.with_groups().await;
    let chief = service.key("chief").await;
    let patch = async |context: serde_json::Value| {
        let body = json!({ "data": [{ "type": "user", "id": "analyst", "context_attributes": context }] });
        service.write("PATCH", "/groups/soc/relationships/users", &chief, &body).await
    };
    let role_of = async || {
        let list = service.get("/groups/soc/relationships/users", &chief).await;
        let members = list.json["data"].as_array().expect("a list").clone();
        let analyst = members.into_iter().find(|member| member["id"] == "analyst").expect("the analyst");
        analyst["context_attributes"].clone()
    };
    assert_eq!(role_of().await["role"], "user");
    assert_eq!(patch(json!({ "add_roles": ["USER_ROLE_GROUP_ADMIN"] })).await.status, 200);
    assert_eq!(role_of().await["role"], "admin");
    let is = service.get("/groups/soc/relationships/administrators/analyst", &chief).await;
    assert_eq!(is.json["data"], true);
    assert_eq!(service.get("/groups/soc/administrators", &chief).await.json["meta"]["count"], 2);
    assert_eq!(patch(json!({ "roles": ["USER_ROLE_PRIVATE_SCANNING"] })).await.status, 200);
    assert_eq!(role_of().await["roles"], json!(["USER_ROLE_PRIVATE_SCANNING"]));
    assert_eq!(service.get("/groups/soc/administrators", &chief).await.json["meta"]["count"], 1);
    for wrong in [
        json!({ "roles": [], "add_roles": ["USER_ROLE_GROUP_ADMIN"] }),
        json!({ "roles": ["KING"] }),
        json!({ "roles": "USER_ROLE_GROUP_ADMIN" }),
        json!({ "quota_limits": { "gold": { "allowed": 1 } } }),
        json!({ "quota_limits": { "api_requests_daily": { "allowed": -1 } } }),
        json!({ "crown": true }),
    ] {
        assert_eq!(patch(wrong.clone()).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn members_are_added_by_address_invited_when_unknown_and_fall_back_when_removed() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let chief = service.key("chief").await;
    let users = "/groups/soc/relationships/users";
    let add =
        async |id: &str| service.write("POST", users, &chief, &json!({ "data": [{ "type": "user", "id": id }] })).await;
    let by_name = add("analyst").await;
    assert_eq!((by_name.status.as_u16(), by_name.code()), (400, "InvalidArgumentError"));
    assert_eq!(add("stranger@acme.example").await.status, 409, "it belongs to another group");
    assert_eq!(add("new@acme.example").await.status, 200);
    let group = service.get("/groups/soc", &chief).await;
    assert_eq!(group.json["data"]["attributes"]["invitations"], json!(["new@acme.example"]));
    let user = json!({ "data": { "type": "user", "id": "new", "attributes": { "email": "New@Acme.Example" } } });
    assert_eq!(service.write("POST", "/users", &operator, &user).await.status, 200);
    assert_eq!(service.get("/groups/soc/relationships/users/new", &chief).await.json["data"], true);
    let group = service.get("/groups/soc", &chief).await;
    assert_eq!(group.json["data"]["attributes"]["invitations"], json!([]));
    let key = service.key("new").await;
    assert_eq!(service.get("/groups/soc", &key).await.status, 200);
    assert_eq!(service.call("DELETE", &format!("/api/v3{users}/new"), Some(&chief)).await.status, 200);
    assert_eq!(service.get("/groups/soc", &key).await.status, 404, "a stranger does not know that it exists");
    let quotas = service.get("/users/new/overall_quotas", &key).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["allowed"], 500);
    assert!(quotas.json["data"]["api_requests_daily"].get("group").is_none());
}

#[tokio::test]
async fn an_operator_also_takes_accounts_in_by_their_names() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let user = json!({ "data": { "type": "user", "id": "plain", "attributes": {} } });
    assert_eq!(service.write("POST", "/users", &operator, &user).await.status, 200);
    let users = "/groups/soc/relationships/users";
    let add = async |id: &str| {
        service.write("POST", users, &operator, &json!({ "data": [{ "type": "user", "id": id }] })).await.status
    };
    assert_eq!(add("plain").await, 200);
    assert_eq!(add("plain").await, 200, "again changes nothing");
    assert_eq!(service.get(&format!("{users}/plain"), &operator).await.json["data"], true);
    assert_eq!(add("nobody").await, 404);
    assert_eq!(add("stranger").await, 409, "it belongs to another group");
}

#[tokio::test]
async fn a_service_account_is_found_under_both_paths_and_goes_with_its_keys() {
    let service = Service::start().await;
    service.with_groups().await;
    let (chief, analyst) = (service.key("chief").await, service.key("analyst").await);
    for path in ["/service_accounts/soc_siem", "/users/soc_siem", "/service_accounts/siem@soc.service.invalid"] {
        let answer = service.get(path, &chief).await;
        assert_eq!(
            (&answer.json["data"]["type"], &answer.json["data"]["id"]),
            (&json!("service_account"), &json!("soc_siem")),
            "{path}"
        );
    }
    assert_eq!(service.get("/service_accounts/soc_siem", &analyst).await.status, 404);
    let made = service.done("POST", "/service_accounts/soc_siem/api_keys", &chief, "api_key", json!({})).await;
    let key = made["data"]["attributes"]["key"].as_str().expect("the key").to_owned();
    assert_eq!(service.get("/metadata", &key).await.status, 200);
    assert_eq!(service.get("/service_accounts/soc_siem", &key).await.status, 200, "it sees itself");
    let list = service.get("/groups/soc/service_accounts", &chief).await;
    assert_eq!(list.json["data"][0]["type"], "service_account");
    assert_eq!(service.get("/groups/soc/service_accounts", &analyst).await.status, 403);
    let twice = json!({ "data": [{ "type": "service_account", "id": "siem" }] });
    assert_eq!(service.write("POST", "/groups/soc/relationships/service_accounts", &chief, &twice).await.status, 409);
    let gone = service.call("DELETE", "/api/v3/groups/soc/relationships/service_accounts/siem", Some(&chief)).await;
    assert_eq!(gone.status, 200, "{}", gone.message());
    assert_eq!(service.get("/metadata", &key).await.status, 401);
    assert_eq!(service.get("/groups/soc/service_accounts", &chief).await.json["meta"]["count"], 0);
}

#[tokio::test]
async fn a_service_account_with_roles_has_no_others() {
    let service = Service::start().await;
    service.with_groups().await;
    let (chief, siem) = (service.key("chief").await, service.key("soc_siem").await);
    let path = format!("/files/{}/download", service.scan(b"hello, world", "0").await);
    assert_eq!(service.get(&path, &siem).await.status, 200);
    let body = json!({ "data": [{ "type": "service_account", "id": "soc_siem",
        "context_attributes": { "roles": ["USER_ROLE_FILE_UPLOADS"] } }] });
    assert_eq!(service.write("PATCH", "/groups/soc/relationships/service_accounts", &chief, &body).await.status, 200);
    let refused = service.get(&path, &siem).await;
    assert_eq!(refused.status, 403);
    assert!(refused.message().contains("USER_ROLE_FILE_DOWNLOADS"), "{}", refused.message());
}

#[tokio::test]
async fn a_request_is_asked_seen_and_granted_until_a_date() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let public = service.key("public").await;
    let path = format!("/files/{}/download", service.scan(b"hello, world", "0").await);
    let refused = service.get(&path, &public).await;
    assert!(refused.message().contains("/users/public/requests"), "it says how to ask: {}", refused.message());
    let wish = json!({ "kind": "privilege", "wanted": "downloads-tier-1", "reason": "incident 7" });
    let asked = service.done("POST", "/users/public/requests", &public, "request", wish).await;
    let id = asked["data"]["id"].as_str().expect("an id").to_owned();
    let open = service.get("/requests?filter=status:open", &operator).await;
    assert_eq!(open.json["data"][0]["attributes"]["reason"], "incident 7");
    let grant = format!("/requests/{id}/grant");
    assert_eq!(service.set("POST", &grant, &public, "request", json!({})).await.status, 403, "nobody grants itself");
    let until = service.now().0 + 60;
    service.done("POST", &grant, &operator, "request", json!({ "until": until, "answer": "for the incident" })).await;
    assert_eq!(service.get(&path, &public).await.status, 200);
    let own = service.get("/users/public", &public).await;
    assert_eq!(own.json["data"]["attributes"]["privileges"]["downloads-tier-1"]["expiration_date"], until);
    service.advance(60);
    assert_eq!(service.get(&path, &public).await.status, 403, "the date has come");
    assert_eq!(service.set("POST", &grant, &operator, "request", json!({})).await.status, 409, "decided once");
    let list = service.get("/users/public/requests", &public).await;
    assert_eq!(list.json["data"][0]["attributes"]["status"], "granted");
}

#[tokio::test]
async fn the_same_is_asked_for_once_at_a_time() {
    let service = Service::start().await;
    let (operator, public) = (service.key("operator").await, service.key("public").await);
    let wish = json!({ "kind": "privilege", "wanted": "file-feed" });
    let asked = service.done("POST", "/users/public/requests", &public, "request", wish.clone()).await;
    let id = asked["data"]["id"].as_str().expect("an id");
    let again = service.set("POST", "/users/public/requests", &public, "request", wish.clone()).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "AlreadyExistsError"));
    assert!(again.message().contains(id), "it names the open one: {}", again.message());
    service.done("POST", &format!("/requests/{id}/decline"), &operator, "request", json!({})).await;
    service.done("POST", "/users/public/requests", &public, "request", wish).await;
}

#[tokio::test]
async fn a_tier_for_a_while_falls_back_by_itself() {
    let service = Service::start().await;
    let (operator, public) = (service.key("operator").await, service.key("public").await);
    let wish = json!({ "kind": "tier", "wanted": "premium" });
    let asked = service.done("POST", "/users/public/requests", &public, "request", wish).await;
    let path = format!("/requests/{}/grant", asked["data"]["id"].as_str().expect("an id"));
    service.done("POST", &path, &operator, "request", json!({ "until": service.now().0 + 60 })).await;
    let tier = async || service.get("/users/public", &public).await.json["data"]["attributes"]["tier"].clone();
    assert_eq!(tier().await, "premium");
    service.advance(60);
    assert_eq!(tier().await, "public");
}

#[tokio::test]
async fn tiers_are_made_changed_and_removed_by_the_operator() {
    let service = Service::start().await;
    let operator = service.key("operator").await;
    let gold = json!({ "data": { "type": "tier", "id": "gold", "attributes": {
        "limits": { "minute": 7, "day": 70, "month": 700 }, "privileges": ["allinfo"], "class": "interactive" } } });
    assert_eq!(service.write("POST", "/tiers", &operator, &gold).await.status, 200);
    service.done("PATCH", "/users/public", &operator, "user", json!({ "tier": "gold" })).await;
    let key = service.key("public").await;
    let limit = async || {
        let answer = service.get(&format!("/files/{}", "0".repeat(64)), &key).await;
        answer.headers["ratelimit-policy"].to_str().expect("text").to_owned()
    };
    assert_eq!(limit().await, "\"minute\";q=7;w=60");
    service.done("PATCH", "/tiers/gold", &operator, "tier", json!({ "limits": { "minute": 9 } })).await;
    assert_eq!(limit().await, "\"minute\";q=9;w=60");
    let used = service.call("DELETE", "/api/v3/tiers/gold", Some(&operator)).await;
    assert_eq!((used.status.as_u16(), used.code()), (409, "AlreadyExistsError"));
    service.done("PATCH", "/users/public", &operator, "user", json!({ "tier": "public" })).await;
    assert_eq!(service.call("DELETE", "/api/v3/tiers/gold", Some(&operator)).await.status, 200);
    assert_eq!(service.get("/tiers/gold", &operator).await.status, 404);
}

#[tokio::test]
async fn a_deactivated_account_is_told_so_with_any_of_its_keys() {
    let service = Service::start().await;
    let (operator, key) = (service.key("operator").await, service.key("premium").await);
    service.done("PATCH", "/users/premium", &operator, "user", json!({ "status": "inactive" })).await;
    let refused = service.get("/metadata", &key).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, "UserNotActiveError"));
    service.done("PATCH", "/users/premium", &operator, "user", json!({ "status": "active" })).await;
    assert_eq!(service.get("/metadata", &key).await.status, 200);
}

#[tokio::test]
async fn names_that_are_paths_or_look_like_others_are_refused() {
    let service = Service::start().await;
    let operator = service.key("operator").await;
    for name in
        ["../etc/passwd", "a/b", "\u{430}dmin", "premium\u{200b}", "", "-rf", "a b", &"a".repeat(64), &"x".repeat(65)]
    {
        for (path, kind) in [("/users", "user"), ("/groups", "group"), ("/tiers", "tier")] {
            let body = json!({ "data": { "type": kind, "id": name, "attributes": {} } });
            let answer = service.write("POST", path, &operator, &body).await;
            assert_eq!(answer.status, 400, "{path} {name:?}: {}", answer.message());
        }
    }
    let taken = json!({ "data": { "type": "user", "id": "premium", "attributes": {} } });
    assert_eq!(service.write("POST", "/users", &operator, &taken).await.status, 409);
    let first = json!({ "data": { "type": "user", "id": "one", "attributes": { "email": "a@b.example" } } });
    assert_eq!(service.write("POST", "/users", &operator, &first).await.status, 200);
    let same = json!({ "data": { "type": "user", "id": "two", "attributes": { "email": "A@B.example" } } });
    assert_eq!(service.write("POST", "/users", &operator, &same).await.status, 409, "an address names one account");
}

#[tokio::test]
async fn what_is_read_only_or_no_document_is_refused_and_changes_nothing() {
    let service = Service::start().await;
    service.with_groups().await;
    let analyst = service.key("analyst").await;
    for attributes in [
        json!({ "reputation": 9 }),
        json!({ "user_since": 0 }),
        json!({ "tier": "operator" }),
        json!({ "privileges": { "admin": { "granted": true } } }),
        json!({ "quotas": { "api_requests_daily": { "allowed": 9 } } }),
        json!({ "roles": ["USER_ROLE_GROUP_ADMIN"] }),
        json!({ "first_name": 7 }),
        json!({ "preferences": { "x": "y".repeat(20_000) } }),
    ] {
        let answer = service.set("PATCH", "/users/analyst", &analyst, "user", attributes.clone()).await;
        assert_eq!(answer.status, 400, "{attributes}: {}", answer.message());
    }
    let bodiless = service.call("PATCH", "/api/v3/users/analyst", Some(&analyst)).await;
    assert_eq!(
        (bodiless.status.as_u16(), bodiless.code()),
        (400, "BadRequestError"),
        "vt-py loses the body of a PATCH"
    );
    for body in [json!(null), json!([]), json!({ "data": [] }), json!({ "data": { "type": "file" } }), json!("x")] {
        assert_eq!(service.write("PATCH", "/users/analyst", &analyst, &body).await.status, 400, "{body}");
    }
    let named = service.done("PATCH", "/users/analyst", &analyst, "user", json!({ "first_name": "Ann" })).await;
    assert_eq!(named["data"]["attributes"]["first_name"], "Ann");
}

#[tokio::test]
async fn a_feature_that_is_switched_off_is_a_404_that_names_it() {
    let settings =
        assay_api::Settings { features_off: vec![assay_api::route::Feature::Downloads], ..Default::default() };
    let service = Service::start_as(crate::support::limits(100, 100, 100), settings).await;
    let key = service.key("premium").await;
    let path = format!("/files/{}/download", service.scan(b"hello, world", "0").await);
    let answer = service.get(&path, &key).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "NotFoundError"));
    assert!(answer.message().contains("endpoint not found: \"downloads\""), "{}", answer.message());
    assert_eq!(service.call("GET", &format!("/api/v3{path}"), None).await.status, 401, "a stranger learns nothing");
}

#[tokio::test]
async fn the_price_of_a_call_is_told_without_spending_it() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let path = format!("/files/{}?dry_run=cost", "0".repeat(64));
    assert_eq!(service.get(&path, &key).await.json["data"]["cost"], 1);
    let quotas = service.get("/users/premium/overall_quotas", &key).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 0);
}

#[tokio::test]
async fn what_comes_by_way_of_api_v2_is_held_and_counted_like_everything_else() {
    let service = Service::start().await;
    let own = service.key("premium").await;
    let sha256 = service.scan(b"hello, world", "0").await;
    let made = service
        .done("POST", "/users/premium/api_keys", &own, "api_key", json!({ "allowed_networks": ["198.51.100.0/24"] }))
        .await;
    let bound = made["data"]["attributes"]["key"].as_str().expect("the key").to_owned();
    let ask = async |key: &str| {
        let path = format!("/vtapi/v2/file/report?resource={sha256}&apikey={key}");
        service.call_from("203.0.113.9", "GET", &path).await
    };
    assert_eq!(ask(&own).await.json["response_code"], 1);
    assert_eq!(ask(&bound).await.status, 403, "another network");
    service.tick().await;
    let usage = service.get("/users/premium/api_usage", &own).await;
    assert_eq!(usage.json["total"]["/api/v3/(v2_file_report)"], 1, "{}", usage.json["total"]);
}

#[tokio::test]
async fn members_are_filtered_by_their_second_factor_which_nobody_has_here() {
    let service = Service::start().await;
    service.with_groups().await;
    let chief = service.key("chief").await;
    let list = async |filter: &str| service.get(&format!("/groups/soc/users?filter={filter}"), &chief).await;
    assert_eq!(list("2fa_enabled:false").await.json["meta"]["count"], 2);
    let none = list("2fa_enabled:true").await;
    assert_eq!((&none.json["data"], none.json["meta"].get("cursor")), (&json!([]), None));
    assert_eq!(list("name:x").await.status, 400);
}

#[tokio::test]
async fn a_member_s_cap_is_raised_until_a_date_and_the_pool_where_there_is_no_cap() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let (chief, analyst) = (service.key("chief").await, service.key("analyst").await);
    let cap = json!({ "data": [{ "type": "user", "id": "analyst",
        "context_attributes": { "quota_limits": { "api_requests_daily": { "allowed": 10 } } } }] });
    assert_eq!(service.write("PATCH", "/groups/soc/relationships/users", &chief, &cap).await.status, 200);
    let allowed = async |whose: &str| {
        let quotas = service.get("/users/analyst/overall_quotas", &analyst).await;
        quotas.json["data"]["api_requests_daily"][whose]["allowed"].clone()
    };
    let ask = async |key: &str, account: &str, amount: u64| {
        let wish = json!({ "kind": "quota", "wanted": "api_requests_daily", "amount": amount });
        let asked = service.done("POST", &format!("/users/{account}/requests"), key, "request", wish).await;
        format!("/requests/{}/grant", asked["data"]["id"].as_str().expect("an id"))
    };
    let until = json!({ "until": service.now().0 + 60 });
    let grant = ask(&analyst, "analyst", 30).await;
    service.done("POST", &grant, &chief, "request", until.clone()).await;
    assert_eq!(allowed("user").await, 30);
    service.advance(60);
    assert_eq!(allowed("user").await, 10, "the date has come");
    // Whoever has no cap is held up by the pool, which is not its administrator's to widen.
    let pool = allowed("group").await.as_u64().expect("a number");
    let grant = ask(&chief, "chief", pool + 5).await;
    assert_eq!(service.set("POST", &grant, &chief, "request", json!({})).await.status, 403);
    service.done("POST", &grant, &operator, "request", json!({})).await;
    assert_eq!(allowed("group").await, pool + 5);
}

#[tokio::test]
async fn after_a_tier_for_a_while_comes_the_one_that_lasts() {
    let service = Service::start().await;
    let (operator, public) = (service.key("operator").await, service.key("public").await);
    let gold = json!({ "data": { "type": "tier", "id": "gold", "attributes": {} } });
    assert_eq!(service.write("POST", "/tiers", &operator, &gold).await.status, 200);
    for (tier, seconds) in [("premium", 60), ("gold", 120)] {
        let wish = json!({ "kind": "tier", "wanted": tier });
        let asked = service.done("POST", "/users/public/requests", &public, "request", wish).await;
        let path = format!("/requests/{}/grant", asked["data"]["id"].as_str().expect("an id"));
        service.done("POST", &path, &operator, "request", json!({ "until": service.now().0 + seconds })).await;
    }
    service.advance(120);
    let own = service.get("/users/public", &public).await;
    assert_eq!(own.json["data"]["attributes"]["tier"], "public", "premium was for a minute only");
}

#[tokio::test]
async fn a_client_is_its_address_its_program_and_the_integration_that_it_names() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let peer = std::net::SocketAddr::new("203.0.113.9".parse().expect("an address"), 4711);
    let request = axum::http::Request::builder()
        .uri("/api/v3/metadata")
        .header("x-apikey", &key)
        .header("user-agent", "unknown; vtpy 0.22.0; gzip")
        .header("x-tool", "MISP")
        .extension(axum::extract::ConnectInfo(peer));
    assert_eq!(service.send(request.body(axum::body::Body::empty()).expect("a request")).await.status, 200);
    service.tick().await;
    let clients = service.get(&format!("/api_keys/{}/clients", &key[4..16]), &key).await;
    assert_eq!(clients.json["data"][0]["client"], "203.0.113.9 unknown; vtpy 0.22.0; gzip [MISP]");
}
