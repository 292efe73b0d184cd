//! A row for each API error, and the error that every layer ends in. An [`Error`] has two voices: `message` for the
//! client (never a path, a query or a key) and a source for the log.

use std::fmt;
use std::time::Duration;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal $wire:literal;)+) => {
        /// Why a request failed, in VirusTotal's words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// `error.code` on the wire; clients match on it.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// When it is answered; for the reference documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }
            }
        }
    };
}

codes! {
    /// The request is malformed.
    BadRequest = 400 "BadRequestError";
    /// An argument is present but wrong.
    InvalidArgument = 400 "InvalidArgumentError";
    /// The resource will exist later.
    NotAvailableYet = 400 "NotAvailableYet";
    /// The request carries no key.
    AuthenticationRequired = 401 "AuthenticationRequiredError";
    /// The account is not active.
    UserNotActive = 401 "UserNotActiveError";
    /// The key is not known.
    WrongCredentials = 401 "WrongCredentialsError";
    /// The key is valid but lacks a privilege, a role or the ownership.
    Forbidden = 403 "ForbiddenError";
    /// The resource is absent, or hidden from the caller.
    NotFound = 404 "NotFoundError";
    /// The path exists, but not with this method.
    MethodNotAllowed = 405 "BadRequestError";
    /// The resource exists.
    AlreadyExists = 409 "AlreadyExistsError";
    /// The body is larger than the endpoint takes.
    TooLarge = 413 "BadRequestError";
    /// A request that this one depended on failed.
    FailedDependency = 424 "FailedDependencyError";
    /// A minute, daily, monthly or feature quota is exhausted.
    QuotaExceeded = 429 "QuotaExceededError";
    /// The server protects itself; no contractual quota is concerned.
    TooManyRequests = 429 "TooManyRequestsError";
    /// A fault of the server itself; the log has its cause under the request's id.
    Internal = 500 "InternalError";
    /// Retry later; nothing was lost.
    Transient = 503 "TransientError";
    /// The operation took too long.
    DeadlineExceeded = 504 "DeadlineExceededError";
}

/// Shorthand for results that end in an API error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a request, a stage or a command ends in when it fails.
#[derive(Debug)]
pub struct Error {
    /// The row of the table.
    pub code: Code,
    /// The client's voice.
    pub message: String,
    /// How long the client should wait, where that is known.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with the client's voice only.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, source: None }
    }

    /// Adds the log's voice.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// 400 with this message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// 400 `InvalidArgumentError` with this message.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// 404 in VirusTotal's wording: `File "…" not found`.
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} \"{id}\" not found"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.wire(), self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
