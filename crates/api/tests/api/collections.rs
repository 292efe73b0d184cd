//! Collections, references and ATT&CK, as clients see them.

use std::sync::Arc;

use assay_api::Settings;
use assay_api::attack::Matrix;
use assay_model::attack::Attack;
use serde_json::{Value, json};

use crate::support::{Service, limits};

const BUNDLE: &[u8] = include_bytes!("../../../model/testdata/attack-excerpt.json");

fn hash(number: usize) -> String {
    format!("{number:064x}")
}

fn files(numbers: impl IntoIterator<Item = usize>) -> Value {
    let items: Vec<_> = numbers.into_iter().map(|number| json!({ "type": "file", "id": hash(number) })).collect();
    items.into()
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect()
}

async fn collect(service: &Service, key: &str, attributes: Value, items: Value) -> String {
    let document = json!({ "data": { "type": "collection", "attributes": attributes, "relationships": { "files": { "data": items } } } });
    let answer = service.write("POST", "/collections", key, &document).await;
    assert_eq!(answer.status, 200, "{}", answer.message());
    answer.json["data"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_collection_is_made_filled_emptied_and_removed_with_exact_counts() {
    let service = Service::start().await;
    let (ann, bob) = (service.key("premium").await, service.key("public").await);
    let known = service.scan(b"gathered", "a.txt").await.to_string();
    let document = json!({ "data": { "type": "collection",
        "attributes": { "name": "n", "description": "<i>d</i>", "tags": ["t"] },
        "relationships": { "files": { "data": [{ "type": "file", "id": known }, { "type": "file", "id": hash(1) }] } },
        "raw_items": format!("see {} and, \"{}\"; {}", hash(1), hash(2).to_uppercase(), "not a hash") } });
    let made = service.write("POST", "/collections", &ann, &document).await;
    assert_eq!(made.status, 200, "{}", made.message());
    let id = made.json["data"]["id"].as_str().expect("an id").to_owned();
    let attributes = &made.json["data"]["attributes"];
    assert_eq!((id.len(), &attributes["files_count"], &attributes["private"]), (64, &json!(3), &json!(false)));
    assert_eq!(attributes["description_html"], "&lt;i&gt;d&lt;/i&gt;");
    let path = format!("/collections/{id}");

    // The known file is shown, the others are named.
    let page = service.get(&format!("{path}/files"), &bob).await.json;
    assert_eq!(page["meta"]["count"], 3);
    let shown = page["data"].as_array().expect("a list");
    assert!(shown.iter().any(|file| file["id"] == known && file["attributes"]["sha256"] == known));
    assert!(shown.iter().any(|file| file["id"] == hash(2) && file["error"]["code"] == "NotFoundError"));
    assert_eq!(ids(&service.get(&format!("/files/{known}/collections"), &bob).await.json), [id.as_str()]);

    let add = json!({ "data": files([2, 3, 4]) });
    assert_eq!(service.write("POST", &format!("{path}/files"), &bob, &add).await.status, 403);
    service.advance(60);
    assert_eq!(service.write("POST", &format!("{path}/files"), &ann, &add).await.status, 200);
    let remove = json!({ "data": files([1, 2, 99]) });
    assert_eq!(service.write("DELETE", &format!("{path}/files"), &ann, &remove).await.status, 200);
    let attributes = service.get(&path, &ann).await.json["data"]["attributes"].clone();
    assert_eq!(attributes["files_count"], 3);
    assert_eq!(service.get(&format!("{path}/relationships/files"), &ann).await.json["meta"]["count"], 3);

    let renamed = service.done("PATCH", &path, &ann, "collection", json!({ "name": "other" })).await;
    assert_eq!(
        (&renamed["data"]["attributes"]["name"], &renamed["data"]["attributes"]["tags"]),
        (&json!("other"), &json!(["t"]))
    );
    let more = json!({ "data": { "type": "collection", "id": id, "raw_items": hash(7) } });
    assert_eq!(service.write("PATCH", &path, &ann, &more).await.json["data"]["attributes"]["files_count"], 4);
    assert_eq!(ids(&service.get("/users/premium/collections", &bob).await.json), [id.as_str()]);
    assert_eq!(service.get(&format!("{path}/owner"), &bob).await.json["data"]["id"], "premium");

    assert_eq!(service.call("DELETE", &format!("/api/v3{path}"), Some(&bob)).await.status, 403);
    let gone = service.call("DELETE", &format!("/api/v3{path}"), Some(&ann)).await;
    assert_eq!((gone.status.as_u16(), gone.json), (200, json!({})));
    assert_eq!(service.get(&path, &ann).await.status, 404);
    assert_eq!(ids(&service.get(&format!("/files/{known}/collections"), &bob).await.json), Vec::<&str>::new());
}

#[tokio::test]
async fn what_cannot_be_a_collection_is_refused() {
    let service = Service::start().await;
    let (key, other) = (service.key("premium").await, service.key("public").await);
    let path = format!("/collections/{}", collect(&service, &key, json!({ "name": "n" }), json!([])).await);
    let with = |data: Value| json!({ "data": data });
    let of = |attributes: Value| with(json!({ "type": "collection", "attributes": attributes }));
    let related = |relationships: Value| {
        with(json!({ "type": "collection", "attributes": { "name": "n" }, "relationships": relationships }))
    };
    for (method, target, body) in [
        ("POST", "/collections", of(json!({}))),
        ("POST", "/collections", of(json!({ "name": "" }))),
        ("POST", "/collections", of(json!({ "name": 1 }))),
        ("POST", "/collections", of(json!({ "name": "n", "colour": "red" }))),
        ("POST", "/collections", of(json!({ "name": "n", "files_count": 7 }))),
        ("POST", "/collections", of(json!({ "name": "n", "private": "yes" }))),
        ("POST", "/collections", with(json!({ "type": "graph", "attributes": { "name": "n" } }))),
        ("POST", "/collections", related(json!({ "owner": { "data": [] } }))),
        ("POST", "/collections", related(json!({ "files": [] }))),
        ("POST", "/collections", related(json!({ "files": { "data": [{ "type": "url", "id": hash(1) }] } }))),
        ("POST", "/collections", related(json!({ "files": { "data": [{ "type": "file", "id": "nonsense" }] } }))),
        ("POST", "/collections", related(json!({ "files": { "data": files(0..10_001) } }))),
        ("POST", "/collections", with(json!({ "type": "collection", "attributes": { "name": "n" }, "raw_items": 7 }))),
        ("PATCH", &path, with(json!({ "type": "collection", "id": hash(5), "attributes": { "name": "n" } }))),
        ("PATCH", &path, of(json!({ "creation_date": 1 }))),
        ("PATCH", &path, of(json!({ "name": null }))),
        ("POST", &format!("{path}/files"), json!({ "data": {} })),
        ("POST", &format!("{path}/files"), json!({})),
        ("DELETE", &format!("{path}/files"), json!({ "data": [{ "type": "file" }] })),
    ] {
        let answer = service.write(method, target, &key, &body).await;
        assert_eq!(answer.status, 400, "{method} {target} {body:.120}: {}", answer.message());
    }
    let million =
        json!({ "data": { "type": "collection", "attributes": { "name": "n" }, "raw_items": "0".repeat(5 << 20) } });
    assert_eq!(service.write("POST", "/collections", &key, &million).await.status, 413);
    assert_eq!(service.set("PATCH", &path, &other, "collection", json!({ "name": "mine" })).await.status, 403);
    assert_eq!(service.get(&format!("/collections/{}", hash(1)), &key).await.status, 404);
}

#[tokio::test]
async fn a_private_collection_is_seen_by_its_owner_alone() {
    let service = Service::start().await;
    let operator = service.key("operator").await;
    let user = json!({ "data": { "type": "user", "id": "eve", "attributes": { "tier": "premium" } } });
    assert_eq!(service.write("POST", "/users", &operator, &user).await.status, 200);
    let (ann, eve, public) = (service.key("premium").await, service.key("eve").await, service.key("public").await);
    let known = service.scan(b"hidden", "a.txt").await.to_string();
    let item = json!([{ "type": "file", "id": known }]);
    let hidden = collect(&service, &ann, json!({ "name": "secret", "private": true }), item.clone()).await;
    let open = collect(&service, &ann, json!({ "name": "open" }), item).await;
    let said = service
        .done(
            "POST",
            &format!("/collections/{hidden}/comments"),
            &ann,
            "comment",
            json!({ "text": "psst #quiet @eve" }),
        )
        .await;
    let said = said["data"]["id"].as_str().expect("an id").to_owned();
    assert!(said.starts_with(&hidden), "{said}");

    for path in [
        format!("/collections/{hidden}"),
        format!("/collections/{hidden}/files"),
        format!("/collections/{hidden}/relationships/files"),
        format!("/collections/{hidden}/comments"),
        format!("/comments/{said}"),
        format!("/comments/{said}/item"),
        format!("/collections/{hidden}/download/json"),
        format!("/collections/{hidden}/mitre_tree"),
    ] {
        assert_eq!(service.get(&path, &eve).await.status, 404, "{path}");
        assert_eq!(service.get(&path, &ann).await.status, 200, "{path}");
    }
    for path in [
        format!("/files/{known}/collections"),
        "/users/premium/collections".to_owned(),
        "/collections".to_owned(),
        "/collections?order=name%2B".to_owned(),
        "/collections?filter=name:*e*".to_owned(),
        format!("/search?query={hidden}"),
        "/comments".to_owned(),
        "/comments?filter=tag:quiet".to_owned(),
        "/search?query=psst".to_owned(),
        "/search?query=%23quiet".to_owned(),
        "/users/premium/comments".to_owned(),
        "/users/eve/mentions".to_owned(),
        format!("/search?query={said}"),
    ] {
        let (theirs, own) = (service.get(&path, &eve).await, service.get(&path, &ann).await);
        assert_eq!((theirs.status.as_u16(), own.status.as_u16()), (200, 200), "{path}: {}", theirs.message());
        let all: Vec<_> = [hidden.as_str(), &said]
            .into_iter()
            .filter(|id| theirs.bytes.windows(id.len()).any(|part| part == id.as_bytes()))
            .collect();
        // The address of the page repeats what was asked for.
        let echoed =
            theirs.json["links"]["self"].as_str().is_some_and(|address| all.iter().all(|id| address.contains(id)));
        assert!(all.is_empty() || echoed, "{path}: {}", theirs.json);
        assert!(!ids(&theirs.json).contains(&hidden.as_str()) && !ids(&theirs.json).contains(&said.as_str()), "{path}");
        assert_eq!(
            theirs.json["meta"]["count"].as_u64().unwrap_or(0),
            ids(&theirs.json).len() as u64,
            "{path}: counts tell nothing"
        );
        assert!(ids(&own.json).iter().any(|id| *id == hidden || *id == said), "{path}: {}", own.json);
    }
    let inline = service.get(&format!("/files/{known}?relationships=collections"), &eve).await.json;
    let inline = &inline["data"]["relationships"]["collections"]["data"];
    assert_eq!((inline.as_array().map(Vec::len), &inline[0]["id"]), (Some(1), &json!(open)));
    // Hiding needs a privilege; what was hidden can be shown.
    let refused =
        service.set("POST", "/collections", &public, "collection", json!({ "name": "n", "private": true })).await;
    assert_eq!((refused.status.as_u16(), refused.message().contains("private-collections")), (403, true));
    service.done("PATCH", &format!("/collections/{hidden}"), &ann, "collection", json!({ "private": false })).await;
    assert_eq!(service.get(&format!("/comments/{said}"), &eve).await.status, 200);
}

#[tokio::test]
async fn collections_are_listed_by_filter_and_order_page_by_page() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let mut made = Vec::new();
    for number in 0..7 {
        service.advance(86_400);
        made.push(
            collect(
                &service,
                &key,
                json!({ "name": format!("c{number}"), "tags": [if number < 3 { "low" } else { "high" }] }),
                files(0..number),
            )
            .await,
        );
    }
    let walk = |query: String| {
        let (service, key) = (&service, &key);
        async move {
            let (mut all, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = service.get(&format!("/collections?limit=2{query}{cursor}"), key).await;
                assert_eq!(page.status, 200, "{query}: {}", page.message());
                all.extend(ids(&page.json).into_iter().map(ToOwned::to_owned));
                match page.json["meta"]["cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => return all,
                }
            }
        }
    };
    let newest: Vec<_> = made.iter().rev().cloned().collect();
    assert_eq!(walk(String::new()).await, newest);
    assert_eq!(walk("&order=creation_date%2B".to_owned()).await, made);
    assert_eq!(walk("&order=files-".to_owned()).await, newest);
    assert_eq!(walk("&order=name-".to_owned()).await, newest);
    assert_eq!(walk("&filter=tag:low".to_owned()).await, newest[4..]);
    assert_eq!(walk("&filter=creation_date:2d%2B%20NOT%20name:c6".to_owned()).await, newest[1..3]);
    assert_eq!(walk("&filter=owner:nobody".to_owned()).await, Vec::<String>::new());
    for query in ["filter=colour:red", "filter=(a", "order=colour", "limit=0"] {
        assert_eq!(service.get(&format!("/collections?{query}"), &key).await.code(), "InvalidArgumentError", "{query}");
    }
}

#[tokio::test]
async fn a_collection_is_exported_as_json_csv_and_stix() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let path = format!("/collections/{}", collect(&service, &key, json!({ "name": "n" }), files([1, 2])).await);
    let json = service.get(&format!("{path}/download/json"), &key).await.json;
    assert_eq!(json["files"].as_array().map(Vec::len), Some(2));
    assert_eq!((&json["urls"], &json["threat_actors"]), (&json!([]), &json!([])));
    let csv = service.get(&format!("{path}/files/download/csv"), &key).await;
    let text = String::from_utf8(csv.bytes.to_vec()).expect("text");
    assert!(text.starts_with("type,id\r\n") && text.contains(&format!("file,{}\r\n", hash(1))), "{text}");
    let stix = service.get(&format!("{path}/download/stix"), &key).await.json;
    let objects = stix["objects"].as_array().expect("objects");
    assert_eq!((stix["type"].as_str(), objects.len()), (Some("bundle"), 3));
    assert!(objects.iter().any(|object| object["hashes"]["SHA-256"] == hash(1)));
    assert_eq!(service.get(&format!("{path}/download/pdf"), &key).await.status, 400);
    assert_eq!(service.get(&format!("{path}/aggregations/download/json"), &key).await.json, json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn items_put_in_by_many_at_once_are_counted_exactly() {
    let service = Arc::new(Service::start().await);
    let key = service.key("premium").await;
    let path = format!("/collections/{}", collect(&service, &key, json!({ "name": "n" }), json!([])).await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (service, key, path) = (service.clone(), key.clone(), format!("{path}/files"));
        // Each item is put in by two.
        let body = json!({ "data": files([number / 2, 100 + number]) });
        tasks.spawn(async move { service.write("POST", &path, &key, &body).await.status.as_u16() });
    }
    assert!(tasks.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(service.get(&path, &key).await.json["data"]["attributes"]["files_count"], 24);
    assert_eq!(service.get(&format!("{path}/files"), &key).await.json["meta"]["count"], 24);
}

#[tokio::test]
async fn an_account_of_the_public_tier_makes_twenty_collections_a_month() {
    let service = Service::start().await;
    let public = service.key("public").await;
    for number in 0..20 {
        service.advance(60);
        collect(&service, &public, json!({ "name": format!("c{number}") }), json!([])).await;
    }
    service.advance(60);
    let more = service.set("POST", "/collections", &public, "collection", json!({ "name": "too many" })).await;
    assert_eq!((more.status.as_u16(), more.code()), (429, "QuotaExceededError"), "{}", more.message());
    assert!(more.message().contains("collections_creation_monthly"), "{}", more.message());
    let month = 31 * 86_400;
    let policy = format!("\"collections_creation_monthly\";q=20;w={month}");
    assert_eq!(more.headers["ratelimit-policy"], policy.as_str());
}

#[tokio::test]
async fn a_reference_is_found_by_its_id_and_by_its_url_in_base64() {
    use base64::Engine as _;
    let service = Service::start().await;
    let (key, public) = (service.key("premium").await, service.key("public").await);
    let known = service.scan(b"published", "a.txt").await.to_string();
    let url = "https://blog.example/post?a=1";
    let name = base64::engine::general_purpose::STANDARD_NO_PAD.encode(url);
    let encoded = name.replace('/', "%2F").replace('+', "%2B");
    assert_eq!(service.get(&format!("/references/{encoded}"), &key).await.status, 404);
    let document = json!({ "data": { "type": "reference", "id": "", "attributes": { "url": url, "title": "A post", "author": "Ann", "creation_date": "2025-12-31 10:20:30" },
                           "relationships": { "files": { "data": [{ "type": "file", "id": known }] } } } });
    assert_eq!(service.write("POST", "/references", &public, &document).await.status, 403);
    let made = service.write("POST", "/references", &key, &document).await;
    assert_eq!(made.status, 200, "{}", made.message());
    let attributes = &made.json["data"]["attributes"];
    assert_eq!((&attributes["creation_date"], &attributes["iocs_count"]), (&json!(1_767_176_430), &json!(1)));
    let id = made.json["data"]["id"].as_str().expect("an id");
    assert_eq!(service.get(&format!("/references/{encoded}"), &key).await.json["data"]["id"], id);
    assert_eq!(service.write("POST", "/references", &key, &document).await.status, 409);
    let changed =
        service.set("PATCH", &format!("/references/{encoded}"), &key, "reference", json!({ "title": "Another" })).await;
    assert_eq!(changed.json["data"]["attributes"]["title"], "Another");
    assert_eq!(ids(&service.get(&format!("/files/{known}/references"), &key).await.json), [id]);
    let bad = json!({ "data": { "type": "reference", "attributes": { "url": "javascript:alert(1)" } } });
    assert_eq!(service.write("POST", "/references", &key, &bad).await.status, 400);
    let other = service
        .set("PATCH", &format!("/references/{id}"), &key, "reference", json!({ "url": "https://other.example/" }))
        .await;
    assert_eq!(other.status, 400, "its URL names it for good");
    assert_eq!(service.call("DELETE", &format!("/api/v3/references/{id}"), Some(&key)).await.status, 200);
    assert_eq!(service.get("/threat_actors?order=first_seen_date-", &key).await.json["data"], json!([]));
    assert_eq!(service.get("/threat_actors/apt1", &key).await.status, 404);
}

#[tokio::test]
async fn attack_is_served_out_of_the_operators_bundle() {
    let matrix = Arc::new(Matrix::new(Attack::parse(BUNDLE).expect("a bundle")));
    let settings = Settings { matrix, ..Settings::default() };
    let service = Service::start_as(limits(100_000, 1_000_000, 10_000_000), settings).await;
    let key = service.key("premium").await;
    let tactic = service.get("/attack_tactics/TA0002", &key).await.json;
    assert_eq!(tactic["data"]["attributes"]["name"], "Execution");
    assert_eq!(ids(&service.get("/attack_tactics/TA0002/attack_techniques", &key).await.json), ["T1059", "T1059.001"]);
    let part =
        service.get("/attack_techniques/T1059.001?relationships=parent_technique,attack_tactics", &key).await.json;
    assert_eq!(part["data"]["relationships"]["parent_technique"]["data"]["id"], "T1059");
    assert_eq!(part["data"]["attributes"]["info"]["x_mitre_is_subtechnique"], true);
    assert_eq!(
        service.get("/attack_techniques/T1086/revoking_technique", &key).await.json["data"]["attributes"]["name"],
        "PowerShell"
    );
    assert_eq!(service.get("/attack_techniques/T1059/parent_technique", &key).await.json["data"], Value::Null);
    assert_eq!(service.get("/attack_techniques/T9999", &key).await.status, 404);

    let id = collect(&service, &key, json!({ "name": "n" }), json!([])).await;
    let techniques = json!({ "data": [{ "type": "attack_technique", "id": "T1059.001" }, { "type": "attack_technique", "id": "T1082" }] });
    assert_eq!(
        service.write("POST", &format!("/collections/{id}/attack_techniques"), &key, &techniques).await.status,
        200
    );
    let tree = service.get(&format!("/collections/{id}/mitre_tree"), &key).await.json;
    let tactics = tree["data"]["tactics"].as_array().expect("tactics");
    assert_eq!(tactics.iter().filter_map(|tactic| tactic["id"].as_str()).collect::<Vec<_>>(), ["TA0002", "TA0007"]);
    assert_eq!(tactics[0]["techniques"][0]["source"], json!(["operational"]));
    assert_eq!(ids(&service.get("/attack_techniques/T1082/collections", &key).await.json), [id.as_str()]);
}

#[tokio::test]
async fn a_saved_search_is_shared_inside_its_owners_group_only() {
    let service = Service::start().await;
    service.with_groups().await;
    let (analyst, chief, stranger) =
        (service.key("analyst").await, service.key("chief").await, service.key("stranger").await);
    let made = service
        .done(
            "POST",
            "/saved_searches",
            &analyst,
            "saved_search",
            json!({ "name": "mine", "search_query": "type:peexe" }),
        )
        .await;
    let id = made["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        (id.len(), &made["data"]["attributes"]["private"], &made["data"]["attributes"]["role"]),
        (32, &json!(true), &json!("owner"))
    );
    let path = format!("/saved_searches/{id}");
    assert_eq!(service.get(&path, &chief).await.status, 404);
    let with = |id: &str, kind: &str| json!({ "data": [{ "type": kind, "id": id }] });
    assert_eq!(
        service
            .write("POST", &format!("{path}/relationship/viewers"), &analyst, &with("stranger", "user"))
            .await
            .status,
        403
    );
    assert_eq!(
        service.write("POST", &format!("{path}/relationship/viewers"), &analyst, &with("soc", "group")).await.status,
        200
    );
    assert_eq!(service.get(&path, &chief).await.json["data"]["attributes"]["role"], "viewer");
    assert_eq!(ids(&service.get("/saved_searches?filter=shared_with_me:true", &chief).await.json), [id.as_str()]);
    assert_eq!(ids(&service.get("/saved_searches", &stranger).await.json), Vec::<&str>::new());
    assert_eq!(service.set("PATCH", &path, &chief, "saved_search", json!({ "name": "ours" })).await.status, 403);
    assert_eq!(
        service.write("POST", &format!("{path}/relationships/editors"), &analyst, &with("chief", "user")).await.status,
        200
    );
    assert_eq!(service.set("PATCH", &path, &chief, "saved_search", json!({ "name": "ours" })).await.status, 200);
    assert_eq!(
        service.write("DELETE", &format!("{path}/relationship/viewers"), &analyst, &with("soc", "group")).await.status,
        200
    );
    assert_eq!(service.call("DELETE", &format!("/api/v3{path}"), Some(&chief)).await.status, 403);
    assert_eq!(service.call("DELETE", &format!("/api/v3{path}"), Some(&analyst)).await.status, 200);
}
