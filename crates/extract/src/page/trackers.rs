//! Who watches the visitors of a page, by the scripts that it loads and the ids in its own scripts. To add one: a row.

use url::Url;

/// A tracker in a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tracked {
    /// Its maker.
    pub name: &'static str,
    /// Whose it is: the same id in two pages means the same owner.
    pub id: Option<String>,
    /// From where it is loaded.
    pub url: String,
}

struct Row {
    name: &'static str,
    /// Hosts that its scripts come from.
    hosts: &'static [&'static str],
    /// With what its ids begin; they go on with digits, capitals and hyphens.
    ids: &'static [&'static str],
    /// What stands before an id in a page's own script; the id is the digits after it.
    calls: &'static [&'static str],
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "Google Tag Manager", hosts: &["www.googletagmanager.com"], ids: &["GTM-", "G-", "AW-"], calls: &[] },
    Row { name: "Google Analytics", hosts: &["www.google-analytics.com", "ssl.google-analytics.com"], ids: &["UA-"], calls: &[] },
    Row { name: "Google AdSense", hosts: &["pagead2.googlesyndication.com"], ids: &["ca-pub-"], calls: &[] },
    Row { name: "Facebook Pixel", hosts: &["connect.facebook.net"], ids: &[], calls: &["fbq('init', '", "fbq('init','", "fbq(\"init\", \"", "fbq(\"init\",\""] },
    Row { name: "Yandex Metrika", hosts: &["mc.yandex.ru"], ids: &[], calls: &["ym(", "yaCounter"] },
    Row { name: "Hotjar", hosts: &["static.hotjar.com"], ids: &[], calls: &["hjid:", "hjid: "] },
    Row { name: "Cloudflare Insights", hosts: &["static.cloudflareinsights.com"], ids: &[], calls: &[] },
    Row { name: "Matomo Cloud", hosts: &["cdn.matomo.cloud"], ids: &[], calls: &[] },
    Row { name: "Microsoft Clarity", hosts: &["www.clarity.ms"], ids: &[], calls: &[] },
    Row { name: "TikTok Pixel", hosts: &["analytics.tiktok.com"], ids: &[], calls: &[] },
    Row { name: "LinkedIn Insight", hosts: &["snap.licdn.com"], ids: &[], calls: &["_linkedin_partner_id = \"", "_linkedin_partner_id=\""] },
];

/// More are not kept.
const MOST: usize = 50;
/// A longer id is none.
const ID_MAX: usize = 40;

/// The trackers in what a page loads and in its own scripts.
pub(super) fn find(loaded: &[String], scripts: &str) -> Vec<Tracked> {
    let mut found = Vec::new();
    for address in loaded {
        let Ok(url) = Url::parse(address) else { continue };
        let host = url.host_str().unwrap_or_default();
        let Some(row) = ROWS.iter().find(|row| row.hosts.contains(&host)) else { continue };
        let id = row.ids.iter().find_map(|prefix| id_with(address, prefix));
        found.push(Tracked { name: row.name, id, url: address.clone() });
    }
    for row in ROWS {
        let address = row.hosts.first().map(|host| format!("https://{host}/")).unwrap_or_default();
        let ids = row.ids.iter().filter_map(|prefix| id_with(scripts, prefix));
        let called = row.calls.iter().filter_map(|call| {
            let (_, rest) = scripts.split_once(call)?;
            let id: String = rest.chars().take_while(char::is_ascii_digit).take(ID_MAX).collect();
            (id.len() > 3).then_some(id)
        });
        for id in ids.chain(called) {
            found.push(Tracked { name: row.name, id: Some(id), url: address.clone() });
        }
    }
    found.sort();
    found.dedup_by(|next, one| next.name == one.name && next.id == one.id);
    found.truncate(MOST);
    found
}

/// The first id with such a beginning that stands by itself.
fn id_with(text: &str, prefix: &str) -> Option<String> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(prefix) {
        let alone = !before.ends_with(|one: char| one.is_ascii_alphanumeric() || one == '-' || one == '_');
        let tail: String = after
            .chars()
            .take_while(|one| one.is_ascii_uppercase() || one.is_ascii_digit() || *one == '-')
            .take(ID_MAX)
            .collect();
        if alone && tail.len() >= 4 && tail.contains(|one: char| one.is_ascii_digit()) {
            return Some(format!("{prefix}{}", tail.trim_end_matches('-')));
        }
        rest = after;
    }
    None
}
