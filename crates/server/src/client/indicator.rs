//! URLs, domains and IP addresses: named, looked up, submitted, and what they are related to.

use assay_model::address::Item;
use assay_model::url::CanonicalUrl;
use reqwest::Method;
use serde_json::Value;

use super::api::Client;
use super::object::{Analysis, Object};
use super::problem::{Kind, Problem};

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// URLs.
    Url,
    /// Domains.
    Domain,
    /// IP addresses.
    Ip,
}

impl Sort {
    /// Reads what a person wrote.
    pub(crate) fn read(self, text: &str) -> Result<Item, Problem> {
        let wrong = |cause: String| Problem::local(format!("{text}: {cause}"));
        match self {
            Self::Url => text.parse().map(Item::Url).map_err(|cause: assay_model::url::NoUrl| wrong(cause.to_string())),
            Self::Domain => text
                .parse()
                .map(Item::Domain)
                .map_err(|cause: assay_model::domain::NoDomainName| wrong(cause.to_string())),
            Self::Ip => text
                .parse()
                .map(Item::IpAddress)
                .map_err(|cause: assay_model::ip::NoIpAddress| wrong(cause.to_string())),
        }
    }

    /// Of what kind its objects are.
    pub(crate) fn kind(self) -> assay_model::Kind {
        match self {
            Self::Url => assay_model::Kind::Url,
            Self::Domain => assay_model::Kind::Domain,
            Self::Ip => assay_model::Kind::IpAddress,
        }
    }

    /// In a sentence.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Url => "URL",
            Self::Domain => "domain",
            Self::Ip => "IP address",
        }
    }
}

/// Where an address is: its collection, and its name there. A URL is named by itself, so that the server's own one form
/// of it counts.
fn place(item: &Item) -> (&'static str, String) {
    let key = item.key();
    let id = match item {
        Item::Url(url) => url.base64(),
        Item::Domain(_) | Item::IpAddress(_) => key.id.to_string(),
    };
    (key.kind.collection(), id)
}

impl Client {
    /// The object of an address, as the server sent it.
    pub(crate) async fn address(&self, item: &Item) -> Result<Value, Problem> {
        let (collection, id) = place(item);
        self.data(&[collection, &id]).await
    }

    /// The first page of a relationship, as the server sent it: `data` alone.
    pub(crate) async fn related(&self, item: &Item, relationship: &str) -> Result<Value, Problem> {
        let (collection, id) = place(item);
        self.data(&[collection, &id, relationship]).await
    }

    /// Has an address analysed; the descriptor of the analysis.
    pub(crate) async fn analyse(&self, item: &Item) -> Result<Object<Analysis>, Problem> {
        let data = match item {
            Item::Url(url) => self.submit(url).await?,
            Item::Domain(_) | Item::IpAddress(_) => {
                let (collection, id) = place(item);
                let url = self.address.at(&[collection, &id, "analyse"]);
                self.turn.patiently(async || self.exchange(self.request(Method::POST, &url)?).await).await?
            }
        };
        let analysis = Object::read(&data)?;
        if analysis.id.is_empty() {
            return Err(Problem::new(Kind::Foreign, "the server names no analysis"));
        }
        Ok(analysis)
    }

    async fn submit(&self, url: &CanonicalUrl) -> Result<Value, Problem> {
        let address = self.address.at(&["urls"]);
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("url", url.as_str()).finish();
        self.turn
            .patiently(async || {
                let request = self.request(Method::POST, &address)?;
                let request = request.header("content-type", "application/x-www-form-urlencoded").body(body.clone());
                self.exchange(request).await
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_writes_is_read_by_its_sort() {
        let url = Sort::Url.read("Example.com/a").expect("a URL");
        assert_eq!(place(&url), ("urls", "aHR0cDovL2V4YW1wbGUuY29tL2E".to_owned()));
        assert_eq!(place(&Sort::Domain.read("Bücher.example").expect("a domain")).1, "xn--bcher-kva.example");
        assert_eq!(
            place(&Sort::Ip.read("2001:DB8::1").expect("an address")),
            ("ip_addresses", "2001:db8::1".to_owned())
        );
        assert!(
            Sort::Url.read("javascript:x").is_err()
                && Sort::Domain.read("1.2.3.4").is_err()
                && Sort::Ip.read("x").is_err()
        );
    }
}
