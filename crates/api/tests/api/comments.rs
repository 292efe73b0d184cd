//! Comments and votes, as clients see them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::Service;

async fn say(service: &Service, key: &str, path: &str, text: &str) -> Value {
    service.done("POST", &format!("{path}/comments"), key, "comment", json!({ "text": text })).await["data"].clone()
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect()
}

#[tokio::test]
async fn a_comment_is_made_listed_read_and_removed() {
    let service = Service::start().await;
    let (ann, bob) = (service.key("premium").await, service.key("public").await);
    let sha256 = service.scan(b"to be talked about", "a.txt").await;
    let file = format!("/files/{sha256}");
    let made = say(&service, &ann, &file, "Seen with #Emotet, thanks @public & <b>all</b>").await;
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with(&format!("f-{sha256}-")) && id.len() == 2 + 64 + 1 + 8, "{id}");
    let attributes = &made["attributes"];
    assert_eq!(attributes["tags"], json!(["emotet"]));
    assert_eq!(attributes["votes"], json!({ "positive": 0, "negative": 0, "abuse": 0 }));
    assert_eq!(attributes["html"], "Seen with #Emotet, thanks @public &amp; &lt;b&gt;all&lt;/b&gt;");

    let page = service.get(&format!("{file}/comments"), &bob).await.json;
    assert_eq!((ids(&page), &page["meta"]["count"]), (vec![id], &json!(1)));
    let read = service.get(&format!("/comments/{id}?relationships=author,item"), &ann).await.json;
    assert_eq!(read["data"]["relationships"]["author"]["data"]["id"], "premium");
    assert_eq!(
        read["data"]["relationships"]["item"]["data"],
        json!({ "type": "file", "id": sha256.to_string(), "links": { "self": format!("http://assay.test/api/v3{file}") } })
    );
    assert_eq!(
        service.get(&format!("/comments/{id}/item"), &ann).await.json["data"]["attributes"]["sha256"],
        sha256.to_string()
    );
    assert_eq!(ids(&service.get("/users/public/mentions", &ann).await.json), [id]);
    assert_eq!(ids(&service.get("/users/premium/comments", &ann).await.json), [id]);

    let path = format!("/api/v3/comments/{id}");
    assert_eq!(service.call("DELETE", &path, Some(&bob)).await.status, 403, "only its author removes it");
    assert_eq!(service.call("DELETE", &path, Some(&ann)).await.status, 200);
    assert_eq!(service.call("DELETE", &path, Some(&ann)).await.status, 404);
    assert_eq!(ids(&service.get(&format!("{file}/comments"), &ann).await.json), Vec::<&str>::new());
    assert_eq!(ids(&service.get("/comments", &ann).await.json), Vec::<&str>::new());
}

#[tokio::test]
async fn the_feed_is_newest_first_and_filtered_by_tag() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let file = format!("/files/{}", service.scan(b"with a feed", "a.txt").await);
    let mut made = Vec::new();
    for number in 0..5 {
        service.advance(1);
        let text = format!("number n{number} {}", if number % 2 == 0 { "#even" } else { "#odd" });
        made.insert(0, say(&service, &key, &file, &text).await["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(ids(&service.get("/comments", &key).await.json), made);
    let even = service.get("/comments?filter=tag:Even&limit=2", &key).await.json;
    assert_eq!(ids(&even), [made[0].as_str(), &made[2]]);
    let cursor = even["meta"]["cursor"].as_str().expect("a cursor");
    let rest = service.get(&format!("/comments?filter=tag:Even&limit=2&cursor={cursor}"), &key).await.json;
    assert_eq!(ids(&rest), [made[4].as_str()]);
    assert!(rest["meta"].get("cursor").is_none());
    for filter in ["emotet", "tag:", "author:ann", "tag:a%20b"] {
        assert_eq!(
            service.get(&format!("/comments?filter={filter}"), &key).await.code(),
            "InvalidArgumentError",
            "{filter}"
        );
    }
    // By words, by tag, by id.
    assert_eq!(ids(&service.get("/search?query=number%20n3", &key).await.json), [made[1].as_str()]);
    assert_eq!(ids(&service.get("/search?query=%23odd", &key).await.json), [made[1].as_str(), &made[3]]);
    assert_eq!(ids(&service.get(&format!("/search?query={}", made[0]), &key).await.json), [made[0].as_str()]);
    assert_eq!(service.get("/search?query=nothing-like-it", &key).await.json["data"], json!([]));
    for query in ["", "?query=", "?query=%20"] {
        assert_eq!(service.get(&format!("/search{query}"), &key).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn comments_of_the_wrong_shape_are_refused() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let path = format!("/files/{}/comments", service.scan(b"nothing to say", "a.txt").await);
    let huge = "x".repeat(1 << 20);
    for (status, body) in [
        (400, json!({ "data": { "type": "comment", "attributes": {} } })),
        (400, json!({ "data": { "type": "comment", "attributes": { "text": "" } } })),
        (400, json!({ "data": { "type": "comment", "attributes": { "text": 7 } } })),
        (400, json!({ "data": { "type": "comment", "attributes": { "text": "a\u{1b}[2J" } } })),
        (400, json!({ "data": { "type": "comment", "attributes": { "text": "a", "votes": {} } } })),
        (400, json!({ "data": { "type": "vote", "attributes": { "text": "a" } } })),
        (400, json!({ "data": [] })),
        (400, json!("text")),
        (413, json!({ "data": { "type": "comment", "attributes": { "text": huge } } })),
    ] {
        let answer = service.write("POST", &path, &key, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body:.80}: {}", answer.message());
    }
    let nowhere = format!("/files/{}/comments", "0".repeat(64));
    let body = json!({ "data": { "type": "comment", "attributes": { "text": "a" } } });
    assert_eq!(service.write("POST", &nowhere, &key, &body).await.status, 404);
    assert_eq!(service.write("POST", "/files/nonsense/comments", &key, &body).await.status, 400);
}

#[tokio::test]
async fn an_account_has_one_opinion_on_a_comment() {
    let service = Service::start().await;
    let (ann, bob) = (service.key("premium").await, service.key("public").await);
    let file = format!("/files/{}", service.scan(b"an opinion", "a.txt").await);
    let id = say(&service, &ann, &file, "listen").await["id"].as_str().expect("an id").to_owned();
    let vote = |key: String, word: Value| {
        let (service, path) = (&service, format!("/comments/{id}/vote"));
        async move { service.write("POST", &path, &key, &json!({ "data": word })).await }
    };
    assert_eq!(
        vote(ann.clone(), json!("positive")).await.json["data"],
        json!({ "positive": 1, "negative": 0, "abuse": 0 })
    );
    assert_eq!(vote(ann.clone(), json!("positive")).await.json["data"]["positive"], 1);
    assert_eq!(vote(bob, json!("abuse")).await.json["data"], json!({ "positive": 1, "negative": 0, "abuse": 1 }));
    assert_eq!(
        vote(ann.clone(), json!("negative")).await.json["data"],
        json!({ "positive": 0, "negative": 1, "abuse": 1 })
    );
    for wrong in [json!("great"), json!(1), json!({}), Value::Null] {
        assert_eq!(vote(ann.clone(), wrong).await.status, 400);
    }
}

#[tokio::test]
async fn a_vote_counts_once_and_changes_the_reputation() {
    let service = Service::start().await;
    let (ann, bob) = (service.key("premium").await, service.key("public").await);
    let sha256 = service.scan(b"judged", "a.txt").await;
    let (file, votes) = (format!("/files/{sha256}"), format!("/files/{sha256}/votes"));
    let made = service.done("POST", &votes, &ann, "vote", json!({ "verdict": "malicious" })).await["data"].clone();
    assert_eq!((&made["attributes"]["verdict"], &made["attributes"]["value"]), (&json!("malicious"), &json!(-1)));
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with(&format!("f-{sha256}-")), "{id}");
    let again = service.set("POST", &votes, &ann, "vote", json!({ "verdict": "harmless" })).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "AlreadyExistsError"));
    assert_eq!(again.message(), "User \"premium\" already voted \"malicious\" for this file");
    service.done("POST", &votes, &bob, "vote", json!({ "verdict": "malicious" })).await;
    let attributes = service.get(&file, &ann).await.json["data"]["attributes"].clone();
    assert_eq!(
        (&attributes["total_votes"], &attributes["reputation"]),
        (&json!({ "harmless": 0, "malicious": 2 }), &json!(-2))
    );
    assert_eq!(attributes["sha256"], sha256.to_string(), "the rest of the report stays");
    assert_eq!(service.get(&votes, &ann).await.json["meta"]["count"], 2);
    assert_eq!(ids(&service.get(&format!("{file}/user_votes"), &ann).await.json), [id]);
    assert_eq!(service.get(&format!("/votes/{id}"), &bob).await.json["data"]["id"], id);
    assert_eq!(ids(&service.get("/users/premium/votes", &ann).await.json), [id]);
    for wrong in
        [json!({}), json!({ "verdict": "bad" }), json!({ "verdict": 1 }), json!({ "verdict": "harmless", "value": 9 })]
    {
        assert_eq!(service.set("POST", &votes, &bob, "vote", wrong).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn votes_of_many_at_once_are_all_counted_and_none_twice() {
    let service = Arc::new(Service::start().await);
    let operator = service.key("operator").await;
    let sha256 = service.scan(b"a crowd", "a.txt").await;
    let mut keys = Vec::new();
    for number in 0..12 {
        let user =
            json!({ "data": { "type": "user", "id": format!("voter{number}"), "attributes": { "tier": "premium" } } });
        assert_eq!(service.write("POST", "/users", &operator, &user).await.status, 200);
        keys.push(service.key(&format!("voter{number}")).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for key in keys.iter().cloned().chain(keys.iter().cloned()) {
        let (service, path) = (service.clone(), format!("/files/{sha256}/votes"));
        tasks.spawn(async move {
            service.set("POST", &path, &key, "vote", json!({ "verdict": "malicious" })).await.status.as_u16()
        });
    }
    let statuses = tasks.join_all().await;
    assert_eq!((statuses.iter().filter(|status| **status == 200).count(), statuses.len()), (12, 24), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    let attributes = service.get(&format!("/files/{sha256}"), &operator).await.json["data"]["attributes"].clone();
    assert_eq!((&attributes["total_votes"]["malicious"], &attributes["reputation"]), (&json!(12), &json!(-12)));
}

#[tokio::test]
async fn popular_threat_categories_are_the_references_words() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let list = service.get("/popular_threat_categories", &key).await.json;
    assert!(list["data"].as_array().is_some_and(|words| words.len() == 14 && words.contains(&json!("phising"))));
}
