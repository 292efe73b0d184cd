//! What engines are told of an address: which it is, and what it served when somebody went there.

use std::sync::Arc;

use assay_model::address::Item;
use assay_model::facts::Facts;
use assay_model::url::CanonicalUrl;

use crate::engine::Sample;

/// A URL, a domain or an IP address, with what is known of it.
#[derive(Debug, Clone)]
pub struct Address {
    /// Which.
    pub item: Item,
    /// What a URL served; none where nobody went there.
    pub page: Option<Page>,
}

impl Address {
    /// An address of which nothing else is known.
    pub fn unvisited(item: impl Into<Item>) -> Self {
        Self { item: item.into(), page: None }
    }
}

/// What a URL served.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was served in the end, after redirects.
    pub final_url: CanonicalUrl,
    /// The body.
    pub body: Sample,
    /// What identification found in the body.
    pub facts: Arc<Facts>,
    /// The page's title, where it has one.
    pub title: Option<String>,
}
