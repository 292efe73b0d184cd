//! `assay comment`: what people say about files, URLs, domains, IP addresses, graphs and collections.

use std::process::ExitCode;

use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;
use assay_model::url::CanonicalUrl;
use assay_model::{FileHash, Kind};
use clap::{Args, Subcommand};

use super::desk::Desk;
use super::values::Attributes;
use crate::client::door::Call;
use crate::show::objects::{Column, card};

/// What `--help` ends with.
const NOTES: &str = "An object is a hash, a URL, a domain, an IP address, the id of a graph, or collection/ID.

  assay comment add 8.8.8.8 \"Seen in a campaign against #banks\"
  assay comment list 8.8.8.8
  assay comment list --tag banks                            # all objects
  assay comment show i-8.8.8.8-2fa03e13
  assay comment vote i-8.8.8.8-2fa03e13 positive
  assay comment remove i-8.8.8.8-2fa03e13";

/// What a list shows.
const COLUMNS: &[Column] =
    &[Column("Id", "id"), Column("Date", "date"), Column("Tags", "tags"), Column("Text", "text")];

/// Comments.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say something about an object; words behind # are tags
    Add {
        /// What it is about
        object: String,
        /// What to say
        text: String,
    },
    /// List the comments on an object, or the latest of all
    List {
        /// What they are about
        #[arg(conflicts_with = "tag")]
        object: Option<String>,
        /// Only those with this tag
        #[arg(long)]
        tag: Option<String>,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 40)]
        limit: usize,
    },
    /// Show a comment
    Show {
        /// Its id
        id: String,
    },
    /// Remove a comment of yours
    Remove {
        /// Its id
        id: String,
    },
    /// Call a comment positive, negative or abuse
    Vote {
        /// Its id
        id: String,
        /// What it is
        #[arg(value_parser = ["positive", "negative", "abuse"])]
        opinion: String,
    },
}

/// The collection and the id under which the API has an object that a person named.
pub(crate) fn place(object: &str) -> Result<(&'static str, String), String> {
    let object = object.trim();
    if let Some(id) = object.strip_prefix("collection/") {
        return Ok((Kind::Collection.collection(), id.to_owned()));
    }
    if object.len() == 65 && object.starts_with('g') && object[1..].bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok((Kind::Graph.collection(), object.to_owned()));
    }
    if object.parse::<FileHash>().is_ok() {
        return Ok((Kind::File.collection(), object.to_owned()));
    }
    if let Ok(address) = object.parse::<IpAddress>() {
        return Ok((Kind::IpAddress.collection(), address.to_string()));
    }
    if object.contains("://") {
        let url = object.parse::<CanonicalUrl>().map_err(|why| format!("{object}: {why}"))?;
        return Ok((Kind::Url.collection(), url.id().to_string()));
    }
    match object.parse::<DomainName>() {
        Ok(name) if object.contains('.') => Ok((Kind::Domain.collection(), name.to_string())),
        _ => Err(format!("{object} is no hash, URL, domain, IP address, graph or collection/ID")),
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::Add { object, text } => {
            let (collection, id) = place(&object).map_err(anyhow::Error::msg)?;
            let data = Attributes::default().set("text", Some(text)).object("comment", None);
            let made = session.ask(&Call::post(&[collection, &id, "comments"], data)).await?;
            session.print(&made, |look| card(&made, look))
        }
        Command::List { object: Some(object), limit, .. } => {
            let (collection, id) = place(&object).map_err(anyhow::Error::msg)?;
            session.list(&Call::get(&[collection, &id, "comments"]), COLUMNS, Some(limit)).await
        }
        Command::List { object: None, tag, limit } => {
            let filter = tag.map(|tag| format!("tag:{}", tag.trim_start_matches('#')));
            session.list(&Call::get(&["comments"]).with("filter", filter), COLUMNS, Some(limit)).await
        }
        Command::Show { id } => session.show(&Call::get(&["comments", &id])).await,
        Command::Remove { id } => session.change(&Call::delete(&["comments", &id]), |_| format!("{id}: removed")).await,
        Command::Vote { id, opinion } => {
            let said = format!("{id}: {opinion}");
            session.change(&Call::post(&["comments", &id, "vote"], opinion.into()), |_| said).await
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn objects_are_told_apart_by_their_names() {
        let (sha256, graph) = ("a".repeat(64), format!("g{}", "b".repeat(64)));
        for (object, wanted) in [
            (sha256.as_str(), Ok(("files", sha256.clone()))),
            (&graph, Ok(("graphs", graph.clone()))),
            ("8.8.8.8", Ok(("ip_addresses", "8.8.8.8".to_owned()))),
            ("2001:DB8::1", Ok(("ip_addresses", "2001:db8::1".to_owned()))),
            ("Example.COM", Ok(("domains", "example.com".to_owned()))),
            ("collection/x", Ok(("collections", "x".to_owned()))),
        ] {
            assert_eq!(place(object), wanted, "{object}");
        }
        assert_eq!(place("https://example.com").map(|(collection, id)| (collection, id.len())), Ok(("urls", 64)));
        assert!(place("nonsense").is_err() && place("javascript://x").is_err());
    }
}
