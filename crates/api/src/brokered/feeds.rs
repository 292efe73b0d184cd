//! Feeds, passed through from upstream where the operator's policy permits it: a batch is answered while it arrives, and one
//! that breaks off ends the connection, so that nobody takes half a batch for a whole one.

use assay_broker::NotAsked;
use assay_broker::ask::Unanswered;
use assay_broker::feeds::Part;
use assay_model::{Code, Error, Result, Timestamp};
use assay_upstream::Pieces;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use futures_util::stream::try_unfold;

use super::served;
use crate::route::{Call, Reply, ReplyBody};
use crate::routes::PREFIX;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// The longest token of a link inside a batch, bytes.
const TOKEN_MAX: usize = 1_024;

/// `GET /feeds/{feed}/{time}`.
pub(crate) async fn minute(call: Call) -> Result<Reply> {
    let time = call.arguments.path("time");
    due(&call, begin(time, 12), HOUR, "YYYYMMDDhhmm")?;
    answer(&call, Part::Minute(time), &format!("{time}.bz2")).await
}

/// `GET /feeds/{feed}/hourly/{time}`.
pub(crate) async fn hour(call: Call) -> Result<Reply> {
    let time = call.arguments.path("time");
    due(&call, begin(time, 10), 2 * HOUR, "YYYYMMDDhh")?;
    answer(&call, Part::Hour(time), &format!("{time}.tar.bz2")).await
}

/// `GET /feeds/{feed}/{token}/{what}`.
pub(crate) async fn item(call: Call, what: &str) -> Result<Reply> {
    let token = call.arguments.path("token");
    if token.is_empty() || token.len() > TOKEN_MAX || matches!(token, "." | "..") {
        return Err(Error::not_found("Link of a feed", token));
    }
    answer(&call, Part::Item(token, what), what).await
}

/// The first second of a time of so many digits.
fn begin(text: &str, digits: usize) -> Option<Timestamp> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let day = Timestamp::from_day(&text[..8])?;
    let (hour, minute) = (text[8..10].parse::<i64>().ok()?, text[10..].parse::<i64>().unwrap_or(0));
    (hour < 24 && minute < 60).then(|| Timestamp(day.0 + hour * HOUR + minute * MINUTE))
}

/// A batch is there once it is so old.
fn due(call: &Call, begin: Option<Timestamp>, lag: i64, form: &str) -> Result<()> {
    let begin = begin.ok_or_else(|| Error::invalid_argument(format!("a batch is named by its time in UTC, {form}")))?;
    let wait = begin.0 + lag - call.app.now().0;
    if wait > 0 {
        let message = format!("this batch is there {} minutes after it began, in {wait} seconds", lag / MINUTE);
        return Err(Error::new(Code::NotAvailableYet, message));
    }
    Ok(())
}

async fn answer(call: &Call, part: Part<'_>, name: &str) -> Result<Reply> {
    let feed = feed_of(&call.route.path);
    let Some(asker) = served(call).await? else { return Err(no_contract()) };
    match call.app.broker.feed(&asker, &feed, part).await {
        Ok(Some(pieces)) => Ok(arriving(pieces, &feed, name)),
        Ok(None) => Err(Error::new(Code::NotFound, "VirusTotal, which this server asks, has no such part of the feed")),
        Err(Unanswered::NotAsked(NotAsked::NoContract)) => Err(no_contract()),
        Err(Unanswered::NotAsked(why @ NotAsked::SwitchedOff(_))) => Err(Error::new(Code::NotFound, why.to_string())),
        Err(Unanswered::NotAsked(why)) => Err(Error::new(Code::Forbidden, why.to_string())),
        Err(Unanswered::Refused(refusal)) => Err(refusal.into()),
    }
}

/// Which feed a row is of; the reference's spelling of it.
fn feed_of(path: &str) -> String {
    let rest = path.strip_prefix(PREFIX).and_then(|path| path.strip_prefix("/feeds/")).unwrap_or_default();
    rest.split('/').next().unwrap_or_default().replace('-', "_")
}

fn no_contract() -> Error {
    let message = "this server makes no feeds of its own, and has no contract with VirusTotal to read them under";
    Error::new(Code::NotFound, message)
}

/// Samples and reports about them are data: a browser must neither show nor run them.
fn arriving(pieces: Box<dyn Pieces>, feed: &str, name: &str) -> Reply {
    let length = pieces.length();
    let stream = try_unfold(pieces, |mut pieces| async move {
        let piece = pieces.next().await.inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "a part of a feed broke off");
        });
        piece.map(|piece| piece.map(|piece| (piece, pieces)))
    });
    let mut headers = vec![(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{feed}-{name}\"")) {
        headers.push((header::CONTENT_DISPOSITION, disposition));
    }
    Reply { body: ReplyBody::Arriving(Body::from_stream(stream), length), headers, status: 200, refund: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_named_by_its_time() {
        assert_eq!(begin("197001020304", 12), Some(Timestamp(86_400 + 3 * HOUR + 4 * MINUTE)));
        assert_eq!(begin("1970010203", 10), Some(Timestamp(86_400 + 3 * HOUR)));
        for wrong in ["", "1970010203", "197001022400", "197001020360", "197013010000", "19700102030x", "1970-1-20304"]
        {
            assert_eq!(begin(wrong, 12), None, "{wrong}");
        }
    }

    #[test]
    fn both_spellings_are_one_feed() {
        assert_eq!(feed_of("/api/v3/feeds/file-behaviours/hourly/{time}"), "file_behaviours");
        assert_eq!(feed_of("/api/v3/feeds/files/{token}/download"), "files");
    }
}
