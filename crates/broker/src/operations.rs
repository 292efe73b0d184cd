//! **The table of operations that may be forwarded.** Each is a GET; what has no row here is refused, never passed
//! through. A row says what the contract needs for it and how its answers age. Names and access are those of the
//! reference, sections 2 and 4.

use assay_model::privilege::Privilege;
use assay_model::quota::Quota;

/// How an answer ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ages {
    /// As a report does: by its type and what it says.
    Report,
    /// As what is joined to an object does.
    Relationship,
    /// As what people write does.
    Discussion,
    /// As a record of one run does.
    Behaviour,
    /// As an analysis does: not at all once it is complete.
    Analysis,
    /// As the result of a search does.
    Search,
}

/// An operation that may be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its path before the id.
    pub collection: &'static str,
    /// The relationship or action after the id; empty for the object itself.
    pub name: &'static str,
    /// What the contract needs beyond a key.
    pub needs: Option<Privilege>,
    /// The quota that pays where the contract has no API requests.
    pub feature: Option<Quota>,
    /// How its answers age.
    pub ages: Ages,
}

const fn row(collection: &'static str, name: &'static str, needs: Option<Privilege>, ages: Ages) -> Operation {
    Operation { collection, name, needs, feature: None, ages }
}

/// A row that every key may use.
const fn every(collection: &'static str, name: &'static str, ages: Ages) -> Operation {
    row(collection, name, None, ages)
}

/// Rows of relationships.
const fn joined<const N: usize>(
    collection: &'static str,
    names: [&'static str; N],
    needs: Option<Privilege>,
) -> [Operation; N] {
    let mut rows = [row(collection, "", needs, Ages::Relationship); N];
    let mut place = 0;
    while place < N {
        rows[place].name = names[place];
        place += 1;
    }
    rows
}

const PREMIUM: Option<Privilege> = Some(Privilege::Private);

const OBJECTS: &[Operation] = &[
    every("files", "", Ages::Report),
    every("urls", "", Ages::Report),
    every("domains", "", Ages::Report),
    every("ip_addresses", "", Ages::Report),
    every("files", "behaviours", Ages::Behaviour),
    every("files", "behaviour_summary", Ages::Behaviour),
    every("files", "behaviour_mitre_trees", Ages::Behaviour),
    every("file_behaviours", "", Ages::Behaviour),
    every("sigma_analyses", "", Ages::Relationship),
    every("sigma_rules", "", Ages::Relationship),
    every("files", "comments", Ages::Discussion),
    every("urls", "comments", Ages::Discussion),
    every("domains", "comments", Ages::Discussion),
    every("ip_addresses", "comments", Ages::Discussion),
    every("files", "votes", Ages::Discussion),
    every("urls", "votes", Ages::Discussion),
    every("domains", "votes", Ages::Discussion),
    every("ip_addresses", "votes", Ages::Discussion),
    every("urls", "related_comments", Ages::Discussion),
    every("domains", "related_comments", Ages::Discussion),
    every("ip_addresses", "related_comments", Ages::Discussion),
];

/// What others link to by its id.
const BY_ID: &[Operation] = &[
    every("comments", "", Ages::Discussion),
    every("comments", "author", Ages::Relationship),
    every("comments", "item", Ages::Relationship),
    every("votes", "", Ages::Discussion),
    every("analyses", "", Ages::Analysis),
    every("analyses", "item", Ages::Relationship),
    row("submissions", "", PREMIUM, Ages::Relationship),
    row("screenshots", "", PREMIUM, Ages::Relationship),
    every("resolutions", "", Ages::Relationship),
    every("ssl_certs", "", Ages::Relationship),
    every("whois", "", Ages::Relationship),
    every("collections", "", Ages::Relationship),
    every("collections", "files", Ages::Relationship),
    every("collections", "urls", Ages::Relationship),
    every("collections", "domains", Ages::Relationship),
    every("collections", "ip_addresses", Ages::Relationship),
    every("collections", "comments", Ages::Discussion),
];

/// Of several files together; their hashes are an argument.
const SUMMARY: &[Operation] = &[row("files/behaviour_summary", "", PREMIUM, Ages::Behaviour)];

const SEARCHES: &[Operation] = &[
    every("search", "", Ages::Search),
    Operation {
        collection: "intelligence",
        name: "search",
        needs: Some(Privilege::Intelligence),
        feature: Some(Quota::IntelligenceSearchesMonthly),
        ages: Ages::Search,
    },
];

#[rustfmt::skip]
const FILES: &[Operation] = &joined("files", [
    "bundled_files", "clues", "code_blocks", "collections", "contacted_domains", "contacted_ips", "contacted_urls", "distributors",
    "dropped_files", "email_senders",
    "execution_parents", "graphs", "hash_collisions", "pe_resource_children", "pe_resource_parents", "sigma_analysis",
], None);
#[rustfmt::skip]
const FILES_PREMIUM: &[Operation] = &joined("files", [
    "analyses", "carbonblack_children", "carbonblack_parents", "ciphered_bundled_files", "ciphered_parents",
    "compressed_parents", "email_attachments", "email_parents", "embedded_domains", "embedded_ips", "embedded_urls",
    "itw_domains", "itw_ips", "itw_urls", "memory_pattern_domains", "memory_pattern_ips", "memory_pattern_urls",
    "overlay_children", "overlay_parents", "pcap_children", "pcap_parents", "screenshots", "similar_files", "submissions",
    "urls_for_embedded_js",
], PREMIUM);
#[rustfmt::skip]
const URLS: &[Operation] = &joined("urls", [
    "collections", "graphs", "http_response_contents", "last_serving_ip_address", "memory_pattern_parents",
    "network_location", "related_collections",
], None);
#[rustfmt::skip]
const URLS_PREMIUM: &[Operation] = &joined("urls", [
    "analyses", "communicating_files", "contacted_domains", "contacted_ips", "downloaded_files", "embedded_js_files",
    "redirecting_urls", "redirects_to", "referrer_files", "referrer_urls", "submissions", "urls_related_by_tracker_id",
], PREMIUM);
#[rustfmt::skip]
const DOMAINS: &[Operation] = &joined("domains", [
    "collections", "communicating_files", "graphs", "historical_ssl_certificates", "historical_whois", "immediate_parent",
    "memory_pattern_parents",
    "parent", "referrer_files", "resolutions", "siblings", "subdomains",
], None);
#[rustfmt::skip]
const DOMAINS_PREMIUM: &[Operation] = &joined("domains", [
    "caa_records", "cname_records", "downloaded_files", "mx_records", "ns_records", "soa_records", "urls",
], PREMIUM);
#[rustfmt::skip]
const IP_ADDRESSES: &[Operation] = &joined("ip_addresses", [
    "collections", "communicating_files", "graphs", "historical_ssl_certificates", "historical_whois",
    "memory_pattern_parents", "referrer_files", "resolutions",
], None);
const IP_ADDRESSES_PREMIUM: &[Operation] = &joined("ip_addresses", ["downloaded_files", "urls"], PREMIUM);

/// Every row.
pub fn table() -> impl Iterator<Item = &'static Operation> {
    [
        OBJECTS,
        BY_ID,
        SUMMARY,
        SEARCHES,
        FILES,
        FILES_PREMIUM,
        URLS,
        URLS_PREMIUM,
        DOMAINS,
        DOMAINS_PREMIUM,
        IP_ADDRESSES,
        IP_ADDRESSES_PREMIUM,
    ]
    .into_iter()
    .flatten()
}

/// The row of an operation; none for what is never forwarded.
pub fn find(collection: &str, name: &str) -> Option<&'static Operation> {
    table().find(|row| row.collection == collection && row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_one_row() {
        let mut names: Vec<_> = table().map(|row| (row.collection, row.name)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn nothing_that_writes_downloads_feeds_or_is_the_web_interfaces_has_a_row() {
        for (collection, name) in [
            ("files", "download"),
            ("files", "download_url"),
            ("files", "upload_url"),
            ("files", "analyse"),
            ("urls", "analyse"),
            ("feeds", "files"),
            ("private", "files"),
            ("users", ""),
            ("groups", ""),
            ("ui", "search"),
            ("intelligence", "zip_files"),
            ("intelligence", "retrohunt_jobs"),
            ("files", "user_votes"),
            ("comments", "vote"),
            ("collections", "search"),
            ("", ""),
        ] {
            assert_eq!(find(collection, name), None, "{collection}/{name}");
        }
        assert_eq!(find("files", "contacted_urls").map(|row| row.needs), Some(None));
        assert_eq!(find("intelligence", "search").and_then(|row| row.needs), Some(Privilege::Intelligence));
    }
}
