//! `assay graph`: graphs that were drawn, and with whom they are shared.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::Desk;
use super::user::confirm;
use crate::client::door::Call;
use crate::show::objects::{Column, card};

/// What `--help` ends with.
const NOTES: &str = "  assay graph list --filter 'owner:ann private:true'
  assay graph create drawing.json                           # {\"graph_data\": {\"description\": …}, \"nodes\": […], \"links\": […]}
  assay graph show ID --format json
  assay graph update ID drawing.json
  assay graph share ID ann --editor
  assay graph share ID soc --group
  assay graph shares ID --editors
  assay graph unshare ID ann
  assay graph delete ID";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Id", "id"),
    Column("Title", "graph_data.description"),
    Column("Changed", "last_modified_date"),
    Column("Views", "views_count"),
    Column("Comments", "comments_count"),
    Column("Private", "private"),
];

/// What a list of users and groups shows.
const GRANTEES: &[Column] = &[Column("Type", "type"), Column("Name", "id")];

/// Graphs.
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
    /// List graphs
    List {
        /// Words and field:value, with AND, OR, NOT
        #[arg(long)]
        filter: Option<String>,
        /// A field with + or - behind it, such as `views_count-`
        #[arg(long)]
        order: Option<String>,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 40)]
        limit: usize,
    },
    /// Show a graph
    Show {
        /// Its id
        id: String,
    },
    /// Keep a graph that a file describes
    Create {
        /// JSON: the attributes of a graph
        file: std::path::PathBuf,
    },
    /// Put what a file describes in the place of a graph
    Update {
        /// Its id
        id: String,
        /// JSON: the attributes that change
        file: std::path::PathBuf,
    },
    /// List who may see it, or change it
    Shares {
        /// Its id
        id: String,
        /// Those who may change it
        #[arg(long)]
        editors: bool,
    },
    /// Share it with a user or a group
    Share(Share),
    /// Share it no more
    Unshare(Share),
    /// Delete it
    Delete {
        /// Its id
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// With whom a graph is shared.
#[derive(Debug, Args)]
struct Share {
    /// The graph's id
    id: String,
    /// The name of the user or the group
    name: String,
    /// It is a group
    #[arg(long)]
    group: bool,
    /// To change it, not only to see it
    #[arg(long)]
    editor: bool,
}

impl Share {
    fn list(&self) -> &'static str {
        if self.editor { "editors" } else { "viewers" }
    }
}

/// The attributes that a file describes; the whole document that the API answers is taken too.
fn attributes(file: &std::path::Path) -> anyhow::Result<Json> {
    let mut document: Json = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let inner = ["/data/attributes", "/attributes"].into_iter().find(|path| document.pointer(path).is_some());
    let attributes = match inner {
        Some(path) => document.pointer_mut(path).map(Json::take).unwrap_or_default(),
        None => document,
    };
    Ok(json!({ "type": "graph", "attributes": attributes }))
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::List { filter, order, limit } => {
            let shown = "graph_data,last_modified_date,views_count,comments_count,private";
            let call =
                Call::get(&["graphs"]).with("filter", filter).with("order", order).with("attributes", Some(shown));
            session.list(&call, COLUMNS, Some(limit)).await
        }
        Command::Show { id } => session.show(&Call::get(&["graphs", &id])).await,
        Command::Create { file } => {
            let made = session.ask(&Call::post(&["graphs"], attributes(&file)?)).await?;
            session.print(&made, |look| card(&made, look))
        }
        Command::Update { id, file } => {
            let object = session.ask(&Call::patch(&["graphs", &id], attributes(&file)?)).await?;
            session.print(&object, |look| card(&object, look))
        }
        Command::Shares { id, editors } => {
            let list = if editors { "editors" } else { "viewers" };
            session.list(&Call::get(&["graphs", &id, "relationships", list]), GRANTEES, None).await
        }
        Command::Share(share) => {
            let kind = if share.group { "group" } else { "user" };
            let data = json!([{ "type": kind, "id": share.name }]);
            let call = Call::post(&["graphs", &share.id, "relationships", share.list()], data);
            session.change(&call, |_| format!("{}: {} is among its {}", share.id, share.name, share.list())).await
        }
        Command::Unshare(share) => {
            let call = Call::delete(&["graphs", &share.id, "relationships", share.list(), &share.name]);
            session
                .change(&call, |_| format!("{}: {} is no longer among its {}", share.id, share.name, share.list()))
                .await
        }
        Command::Delete { id, yes } => {
            confirm(&id, yes)?;
            session.change(&Call::delete(&["graphs", &id]), |_| format!("{id}: deleted")).await
        }
    })
    .await
}
