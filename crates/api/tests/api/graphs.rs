//! Graphs and the widget, as clients see them.

use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::support::Service;

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect()
}

fn drawing(title: &str, private: bool, nodes: &Value) -> Value {
    json!({ "graph_data": { "description": title, "version": "5.0.0" }, "private": private, "nodes": nodes,
            "links": [{ "connection_type": "manual", "source": "a", "target": "b" }], "representation": "force_graph" })
}

async fn draw(service: &Service, key: &str, attributes: Value) -> String {
    let made = service.done("POST", "/graphs", key, "graph", attributes).await;
    made["data"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_graph_comes_back_as_it_was_written_and_is_found_from_its_files() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let (one, two) =
        (service.scan(b"drawn one", "a").await.to_string(), service.scan(b"drawn two", "b").await.to_string());
    let nodes = json!([{ "type": "file", "entity_id": one, "index": 0, "x": 1.5, "y": -2, "entity_attributes": { "has_detections": true }, "odd": [1, { "a": null }] },
                       { "type": "relationship", "entity_id": "relationships_x", "index": 1 }, { "type": "custom", "entity_id": "a person", "text": "Ann" }]);
    let id = draw(&service, &key, drawing("title", false, &nodes)).await;
    assert!(id.starts_with('g') && id.len() == 65, "{id}");
    let path = format!("/graphs/{id}");
    service.advance(60);
    let attributes = service.get(&path, &key).await.json["data"]["attributes"].clone();
    assert_eq!((&attributes["nodes"], &attributes["graph_data"]["description"]), (&nodes, &json!("title")));
    assert_eq!(
        (&attributes["links"][0]["target"], &attributes["private"], &attributes["views_count"]),
        (&json!("b"), &json!(false), &json!(1))
    );
    assert_eq!(ids(&service.get(&format!("/files/{one}/graphs"), &key).await.json), [id.as_str()]);
    service.advance(60);
    assert_eq!(ids(&service.get(&format!("{path}/items"), &key).await.json), [one.as_str()]);
    // Another node takes the first one's place.
    let nodes = json!([{ "type": "file", "entity_id": two }]);
    service.done("PATCH", &path, &key, "graph", drawing("other", false, &nodes)).await;
    assert_eq!(ids(&service.get(&format!("/files/{one}/graphs"), &key).await.json), Vec::<&str>::new());
    assert_eq!(ids(&service.get(&format!("/files/{two}/graphs"), &key).await.json), [id.as_str()]);
    assert_eq!(service.get(&format!("{path}/screenshot"), &key).await.status, 404);
}

#[tokio::test]
async fn a_private_graph_is_for_those_with_whom_it_is_shared() {
    let service = Service::start().await;
    let operator = service.with_groups().await;
    let (analyst, chief, stranger) =
        (service.key("analyst").await, service.key("chief").await, service.key("stranger").await);
    let file = service.scan(b"drawn in secret", "a").await.to_string();
    let id = draw(&service, &analyst, drawing("secret", true, &json!([{ "type": "file", "entity_id": file }]))).await;
    let path = format!("/graphs/{id}");
    let seen_by = |key: String| {
        let (service, path, file, id) = (&service, path.clone(), format!("/files/{file}/graphs"), id.clone());
        service.advance(60);
        async move {
            let (itself, list) = (service.get(&path, &key).await.status == 200, service.get(&file, &key).await.json);
            let searched = service.get("/graphs?filter=name:secret", &key).await.json;
            let feed = service.get("/graphs", &key).await.json;
            let seen = [&list, &searched, &feed].map(|page| ids(page).contains(&id.as_str()));
            assert!(seen.iter().all(|seen| *seen == itself), "{itself} {seen:?}");
            itself
        }
    };
    assert!(seen_by(analyst.clone()).await & seen_by(operator).await);
    assert!(!seen_by(chief.clone()).await & !seen_by(stranger.clone()).await);
    let with = |id: &str, kind: &str| json!({ "data": [{ "type": kind, "id": id }] });
    assert_eq!(
        service.write("POST", &format!("{path}/viewers"), &stranger, &with("stranger", "user")).await.status,
        404
    );
    assert_eq!(service.write("POST", &format!("{path}/viewers"), &analyst, &with("nobody", "user")).await.status, 404);
    assert_eq!(
        service.write("POST", &format!("{path}/viewers"), &analyst, &with("other", "group")).await.status,
        404,
        "a group of strangers"
    );
    let granted = service.write("POST", &format!("{path}/viewers"), &analyst, &with("soc", "group")).await;
    assert_eq!(granted.json["data"][0]["id"], "soc", "{}", granted.message());
    assert!(seen_by(chief.clone()).await & !seen_by(stranger.clone()).await);
    assert_eq!(service.set("PATCH", &path, &chief, "graph", drawing("mine", true, &json!([]))).await.status, 403);
    assert_eq!(
        service.write("POST", &format!("{path}/relationships/editors"), &analyst, &with("chief", "user")).await.status,
        200
    );
    assert_eq!(service.set("PATCH", &path, &chief, "graph", json!({ "position": { "x": 1 } })).await.status, 200);
    assert_eq!(ids(&service.get(&format!("{path}/relationships/editors"), &chief).await.json), ["chief"]);
    let is = |who: &str| format!("{path}/relationships/editors/{who}");
    assert_eq!(service.get(&is("chief"), &chief).await.json["data"], true);
    assert_eq!(service.get(&is("analyst"), &chief).await.json["data"], false);
    assert_eq!(service.call("DELETE", &format!("/api/v3{}", is("chief")), Some(&analyst)).await.status, 200);
    assert_eq!(service.call("DELETE", &format!("/api/v3{}", is("chief")), Some(&analyst)).await.status, 404);
    assert_eq!(
        service.call("DELETE", &format!("/api/v3{path}/relationships/viewers/soc"), Some(&analyst)).await.status,
        200
    );
    assert!(!seen_by(chief).await);
    // Private graphs need a privilege.
    let public = service.key("public").await;
    assert_eq!(service.set("POST", "/graphs", &public, "graph", drawing("n", true, &json!([]))).await.status, 403);
}

#[tokio::test]
async fn graphs_count_their_comments_and_are_listed_by_filter_and_order() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let mut made = Vec::new();
    for title in ["beta", "alpha", "gamma"] {
        service.advance(1);
        made.push(
            draw(
                &service,
                &key,
                drawing(title, false, &json!([{ "type": "domain", "entity_id": "x.example", "text": title }])),
            )
            .await,
        );
    }
    let path = format!("/graphs/{}", made[1]);
    let said = service.done("POST", &format!("{path}/comments"), &key, "comment", json!({ "text": "look" })).await;
    let said = said["data"]["id"].as_str().expect("an id").to_owned();
    assert!(said.starts_with(&format!("g-{}-", made[1])), "{said}");
    let count = || async { service.get(&path, &key).await.json["data"]["attributes"]["comments_count"].clone() };
    assert_eq!(count().await, 1);
    let by = |query: &'static str| {
        let (service, key) = (&service, &key);
        async move { service.get(&format!("/graphs?attributes=graph_data&{query}"), key).await.json }
    };
    assert_eq!(ids(&by("order=name").await), [made[1].as_str(), &made[0], &made[2]]);
    assert_eq!(ids(&by("order=comments_count-&limit=1").await), [made[1].as_str()]);
    assert_eq!(ids(&by("filter=comments_count:1%2B").await), [made[1].as_str()]);
    assert_eq!(ids(&by("filter=label:gamma%20domain:x.example").await), [made[2].as_str()]);
    assert_eq!(ids(&by("filter=total_nodes:2%2B").await), Vec::<&str>::new());
    let shown = by("order=name&limit=1").await;
    assert_eq!(shown["data"][0]["attributes"].as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(service.call("DELETE", &format!("/api/v3/comments/{said}"), Some(&key)).await.status, 200);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn what_cannot_be_a_graph_is_refused() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    for wrong in [
        json!({}),
        json!({ "graph_data": {} }),
        json!({ "graph_data": { "description": 1 } }),
        json!({ "graph_data": { "description": "t" }, "nodes": {} }),
        json!({ "graph_data": { "description": "t" }, "nodes": ["a"] }),
        json!({ "graph_data": { "description": "t" }, "nodes": [{ "type": "file" }] }),
        json!({ "graph_data": { "description": "t" }, "links": [{ "source": "a" }] }),
        json!({ "graph_data": { "description": "t" }, "views_count": 9 }),
        json!({ "graph_data": { "description": "t" }, "private": 1 }),
    ] {
        assert_eq!(service.set("POST", "/graphs", &key, "graph", wrong.clone()).await.status, 400, "{wrong}");
    }
    let nodes: Vec<_> = (0..20_001).map(|number| json!({ "type": "x", "entity_id": number.to_string() })).collect();
    assert_eq!(service.set("POST", "/graphs", &key, "graph", drawing("t", false, &nodes.into())).await.status, 400);
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_widget_is_shown_to_anybody_for_three_days_and_runs_nothing() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let file = service.scan(b"in a frame", "<b onclick=x>bold.exe").await.to_string();
    let answer = service.get(&format!("/widget/url?query={file}&fg1=ff0000"), &key).await.json;
    let data = &answer["data"];
    assert_eq!((&data["found"], &data["id"], &data["type"]), (&json!(true), &json!(file), &json!("file")));
    assert!(data["detection_ratio"]["total"].is_u64());
    let address = data["url"].as_str().expect("an address");
    let token = address.strip_prefix("http://assay.test/ui/widget/html/").expect(address);
    for path in [format!("/ui/widget/html/{token}"), format!("/api/v3/widget/html/{token}")] {
        let page = service.call("GET", &path, None).await;
        assert_eq!((page.status.as_u16(), header(&page.headers, "content-type")), (200, "text/html; charset=utf-8"));
        let policy = header(&page.headers, "content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("unsafe"),
            "{policy}"
        );
        let text = String::from_utf8(page.bytes.to_vec()).expect("text");
        assert!(text.contains("&lt;b onclick=x&gt;bold.exe") && !text.contains("<b onclick"), "{text}");
        assert!(text.contains("color:#ff0000"));
    }
    for wrong in [token[..token.len() - 2].to_owned(), format!("A{token}"), "x".to_owned(), "a.b".to_owned()] {
        assert_eq!(service.call("GET", &format!("/ui/widget/html/{wrong}"), None).await.status, 400, "{wrong}");
    }
    for query in ["", "?query=", "?query=a&bg1=red", "?query=a&bg1=%22%3E%3Cb"] {
        assert_eq!(service.get(&format!("/widget/url{query}"), &key).await.status, 400, "{query}");
        service.advance(60);
    }
    let unknown = service.get("/widget/url?query=%3Cb%3Enothing", &key).await.json;
    assert_eq!((&unknown["data"]["found"], unknown["data"].get("id")), (&json!(false), None));
    service.advance(3 * 86_400 + 1);
    assert_eq!(service.call("GET", &format!("/ui/widget/html/{token}"), None).await.status, 400);
}

#[tokio::test]
async fn private_graphs_count_as_long_as_they_are_private() {
    const NAME: &str = "intelligence_graphs_private";
    let service = Service::start().await;
    let (operator, key) = (service.key("operator").await, service.key("premium").await);
    service.done("PATCH", "/users/premium", &operator, "user", json!({ "quotas": { NAME: { "allowed": 2 } } })).await;
    let used = async || {
        let quotas = service.get("/users/premium/overall_quotas", &key).await;
        quotas.json["data"][NAME]["user"]["used"].as_u64()
    };
    let hidden = [0, 1].map(|number| drawing(&format!("hidden {number}"), true, &json!([])));
    let [first, second] =
        [draw(&service, &key, hidden[0].clone()).await, draw(&service, &key, hidden[1].clone()).await];
    let more = service.set("POST", "/graphs", &key, "graph", hidden[0].clone()).await;
    assert_eq!((more.status.as_u16(), more.code()), (429, "QuotaExceededError"), "{}", more.message());
    assert!(more.message().contains("at a time") && more.message().contains(NAME), "{}", more.message());
    assert!(!more.headers.contains_key("retry-after"), "no time opens it");
    assert_eq!(more.headers["ratelimit"], format!("\"{NAME}\";r=0").as_str());
    let shown = draw(&service, &key, drawing("shown", false, &json!([]))).await;
    let hide = async |id: &str, private: bool| {
        service.set("PATCH", &format!("/graphs/{id}"), &key, "graph", json!({ "private": private })).await.status
    };
    assert_eq!((hide(&shown, true).await.as_u16(), used().await), (429, Some(2)));
    assert_eq!((hide(&first, true).await.as_u16(), used().await), (200, Some(2)), "it was private before");
    assert_eq!((hide(&first, false).await.as_u16(), used().await), (200, Some(1)));
    assert_eq!((hide(&shown, true).await.as_u16(), used().await), (200, Some(2)));
    assert_eq!(service.call("DELETE", &format!("/api/v3/graphs/{second}"), Some(&key)).await.status, 200);
    assert_eq!((hide(&first, true).await.as_u16(), used().await), (200, Some(2)));
}

#[tokio::test]
async fn a_group_lists_the_graphs_that_are_shared_with_it_to_its_members() {
    let service = Service::start().await;
    service.with_groups().await;
    let (chief, analyst) = (service.key("chief").await, service.key("analyst").await);
    let shared = draw(&service, &chief, drawing("of the group", true, &json!([]))).await;
    draw(&service, &chief, drawing("of the chief", true, &json!([]))).await;
    let listed = async || service.get("/groups/soc/graphs", &analyst).await.json;
    assert!(ids(&listed().await).is_empty());
    let group = json!({ "data": [{ "type": "group", "id": "soc" }] });
    for list in ["viewers", "editors"] {
        let path = format!("/graphs/{shared}/relationships/{list}");
        assert_eq!(service.write("POST", &path, &chief, &group).await.status, 200);
        assert_eq!(ids(&listed().await), [shared.as_str()]);
    }
    for (list, left) in [("viewers", 1), ("editors", 0)] {
        let path = format!("/api/v3/graphs/{shared}/relationships/{list}/soc");
        assert_eq!(service.call("DELETE", &path, Some(&chief)).await.status, 200);
        assert_eq!(ids(&listed().await).len(), left, "no longer on the list {list}");
    }
    let stranger = service.key("stranger").await;
    assert_eq!(service.get("/groups/soc/graphs", &stranger).await.status, 404);
}
