//! `assay collection`: objects that somebody put together.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use super::comment::place;
use super::desk::Desk;
use super::user::confirm;
use super::values::Attributes;
use crate::client::door::Call;
use crate::show::objects::{Column, card};

/// What `--help` ends with.
const NOTES: &str = "  assay collection create \"Bank trojans\" --item 8.8.8.8 --item evil.example
  assay collection add ID https://evil.example/x
  assay collection remove ID https://evil.example/x
  assay collection show ID
  assay collection items ID domains
  assay collection search ID 'entity:domain tld:com positives:1+'
  assay collection update ID --tag banks --private false
  assay collection list --filter 'tag:banks creation_date:30d+'
  assay collection delete ID";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Id", "id"),
    Column("Name", "name"),
    Column("Created", "creation_date"),
    Column("Files", "files_count"),
    Column("URLs", "urls_count"),
    Column("Domains", "domains_count"),
    Column("IPs", "ip_addresses_count"),
    Column("Private", "private"),
];

/// What a list of items shows.
const ITEMS: &[Column] = &[Column("Type", "type"), Column("Id", "id"), Column("URL", "url")];

/// What a list of found items shows.
const FOUND: &[Column] = &[
    Column("Type", "type"),
    Column("Id", "id"),
    Column("URL", "url"),
    Column("Name", "meaningful_name"),
    Column("Malicious", "last_analysis_stats.malicious"),
    Column("Analysed", "last_analysis_date"),
];

/// Collections.
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
    /// Make a collection
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        about: About,
        /// A hash, URL, domain or IP address to put in; may be repeated
        #[arg(long, value_name = "OBJECT")]
        item: Vec<String>,
        /// A text out of which hashes, URLs, domains and IP addresses are taken
        #[arg(long, value_name = "FILE")]
        from: Option<std::path::PathBuf>,
    },
    /// List collections
    List {
        /// Words and field:value, with AND, OR, NOT
        #[arg(long)]
        filter: Option<String>,
        /// A field with + or - behind it, such as files-
        #[arg(long)]
        order: Option<String>,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 40)]
        limit: usize,
    },
    /// Show a collection
    Show {
        /// Its id
        id: String,
    },
    /// List what is in it
    Items {
        /// Its id
        id: String,
        /// Of which kind
        #[arg(value_parser = ["files", "urls", "domains", "ip_addresses", "references", "attack_techniques"])]
        kind: String,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 400)]
        limit: usize,
    },
    /// Find items in it by what their reports say
    Search {
        /// Its id
        id: String,
        /// Words and modifier:value; of files where entity:url, entity:domain or entity:ip does not say otherwise
        query: String,
        /// An order of that kind with + or - behind it, such as positives-
        #[arg(long)]
        order: Option<String>,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 40)]
        limit: usize,
    },
    /// Change it
    Update {
        /// Its id
        id: String,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        about: About,
    },
    /// Put objects in
    Add {
        /// Its id
        id: String,
        /// Hashes, URLs, domains, IP addresses
        #[arg(required = true, value_name = "OBJECT")]
        items: Vec<String>,
    },
    /// Take objects out
    Remove {
        /// Its id
        id: String,
        /// Hashes, URLs, domains, IP addresses
        #[arg(required = true, value_name = "OBJECT")]
        items: Vec<String>,
    },
    /// Delete it
    Delete {
        /// Its id
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What a collection says of itself.
#[derive(Debug, Args)]
struct About {
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A tag; may be repeated
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Whether only you see it
    #[arg(long, value_name = "BOOL")]
    private: Option<bool>,
}

impl About {
    fn attributes(self) -> Attributes {
        Attributes::default().set("description", self.description).list("tags", &self.tag).set("private", self.private)
    }
}

/// Objects as descriptors, by the relationship that they belong to.
fn descriptors(items: &[String]) -> anyhow::Result<Map<String, Json>> {
    let mut all = Map::new();
    for item in items {
        let (collection, id) = place(item).map_err(anyhow::Error::msg)?;
        let kind = match collection {
            "files" => "file",
            "urls" => "url",
            "domains" => "domain",
            "ip_addresses" => "ip_address",
            _ => anyhow::bail!("{item} cannot be in a collection"),
        };
        // The URL itself, because its id does not tell it.
        let one = if kind == "url" { json!({ "type": kind, "url": item }) } else { json!({ "type": kind, "id": id }) };
        if let Some(list) = all.entry(collection).or_insert_with(|| json!([])).as_array_mut() {
            list.push(one);
        }
    }
    Ok(all)
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::Create { name, about, item, from } => {
            let mut data = about.attributes().set("name", Some(name)).object("collection", None);
            let related = descriptors(&item)?.into_iter().map(|(list, items)| (list, json!({ "data": items })));
            data["relationships"] = related.collect::<Map<_, _>>().into();
            if let Some(path) = from {
                data["raw_items"] = std::fs::read_to_string(path)?.into();
            }
            let made = session.ask(&Call::post(&["collections"], data)).await?;
            session.print(&made, |look| card(&made, look))
        }
        Command::List { filter, order, limit } => {
            let call = Call::get(&["collections"]).with("filter", filter).with("order", order);
            session.list(&call, COLUMNS, Some(limit)).await
        }
        Command::Show { id } => session.show(&Call::get(&["collections", &id])).await,
        Command::Items { id, kind, limit } => {
            session.list(&Call::get(&["collections", &id, "relationships", &kind]), ITEMS, Some(limit)).await
        }
        Command::Search { id, query, order, limit } => {
            let call = Call::get(&["collections", &id, "search"]).with("query", Some(query)).with("order", order);
            session.list(&call, FOUND, Some(limit)).await
        }
        Command::Update { id, name, about } => {
            let data = about.attributes().set("name", name).change("collection", &id)?;
            let object = session.ask(&Call::patch(&["collections", &id], data)).await?;
            session.print(&object, |look| card(&object, look))
        }
        Command::Add { id, items } => {
            for (list, some) in descriptors(&items)? {
                session.ask(&Call::post(&["collections", &id, &list], some)).await?;
            }
            session.print(&Json::Null, |_| format!("{id}: {} put in", items.len()))
        }
        Command::Remove { id, items } => {
            for (list, some) in descriptors(&items)? {
                session.ask(&Call::delete_of(&["collections", &id, &list], some)).await?;
            }
            session.print(&Json::Null, |_| format!("{id}: {} taken out", items.len()))
        }
        Command::Delete { id, yes } => {
            confirm(&id, yes)?;
            session.change(&Call::delete(&["collections", &id]), |_| format!("{id}: deleted")).await
        }
    })
    .await
}
