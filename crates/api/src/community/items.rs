//! What is commented on and voted on: a row per kind. To add a kind: a row here, its links, a line in its relationships.

use std::sync::Arc;

use assay_model::record::Record;
use assay_model::{Code, Error, Kind, Link, Result};

use crate::objects;
use crate::route::Call;

/// A kind that people talk about.
#[derive(Debug)]
pub(crate) struct Item {
    /// Which.
    pub(crate) kind: Kind,
    /// What ids of comments and votes on it begin with.
    prefix: &'static str,
    /// From a comment to it.
    pub(crate) commented: Link,
    /// From a vote to it, where it is voted on.
    pub(crate) voted: Option<Link>,
    /// The attribute that counts its comments, where it has one.
    pub(crate) counter: Option<&'static str>,
}

/// Every kind that people talk about.
#[rustfmt::skip]
pub(crate) const ITEMS: &[Item] = &[
    Item { kind: Kind::File, prefix: "f-", commented: Link::CommentsOnFile, voted: Some(Link::VotesOnFile), counter: None },
    Item { kind: Kind::Url, prefix: "u-", commented: Link::CommentsOnUrl, voted: Some(Link::VotesOnUrl), counter: None },
    Item { kind: Kind::Domain, prefix: "d-", commented: Link::CommentsOnDomain, voted: Some(Link::VotesOnDomain), counter: None },
    Item { kind: Kind::IpAddress, prefix: "i-", commented: Link::CommentsOnIp, voted: Some(Link::VotesOnIp), counter: None },
    Item { kind: Kind::Graph, prefix: "g-", commented: Link::CommentsOnGraph, voted: None, counter: Some("comments_count") },
    Item { kind: Kind::Collection, prefix: "", commented: Link::CommentsOnCollection, voted: None, counter: None },
];

impl Item {
    /// The row of a kind.
    pub(crate) fn of(kind: Kind) -> Option<&'static Self> {
        ITEMS.iter().find(|item| item.kind == kind)
    }

    /// The row of the kind that a call is about.
    pub(crate) fn of_call(call: &Call) -> Result<&'static Self> {
        let found = call.route.object.and_then(|object| Self::of(object.kind));
        found.ok_or_else(|| Error::new(Code::Internal, "a route is about no kind that people talk about"))
    }

    /// The object that the path names.
    pub(crate) async fn locate(&self, call: &Call) -> Result<Arc<Record>> {
        let object = objects::of(self.kind).ok_or_else(|| Error::new(Code::Internal, "a kind without endpoints"))?;
        (object.locate)(&call.viewer(), call.arguments.path("id")).await
    }

    /// The id of what somebody says about an object.
    pub(crate) fn id(&self, item: &str, suffix: &[u8]) -> String {
        format!("{}{item}-{}", self.prefix, hex::encode(suffix))
    }
}
