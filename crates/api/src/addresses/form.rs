//! The field `url` of a form, urlencoded or `multipart/form-data`. Scripts send it unescaped, too: a value with a slash
//! in it was not escaped, because whoever escapes a URL escapes its slashes.

use assay_model::{Code, Error, Result};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use sync_wrapper::SyncWrapper;

use crate::files::parts::{Parts, boundary};
use crate::route::Call;

/// The longest form.
const FORM_MAX: usize = 1 << 20;
/// How many parts are looked at.
const PARTS: usize = 16;

/// The text of the field; empty where there is none.
pub(super) async fn url(call: &mut Call) -> Result<String> {
    let body = std::mem::replace(&mut call.body, SyncWrapper::new(Body::empty())).into_inner();
    let read = Limited::new(body, FORM_MAX).collect().await.map_err(|cause| {
        if cause.is::<LengthLimitError>() {
            Error::new(Code::TooLarge, format!("a form has at most {FORM_MAX} bytes"))
        } else {
            Error::bad_request("the form is cut off")
        }
    })?;
    let form = read.to_bytes();
    let kind = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match boundary(kind) {
        Some(boundary) => multipart(form, &boundary).await,
        None => Ok(urlencoded(&form)),
    }
}

async fn multipart(form: Bytes, boundary: &str) -> Result<String> {
    let stream = futures_util::stream::iter([Ok(form)]);
    let mut parts = Parts::new(stream, boundary);
    for _ in 0..PARTS {
        let Some(head) = parts.next().await? else { break };
        if head.name.as_deref() != Some("url") {
            continue;
        }
        let mut text = Vec::new();
        while let Some(piece) = parts.chunk().await? {
            text.extend_from_slice(&piece);
        }
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    Ok(String::new())
}

fn urlencoded(form: &[u8]) -> String {
    if let Some(rest) = form.strip_prefix(b"url=").filter(|rest| rest.contains(&b'/')) {
        return String::from_utf8_lossy(rest).into_owned();
    }
    let mut fields = url::form_urlencoded::parse(form);
    fields.find(|(name, _)| name == "url").map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_read_escaped_and_unescaped() {
        for (form, url) in [
            ("url=http%3A%2F%2Fx.example%2F%3Fa%3D1%26b%3D2", "http://x.example/?a=1&b=2"),
            ("url=http://x.example/?a=1&b=%41+c", "http://x.example/?a=1&b=%41+c"),
            ("a=b&url=x.example", "x.example"),
            ("url=a%0D%0Ab", "a\r\nb"),
            ("", ""),
            ("{\"url\": \"x\"}", ""),
        ] {
            assert_eq!(urlencoded(form.as_bytes()), url);
        }
    }

    #[tokio::test]
    async fn the_field_is_read_out_of_parts() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"url\"\r\n\r\nhttp://x.example/?a&b\r\n--b--\r\n";
        assert_eq!(multipart(Bytes::from(form), "b").await.expect("a URL"), "http://x.example/?a&b");
        assert!(multipart(Bytes::from("--b\r\n"), "b").await.is_err());
    }
}
