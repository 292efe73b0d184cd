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

#[tokio::test]
async fn two_files_of_one_md5_are_each_others_collision() {
    /// The first published pair (Wang and others, 2004): 128 bytes that differ in six bits.
    const FIRST: &str = "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a\
         085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0\
         e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70";
    let service = Service::start().await;
    let key = service.key("premium").await;
    let first = hex::decode(FIRST).expect("hexadecimal digits");
    let mut second = first.clone();
    for place in [19, 45, 59, 83, 109, 123] {
        second[place] ^= 0x80;
    }
    let first = service.scan(first.leak(), "a").await.to_string();
    let second = service.scan(second.leak(), "b").await.to_string();
    assert_ne!(first, second);
    for (file, other) in [(&first, &second), (&second, &first)] {
        let collisions = list(&service, &format!("/files/{file}/hash_collisions"), &key).await;
        assert_eq!(ids(&collisions), [other.as_str()]);
    }
}

#[tokio::test]
async fn a_program_leads_to_its_resources_and_back() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let program = include_bytes!("../../../extract/testdata/exe.in");
    let file = service.scan(program, "program.exe").await.to_string();
    let report = service.get(&format!("/files/{file}"), &key).await;
    let listed =
        report.json["data"]["attributes"]["pe_info"]["resource_details"].as_array().expect("resources").clone();
    let children = list(&service, &format!("/files/{file}/relationships/pe_resource_children?limit=40"), &key).await;
    let wanted: Vec<_> = listed.iter().filter_map(|row| row["sha256"].as_str()).collect();
    assert!(!wanted.is_empty() && wanted.iter().all(|one| ids(&children).contains(one)), "{children:?}");

    // Its manifest is where the linker put it.
    let brought = service.scan(&program[2136..2168], "manifest").await.to_string();
    assert_eq!(brought, wanted[0]);
    let parents = list(&service, &format!("/files/{brought}/relationships/pe_resource_parents"), &key).await;
    assert_eq!(ids(&parents), [file.as_str()]);
}
