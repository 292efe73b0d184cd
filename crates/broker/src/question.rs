//! One operation of the table, about something. Equal questions have equal names, however they were written.

use std::sync::Arc;

use assay_model::Kind;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::operations::{self, Ages, Operation};

/// Longer names are cut to their SHA-256, so that every store has room for them.
const NAME_MAX: usize = 300;
/// Items of a page where nobody says; `VirusTotal`'s.
const LIMIT: &str = "10";

/// How a relationship is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The object itself.
    Object,
    /// What is joined to it, as objects; or what an action answers.
    Joined,
    /// What is joined to it, as descriptors.
    Descriptors,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Question {
    /// The row of the table.
    pub operation: &'static Operation,
    /// Which form of it.
    pub form: Form,
    /// The object that it is about, as its path names it; empty for searches.
    pub id: String,
    query: Vec<(String, String)>,
    name: Arc<str>,
}

impl Question {
    /// For an object, with these of its relationships inside. None where the table has no such operation.
    pub fn object(collection: &str, id: &str, relationships: &[&str]) -> Option<Self> {
        let operation = operations::find(collection, "")?;
        let mut inside = relationships.to_vec();
        inside.sort_unstable();
        inside.dedup();
        if inside.iter().any(|name| operations::find(collection, name).is_none()) {
            return None;
        }
        let query = if inside.is_empty() { Vec::new() } else { vec![("relationships".to_owned(), inside.join(","))] };
        Some(Self::of(operation, Form::Object, id, query))
    }

    /// For a page of what is joined to an object.
    pub fn joined(collection: &str, id: &str, name: &str, form: Form, page: Page<'_>) -> Option<Self> {
        let operation = operations::find(collection, name).filter(|row| !row.name.is_empty())?;
        Some(Self::of(operation, form, id, page.query()))
    }

    /// For what a search finds.
    pub fn search(collection: &str, name: &str, query: &str, order: Option<&str>, page: Page<'_>) -> Option<Self> {
        let operation = operations::find(collection, name).filter(|row| row.ages == Ages::Search)?;
        let mut arguments = vec![("query".to_owned(), query.to_owned())];
        arguments.extend(order.map(|order| ("order".to_owned(), order.to_owned())));
        arguments.extend(page.query());
        Some(Self::of(operation, Form::Joined, "", arguments))
    }

    /// For what several files did together; equal for equal files in whatever order.
    pub fn summary(hashes: &[String]) -> Option<Self> {
        let operation = operations::find("files/behaviour_summary", "")?;
        let mut hashes: Vec<_> = hashes.iter().map(String::as_str).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Some(Self::of(operation, Form::Joined, "", vec![("hashes".to_owned(), hashes.join(","))]))
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let mut query = std::mem::take(&mut self.query);
        query.push((name.to_owned(), value.to_owned()));
        Self::of(self.operation, self.form, &self.id, query)
    }

    fn of(operation: &'static Operation, form: Form, id: &str, query: Vec<(String, String)>) -> Self {
        let mut question = Self { operation, form, id: id.to_owned(), query, name: "".into() };
        let mut name = question.path().join("/");
        for (place, (argument, value)) in question.query.iter().enumerate() {
            name.push(if place == 0 { '?' } else { '&' });
            name.extend([argument, "=", value]);
        }
        if name.len() > NAME_MAX {
            name = format!("sha256:{}", hex::encode(Sha256::digest(name)));
        }
        question.name = name.into();
        question
    }

    /// The name of its answer.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The segments of its path after `/api/v3`.
    pub fn path(&self) -> Vec<&str> {
        let Operation { collection, name, .. } = self.operation;
        let between = if self.form == Form::Descriptors { "relationships" } else { "" };
        let rest = [self.id.as_str(), between, name];
        collection.split('/').chain(rest).filter(|segment| !segment.is_empty()).collect()
    }

    /// The arguments after the question mark.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The `type` of its object; none for pages and dictionaries.
    pub fn wants(&self) -> Option<&'static str> {
        let collection = Some(self.operation.collection).filter(|_| self.form == Form::Object)?;
        // Types that nothing is of here.
        let others = [
            ("file_behaviours", "file_behaviour"),
            ("sigma_analyses", "sigma_analysis"),
            ("sigma_rules", "sigma_rule"),
        ];
        if let Some((_, kind)) = others.into_iter().find(|(other, _)| *other == collection) {
            return Some(kind);
        }
        Kind::ALL.iter().find(|kind| kind.collection() == collection).map(|kind| kind.wire())
    }

    /// An argument of it; empty where it has none of that name.
    pub(crate) fn argument(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The same question about the object under the id that its answer has: a file asked for by its MD5 is the file of a
    /// SHA-256. None where it was asked for so.
    pub(crate) fn under(&self, document: &Value) -> Option<Self> {
        let id = document["data"]["id"].as_str().filter(|id| self.form == Form::Object && *id != self.id)?;
        Some(Self::of(self.operation, self.form, id, self.query.clone()))
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page<'a> {
    /// How many items.
    pub limit: Option<usize>,
    /// Where it starts, in upstream's words.
    pub cursor: Option<&'a str>,
}

impl Page<'_> {
    fn query(self) -> Vec<(String, String)> {
        let limit = self.limit.map(|limit| limit.to_string()).filter(|limit| limit != LIMIT);
        let cursor = self.cursor.map(ToOwned::to_owned);
        let both = [("limit", limit), ("cursor", cursor)];
        both.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_questions_have_equal_names() {
        let name = |names: &[&str]| Question::object("files", "ab", names).expect("a row").name().to_string();
        assert_eq!(name(&[]), "files/ab");
        assert_eq!(name(&["dropped_files", "comments"]), name(&["comments", "dropped_files", "comments"]));
        let page = |limit| Page { limit, cursor: None };
        let joined = |limit| Question::joined("files", "ab", "comments", Form::Joined, page(limit)).expect("a row");
        assert_eq!(joined(Some(10)).name(), joined(None).name());
        assert_eq!(&**joined(Some(40)).name(), "files/ab/comments?limit=40");
        let bare = Question::joined("files", "ab", "comments", Form::Descriptors, page(None)).expect("a row");
        assert_eq!(bare.path(), ["files", "ab", "relationships", "comments"]);
    }

    #[test]
    fn what_is_not_in_the_table_is_no_question() {
        assert!(Question::object("files", "ab", &["user_votes"]).is_none());
        assert!(Question::object("users", "ann", &[]).is_none());
        assert!(Question::joined("files", "ab", "download", Form::Joined, Page::default()).is_none());
        assert!(Question::joined("files", "ab", "", Form::Joined, Page::default()).is_none());
        assert!(Question::search("files", "", "x", None, Page::default()).is_none());
    }

    #[test]
    fn another_argument_makes_another_question() {
        let plain = Question::search("intelligence", "search", "x", None, Page::default()).expect("a row");
        let bare = plain.clone().with("descriptors_only", "true");
        assert_eq!(&**bare.name(), "intelligence/search?query=x&descriptors_only=true");
        assert_eq!(bare.query().len(), plain.query().len() + 1);
    }

    #[test]
    fn a_summary_is_the_same_for_the_same_files() {
        let name = |hashes: &[&str]| {
            let hashes: Vec<_> = hashes.iter().map(|hash| (*hash).to_owned()).collect();
            let question = Question::summary(&hashes).expect("a row");
            assert_eq!(question.path(), ["files", "behaviour_summary"]);
            question.name().to_string()
        };
        assert_eq!(name(&["cd", "ab", "cd"]), "files/behaviour_summary?hashes=ab,cd");
        assert_eq!(name(&["ab", "cd"]), name(&["cd", "ab"]));
    }

    #[test]
    fn every_object_of_the_table_has_its_type() {
        for row in operations::table().filter(|row| row.name.is_empty() && row.ages != Ages::Search) {
            let Some(question) = Question::object(row.collection, "x", &[]) else { panic!("{}", row.collection) };
            assert_eq!(question.wants().is_some(), !row.collection.contains('/'), "{}", row.collection);
        }
    }

    #[test]
    fn long_names_stay_short_and_different() {
        let long = |end: &str| Question::search("search", "", &("x".repeat(9_000) + end), None, Page::default());
        let (one, other) = (long("a").expect("a row"), long("b").expect("a row"));
        assert!(one.name().len() < NAME_MAX && one.name() != other.name());
    }
}
