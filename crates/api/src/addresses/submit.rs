//! `POST /urls`: a URL becomes a submission; the answer names its analysis. Several URLs, each on a line of its own, are
//! answered with a list and cost a request each.

use assay_model::url::CanonicalUrl;
use assay_model::{Error, Kind, Result};
use assay_pipeline::address::submit::{self, Submitter};
use serde_json::Value;

use super::form;
use crate::envelope;
use crate::files::upload::source;
use crate::gate::Paid;
use crate::route::{Call, Reply};

/// How many URLs are taken at once.
const LINES: usize = 25;

/// `POST /urls`.
pub(crate) async fn post(mut call: Call) -> Result<Reply> {
    let text = form::url(&mut call).await?;
    let urls = read(&text)?;
    let account = call.paid.account()?.account.clone();
    if urls.len() > 1 {
        Paid::on_ticket(&call, &account, urls.len() as u64 - 1).await?;
    }
    let by = Submitter { source: source(&call.app, &account), interface: "api" };
    let mut answers: Vec<Value> = Vec::with_capacity(urls.len());
    for url in &urls {
        let submitted = submit::submit(&call.app.pipeline, url, &by, call.paid.class()).await?;
        answers.push(envelope::descriptor(&call.base, Kind::Analysis, &submitted.analysis).into());
    }
    Ok(match (answers.pop(), answers.is_empty()) {
        (Some(only), true) => Reply::data(only),
        (last, _) => Reply::data(answers.into_iter().chain(last).collect::<Vec<_>>()),
    })
}

/// The URLs of a text, a line each; all of them can be analysed, or none is.
fn read(text: &str) -> Result<Vec<CanonicalUrl>> {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(Error::bad_request("send the URL in a form's field named \"url\""));
    }
    if lines.len() > LINES {
        return Err(Error::invalid_argument(format!("at most {LINES} URLs are taken at once, a line each")));
    }
    let parse = |(number, line): (usize, &str)| {
        line.parse::<CanonicalUrl>().map_err(|cause| {
            let place = if lines.len() > 1 { format!(" in line {}", number + 1) } else { String::new() };
            Error::invalid_argument(format!("the URL{place} cannot be analysed: {cause}")).because(cause)
        })
    };
    lines.iter().copied().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_url_and_a_mistake_is_told_with_its_line() {
        let urls = read("\n http://x.example \r\ny.example/a\n").expect("two URLs");
        assert_eq!(
            urls.iter().map(CanonicalUrl::as_str).collect::<Vec<_>>(),
            ["http://x.example/", "http://y.example/a"]
        );
        assert!(read("x.example\njavascript:alert(1)").expect_err("refused").message.contains("line 2"));
        let one = read("file:///etc/passwd").expect_err("refused").message;
        assert!(one.contains("scheme") && !one.contains("line"), "{one}");
        assert!(read(" \n").is_err());
        assert!(read(&"x.example\n".repeat(26)).is_err());
    }
}
