//! What a file names, from both ends.

use serde_json::Value;

use crate::support::Service;

const TEXT: &[u8] =
    b"see http://www.a.example.com/x?y=z or 203.0.114.5, write to someone@mail.example.org; http://127.0.0.1/ is our own";

async fn list(service: &Service, path: &str, key: &str) -> Vec<Value> {
    let answer = service.get(path, key).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.message());
    answer.json["data"].as_array().expect("a list").clone()
}

fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().filter_map(|object| object["id"].as_str()).collect()
}

#[tokio::test]
async fn the_addresses_that_a_file_names_lead_to_it_and_from_it() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let file = service.scan(TEXT, "letter.txt").await.to_string();

    let domains = list(&service, &format!("/files/{file}/embedded_domains"), &key).await;
    let mut named = ids(&domains);
    named.sort_unstable();
    assert_eq!(named, ["mail.example.org", "www.a.example.com"]);
    assert_eq!(domains[0]["attributes"]["last_analysis_stats"]["malicious"], 0);
    let ips = list(&service, &format!("/files/{file}/embedded_ips"), &key).await;
    assert_eq!(ids(&ips), ["203.0.114.5"]);

    let urls = list(&service, &format!("/files/{file}/embedded_urls"), &key).await;
    let [url] = urls.as_slice() else { panic!("{urls:?}") };
    assert_eq!(url["context_attributes"]["url"], "http://www.a.example.com/x?y=z");
    assert_eq!(url["error"]["code"], "NotFoundError", "nobody has submitted it");

    for path in ["/domains/www.a.example.com/referrer_files", "/ip_addresses/203.0.114.5/referrer_files"] {
        assert_eq!(ids(&list(&service, path, &key).await), [file.as_str()], "{path}");
    }
    let subdomains = list(&service, "/domains/example.com/subdomains", &key).await;
    assert_eq!(ids(&subdomains), ["a.example.com"]);
}

#[tokio::test]
async fn a_second_file_that_names_the_same_is_beside_the_first() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let first = service.scan(TEXT, "a.txt").await.to_string();
    let second = service.scan(b"203.0.114.5 again", "b.txt").await.to_string();
    let files = list(&service, "/ip_addresses/203.0.114.5/referrer_files", &key).await;
    let mut named = ids(&files);
    named.sort_unstable();
    let mut wanted = [first.as_str(), second.as_str()];
    wanted.sort_unstable();
    assert_eq!(named, wanted);
}
