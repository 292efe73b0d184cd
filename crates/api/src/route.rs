//! What a row of the table of endpoints says, and what its handler gets and gives.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_model::role::Role;
use assay_model::{Code, Error, Result};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use serde_json::Value;
use sync_wrapper::SyncWrapper;

use crate::app::App;
use crate::gate::{Paid, Tab};
use crate::objects::{ObjectType, Relationship, serve};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: the address itself is the ticket, or there is nothing to protect.
    Open,
    /// Any valid key.
    Key,
    /// A key whose account has this privilege.
    Needs(Privilege),
}

/// What a call costs, in API requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing, and no limit holds it up.
    Free,
    /// This many.
    Requests(u64),
    /// One, given back when the file was never seen before.
    UnlessNew,
    /// One, or a download of the month for an account that has Intelligence and no API requests.
    Download,
}

impl Cost {
    /// What is taken before the work.
    pub const fn requests(self) -> u64 {
        match self {
            Self::Free => 0,
            Self::Requests(count) => count,
            Self::UnlessNew | Self::Download => 1,
        }
    }
}

/// What a call sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A file as `multipart/form-data`.
    Upload,
    /// An urlencoded form.
    Form,
    /// A JSON document.
    Document,
    /// Nothing, or a JSON document.
    MaybeDocument,
}

/// What a successful call answers in `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// An object; the name of its schema.
    Object(&'static str),
    /// A page of objects.
    Objects(&'static str),
    /// One object or null.
    One(&'static str),
    /// A page of descriptors.
    Descriptors,
    /// One descriptor or null.
    OneDescriptor,
    /// A descriptor of an analysis.
    Analysis,
    /// A string.
    Text,
    /// A dictionary.
    Dictionary,
    /// A list of dictionaries.
    List,
    /// A list of strings.
    Words,
    /// The bytes of a file.
    Bytes,
    /// A picture: PNG.
    Picture,
    /// An HTML page.
    Page,
    /// A document of its own form, without the usual envelope.
    Document,
    /// `true` or `false`.
    Truth,
    /// An empty object, without `data`.
    Done,
}

/// A part of the product that an operator may switch off for the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Sending files.
    Uploads,
    /// Getting the bytes of files.
    Downloads,
    /// Groups and their members.
    Groups,
    /// Making, rotating and revoking keys over HTTP.
    KeyManagement,
    /// Asking for tiers, privileges and limits.
    Requests,
    /// Webhooks.
    Webhooks,
    /// Contracts with `VirusTotal`, and answers from there.
    Broker,
}

impl Feature {
    /// Its name in the configuration and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::Downloads => "downloads",
            Self::Groups => "groups",
            Self::KeyManagement => "key-management",
            Self::Requests => "requests",
            Self::Webhooks => "webhooks",
            Self::Broker => "broker",
        }
    }
}

/// A row of the table of endpoints.
pub struct Route {
    /// The HTTP method; a `GET` answers `HEAD` too.
    pub method: Method,
    /// The path from the root, with `{placeholders}`.
    pub path: String,
    /// Names the operation in logs, metrics and `openapi.json`.
    pub operation: String,
    /// One line for the documentation.
    pub summary: String,
    /// Who may call.
    pub access: Access,
    /// The role that a service account with roles needs.
    pub role: Option<Role>,
    /// The feature that it belongs to, where that can be switched off.
    pub feature: Option<Feature>,
    /// What it costs.
    pub cost: Cost,
    /// What it takes.
    pub takes: Takes,
    /// What it answers.
    pub answers: Answers,
    /// The errors beyond those that every route has.
    pub errors: &'static [Code],
    /// The query arguments that it understands, beyond those that every object and list has.
    pub query: &'static [(&'static str, &'static str)],
    /// Where it serves a type of object: which.
    pub object: Option<&'static ObjectType>,
    /// Where it serves a relationship: which.
    pub relationship: Option<&'static Relationship>,
    /// What more than its type of object it asks of the arguments.
    pub check: fn(&Arguments) -> Result<()>,
    /// The work.
    pub run: Handler,
}

/// The work of a route.
pub type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// What the address of a call says.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    /// The placeholders of the path, decoded.
    pub path: Vec<(String, String)>,
    /// The query, decoded, in its order.
    pub query: Vec<(String, String)>,
    /// The path as it was sent, for links.
    pub target: String,
}

impl Arguments {
    /// A placeholder of the path; empty where the route has none of that name.
    pub fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// An argument of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A list in the query, separated by commas, without blanks and empty parts.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.query(name).unwrap_or("").split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
    }
}

/// A call that was authenticated, authorised and metered.
pub struct Call {
    /// What every request works with.
    pub app: Arc<App>,
    /// The row.
    pub route: Arc<Route>,
    /// The proof that it was paid for.
    pub paid: Paid,
    /// Who pays, where the row is open and the handler finds out.
    pub(crate) tab: Arc<Tab>,
    /// What the address says.
    pub arguments: Arguments,
    /// What the head says.
    pub headers: HeaderMap,
    /// The address under which the client reached us: `scheme://host[:port]`.
    pub base: String,
    /// What was sent; not read yet.
    pub body: SyncWrapper<Body>,
}

/// What a call is answered with.
#[derive(Debug)]
pub struct Reply {
    /// The body.
    pub body: ReplyBody,
    /// Headers beyond the content type.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// 200 but for parts of a file (206), and what API v2 says otherwise.
    pub status: u16,
    /// Whether what the call cost is to be given back.
    pub refund: bool,
}

/// The body of an answer.
#[derive(Debug)]
pub enum ReplyBody {
    /// JSON text.
    Json(Bytes),
    /// Bytes of a file; never compressed.
    Binary(Bytes),
    /// Bytes that are still on their way; how many, where that is known. Never compressed.
    Arriving(Body, Option<u64>),
    /// A picture: PNG.
    Picture(Bytes),
    /// Plain text with its content type.
    Text(&'static str, String),
    /// Nothing.
    Nothing,
}

impl Reply {
    /// JSON text that is ready.
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self { body: ReplyBody::Json(text.into()), headers: Vec::new(), status: 200, refund: false }
    }

    /// A JSON document.
    pub fn value(value: &Value) -> Self {
        let mut text = String::with_capacity(1024);
        write!(text, "{value}").expect("writing to a string does not fail");
        Self::json(text)
    }

    /// `{"data": …}`.
    pub fn data(data: impl Into<Value>) -> Self {
        Self::value(&serde_json::json!({ "data": data.into() }))
    }

    /// The same, with what the call cost given back.
    #[must_use]
    pub fn refunded(mut self) -> Self {
        self.refund = true;
        self
    }
}

impl Route {
    /// Under which name `api_usage` counts its calls.
    pub fn bucket(&self) -> String {
        const VIRUSTOTALS: &[(&str, &str)] = &[
            ("files_upload_url", "file_upload_url"),
            ("files_upload_large", "files"),
            ("files_upload", "files"),
            ("files_analyse", "file_analyse"),
            ("files_download_url", "file_download"),
            ("files_download", "file_download"),
        ];
        let known = VIRUSTOTALS.iter().find(|(operation, _)| *operation == self.operation).map(|(_, bucket)| *bucket);
        let name = match (known, self.object.filter(|_| self.relationship.is_some())) {
            (Some(bucket), _) => bucket.to_owned(),
            (None, Some(object)) => format!("{}_relationships", object.kind),
            (None, None) => self.operation.clone(),
        };
        format!("/api/v3/({name})")
    }

    /// Whether the arguments of a call have the right shape; asked before anything is spent.
    pub fn check(&self, arguments: &Arguments) -> Result<()> {
        if let Some(object) = self.object {
            (object.check)(arguments)?;
        }
        if self.relationship.is_some() {
            serve::limit(arguments)?;
        }
        (self.check)(arguments)
    }
}

/// Any arguments have the right shape.
pub fn any(_: &Arguments) -> Result<()> {
    Ok(())
}

/// The placeholder `{id}` is a file's hash.
pub fn file_hash(arguments: &Arguments) -> Result<()> {
    parse_hash(arguments.path("id")).map(drop)
}

/// A file's hash out of a path.
pub fn parse_hash(text: &str) -> Result<assay_model::FileHash> {
    text.parse().map_err(|cause| {
        Error::invalid_argument("a file is named by 32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits")
            .because(cause)
    })
}
