//! Parts of a file (RFC 9110, section 14): one range of bytes; several are answered with the whole file.

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;

use crate::route::{Reply, ReplyBody};

/// The bytes that the head of the request asks for.
pub(crate) fn serve(headers: &HeaderMap, bytes: Bytes) -> Reply {
    let size = bytes.len();
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let accepts = (header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, body, described) = match asked.map(|range| parse(range, size)) {
        None | Some(Asked::Whole) => (200, bytes, None),
        Some(Asked::Part(start, end)) => {
            (206, bytes.slice(start..end), Some(format!("bytes {start}-{}/{size}", end - 1)))
        }
        Some(Asked::Beyond) => (416, Bytes::new(), Some(format!("bytes */{size}"))),
    };
    let described = described.and_then(|text| HeaderValue::try_from(text).ok());
    let headers = [accepts].into_iter().chain(described.map(|value| (header::CONTENT_RANGE, value))).collect();
    Reply { body: ReplyBody::Binary(body), headers, status, refund: false }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    /// From, to (exclusive); not empty.
    Part(usize, usize),
    Beyond,
}

fn parse(text: &str, size: usize) -> Asked {
    let Some((from, to)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Asked::Whole;
    };
    let part = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) if from <= to => Some((from, to.saturating_add(1).min(size))),
        (Ok(from), Err(_)) if to.is_empty() => Some((from, size)),
        (Err(_), Ok(last)) if from.is_empty() => Some((size.saturating_sub(last), size)),
        _ => None,
    };
    match part {
        None => Asked::Whole,
        Some((start, end)) if start < end => Asked::Part(start, end),
        Some(_) => Asked::Beyond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_in_its_three_forms() {
        assert_eq!(parse("bytes=0-3", 10), Asked::Part(0, 4));
        assert_eq!(parse("bytes=4-", 10), Asked::Part(4, 10));
        assert_eq!(parse("bytes=-3", 10), Asked::Part(7, 10));
        assert_eq!(parse("bytes=-99", 10), Asked::Part(0, 10));
        assert_eq!(parse("bytes=5-999999999999", 10), Asked::Part(5, 10));
    }

    #[test]
    fn what_cannot_be_served_is_told_from_what_cannot_be_understood() {
        assert_eq!(parse("bytes=10-", 10), Asked::Beyond);
        assert_eq!(parse("bytes=-0", 10), Asked::Beyond);
        assert_eq!(parse("bytes=0-", 0), Asked::Beyond);
        for text in ["bytes=3-1", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes=-", ""] {
            assert_eq!(parse(text, 10), Asked::Whole, "{text}");
        }
    }
}
