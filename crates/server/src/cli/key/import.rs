//! `assay key import`: a key that clients have already, by its hash, so that a roll-out changes nothing at the clients on
//! its first day.

use std::io::Read as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::super::desk::Session;
use super::super::values::Attributes;
use crate::client::door::Call;
use crate::client::problem::Problem;

/// No file with a key is longer.
const MOST: u64 = 64 << 10;

/// Which key, and whose.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The account that it is to open
    #[arg(long)]
    account: String,
    /// What it is for, for people
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The file that holds it [default: standard input]
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Read it from standard input, as happens anyway where no file is named
    #[arg(long, conflicts_with = "from_file")]
    stdin: bool,
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<()> {
    let Arguments { account, label, from_file, stdin: _ } = arguments;
    let account = session.account(&account).await?;
    let key = read(from_file.as_ref(), "assay key import --account NAME")?;
    let data = Attributes::default().set("key", Some(key.as_str())).set("label", label).object("api_key", None);
    let call = Call::post(&["users", &account, "api_keys"], data);
    let next = |id: &str| {
        format!("{id}: imported for {account}; replace it with `assay key rotate {id}` when its clients can")
    };
    session.change(&call, |made| next(made["id"].as_str().unwrap_or_default())).await
}

/// The key in a file, or on standard input. `command` is what it could be piped into.
pub(crate) fn read(path: Option<&PathBuf>, command: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let from = path.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let outcome = match path {
        Some(path) => std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text)),
        None => std::io::stdin().lock().take(MOST).read_to_string(&mut text),
    };
    outcome.map_err(|error| Problem::local(format!("{from} cannot be read: {error}")))?;
    key(&text, &from, command)
}

/// The key alone: what a server compares must be what clients send.
pub(crate) fn key(text: &str, from: &str, command: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut words = text.split_whitespace();
    let key = Zeroizing::new(words.next().unwrap_or_default().to_ascii_lowercase());
    let is_key = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_key && words.next().is_none() {
        return Ok(key);
    }
    Err(Problem::local(format!("{from} does not hold one key and nothing else: 64 hexadecimal digits"))
        .mend(format!("`printf %s \"$VT_API_KEY\" | {command}` takes the one of the environment."))
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_and_nothing_else_is_taken() {
        let digits = "0a".repeat(32);
        assert_eq!(*key(&format!(" {}\r\n", digits.to_uppercase()), "here", "this").expect("a key"), digits);
        for text in [String::new(), "word".to_owned(), format!("{digits} {digits}"), format!("apikey={digits}")] {
            let refusal = key(&text, "here", "this").expect_err("no key").to_string();
            assert!(refusal.contains("here") && !refusal.contains(&digits), "{refusal}");
        }
    }
}
