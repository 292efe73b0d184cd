//! Calls of the API in general: one way in for every command, whether the server is elsewhere or its data folder is here.
//! In goes a [`Call`], out comes the answer's JSON or a [`Problem`] in the server's own words.

use assay_events::audit::Verdict;
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Map, Value as Json};

use super::problem::{Kind, Problem};

/// Objects on a page; more is refused by the API.
const PAGE: &str = "40";

/// One request under `/api/v3`.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: Vec<Segment>,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Json>,
}

/// A part of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// Whoever makes the call.
    Self_,
}

/// An account in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// By name or e-mail.
    Named(String),
    /// Whoever makes the call.
    Own,
}

impl Call {
    fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|segment| Segment::Text((*segment).to_owned())).collect();
        Self { method, path, query: Vec::new(), headers: Vec::new(), body: None }
    }

    /// GET.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// DELETE.
    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// DELETE of what this `data` names.
    pub(crate) fn delete_of(path: &[&str], data: Json) -> Self {
        Self { body: Some(enveloped(data)), ..Self::new(Method::DELETE, path) }
    }

    /// POST of this `data`.
    pub(crate) fn post(path: &[&str], data: Json) -> Self {
        Self { body: Some(enveloped(data)), ..Self::new(Method::POST, path) }
    }

    /// PATCH with this `data`.
    pub(crate) fn patch(path: &[&str], data: Json) -> Self {
        Self { body: Some(enveloped(data)), ..Self::new(Method::PATCH, path) }
    }

    /// The same under `/users/{account}`.
    pub(crate) fn of(mut self, account: &Account) -> Self {
        let account = match account {
            Account::Named(name) => Segment::Text(name.clone()),
            Account::Own => Segment::Self_,
        };
        self.path.splice(0..0, [Segment::Text("users".to_owned()), account]);
        self
    }

    /// One more argument, where it is said.
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// One more header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The HTTP method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// Arguments after the question mark.
    pub(crate) fn query(&self) -> &[(&'static str, String)] {
        &self.query
    }

    /// Headers beside the usual.
    pub(crate) fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The document that is sent.
    pub(crate) fn body(&self) -> Option<&Json> {
        self.body.as_ref()
    }

    /// The path; `own` stands for whoever makes the call.
    pub(crate) fn segments<'a>(&'a self, own: &'a str) -> Vec<&'a str> {
        let text = |segment: &'a Segment| match segment {
            Segment::Text(text) => text.as_str(),
            Segment::Self_ => own,
        };
        self.path.iter().map(text).collect()
    }
}

fn enveloped(data: Json) -> Json {
    Json::Object(Map::from_iter([("data".to_owned(), data)]))
}

/// A way to the API.
#[async_trait(?Send)]
pub(crate) trait Door: Send + Sync {
    /// Makes the call; the whole body of its answer.
    async fn call(&self, call: &Call) -> Result<Json, Problem>;

    /// What a walk through the store's own audit log comes to; none where the log can only be asked for.
    async fn audit_log(&self) -> Result<Option<Verdict>, Problem> {
        Ok(None)
    }

    /// Ends what the door holds open.
    async fn close(&self) {}
}

/// `data` of the answer.
pub(crate) async fn data(door: &dyn Door, call: &Call) -> Result<Json, Problem> {
    let mut body = door.call(call).await?;
    Ok(body.get_mut("data").map(Json::take).unwrap_or_default())
}

/// All objects of a list; `most` where fewer are wanted.
pub(crate) async fn all(door: &dyn Door, call: &Call, most: Option<usize>) -> Result<Vec<Json>, Problem> {
    let mut objects = Vec::new();
    let most = most.unwrap_or(usize::MAX);
    let mut pages = Pages::of(call);
    while objects.len() < most
        && let Some(mut page) = pages.next(door).await?
    {
        objects.append(&mut page);
    }
    objects.truncate(most);
    Ok(objects)
}

/// A list, page by page.
pub(crate) struct Pages<'a> {
    call: &'a Call,
    next: Option<Call>,
}

impl<'a> Pages<'a> {
    /// From its beginning.
    pub(crate) fn of(call: &'a Call) -> Self {
        Self { call, next: Some(call.clone().with("limit", Some(PAGE))) }
    }

    /// The next page, until there is none.
    pub(crate) async fn next(&mut self, door: &dyn Door) -> Result<Option<Vec<Json>>, Problem> {
        let Some(call) = self.next.take() else { return Ok(None) };
        let mut body = door.call(&call).await?;
        let Some(Json::Array(items)) = body.get_mut("data").map(Json::take) else {
            return Err(Problem::new(Kind::Foreign, "the server's answer is no list"));
        };
        let cursor = body.pointer("/meta/cursor").and_then(Json::as_str);
        // A server that sends its clients round and round ends them.
        if let Some(cursor) = cursor.filter(|_| !items.is_empty()) {
            self.next = Some(self.call.clone().with("limit", Some(PAGE)).with("cursor", Some(cursor)));
        }
        Ok(Some(items))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    /// Answers by what it was told beforehand.
    struct Told(Mutex<Vec<Json>>, Mutex<Vec<Call>>);

    #[async_trait(?Send)]
    impl Door for Told {
        async fn call(&self, call: &Call) -> Result<Json, Problem> {
            self.1.lock().expect("calls").push(call.clone());
            Ok(self.0.lock().expect("answers").remove(0))
        }
    }

    fn told(answers: &[Json]) -> Told {
        Told(Mutex::new(answers.to_vec()), Mutex::new(Vec::new()))
    }

    #[tokio::test]
    async fn a_list_is_read_page_by_page_to_its_end() {
        let door = told(&[
            json!({"data": [1, 2], "meta": {"cursor": "next"}}),
            json!({"data": [3], "meta": {"cursor": "again"}}),
            json!({"data": [], "meta": {"cursor": "round and round"}}),
        ]);
        let objects = all(&door, &Call::get(&["users"]), None).await.expect("a list");
        assert_eq!(objects, [1, 2, 3]);
        let calls = door.1.lock().expect("calls");
        assert_eq!(calls[0].query, [("limit", "40".to_owned())]);
        assert_eq!(calls[1].query[1], ("cursor", "next".to_owned()));
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_wanted() {
        let door = told(&[json!({"data": [1, 2], "meta": {"cursor": "next"}})]);
        assert_eq!(all(&door, &Call::get(&["users"]), Some(1)).await.expect("a list"), [1]);
        assert!(all(&told(&[json!({"data": {}})]), &Call::get(&["users"]), None).await.is_err());
    }

    #[test]
    fn the_caller_stands_in_a_path_by_its_own_name_for_itself() {
        let call = Call::get(&["overall_quotas"]);
        assert_eq!(call.clone().of(&Account::Own).segments("me"), ["users", "me", "overall_quotas"]);
        assert_eq!(call.of(&Account::Named("siem".to_owned())).segments("me"), ["users", "siem", "overall_quotas"]);
    }
}
