//! What the commands that manage accounts share: which server or which data folder, and how answers are printed. Each
//! command turns its arguments into one call and says which parts of the answer it shows.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use assay_events::audit::Verdict;
use serde_json::Value as Json;
use toml::Value;

use super::local::Local;
use crate::client::address::Address;
use crate::client::connection;
use crate::client::door::{self, Account, Call, Door, Pages};
use crate::client::key::KeySource;
use crate::client::problem::{Kind, Problem};
use crate::client::{Client, Watch as _};
use crate::config::{self, Config};
use crate::show::objects::{self, Column};
use crate::show::output::{print, print_json};
use crate::show::{Format, Output, Progress};

/// Which server or data folder, and in which form.
///
/// With --server or ASSAY_SERVER the command asks that server, with your key. Without, it works on the data folder of this
/// machine, as its operator; a running server sees the change at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Desk {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// Where the command works.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where: a server with --server or ASSAY_SERVER, else the data folder of this machine")]
pub(crate) struct Place {
    /// The server to ask [env: ASSAY_SERVER]
    #[arg(long, value_name = "URL", global = true, conflicts_with_all = ["data", "config"])]
    server: Option<Address>,
    /// What the environment says; a data folder on the command line wins over it, so that it is read only where it counts.
    #[arg(long, env = "ASSAY_SERVER", hide = true, global = true, value_name = "URL")]
    server_of_the_environment: Option<String>,
    #[command(flatten)]
    key: KeySource,
    /// PEM file with an authority to trust beside the system's (`tls/ca.pem` in the server's data folder)
    #[arg(long, value_name = "FILE", env = "ASSAY_CA_FILE", global = true)]
    ca: Option<PathBuf>,
    /// The data folder of the server, to work on it as its operator [default: ASSAY_DATA, else in your home]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// The configuration file of the server, to work as its operator
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

impl Place {
    /// The server that is meant, if any.
    pub(crate) fn server(&self) -> Result<Option<Address>, Problem> {
        if self.server.is_some() || self.data.is_some() || self.config.is_some() {
            return Ok(self.server.clone());
        }
        let said = self.server_of_the_environment.as_deref().filter(|text| !text.trim().is_empty());
        let read = |text: &str| {
            let wrong = |why| Problem::local(format!("ASSAY_SERVER is no address: {why}"));
            text.parse().map_err(|why| wrong(why).mend("`assay doctor` says what is wrong with one."))
        };
        said.map(read).transpose()
    }

    /// The authority that was named.
    pub(crate) fn authority(&self) -> Option<&std::path::Path> {
        self.ca.as_deref()
    }

    /// The configuration that names the folder.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let mut flags = Vec::new();
        if let Some(data) = &self.data {
            let data = data.to_str().context("the data folder's name is not UTF-8")?;
            flags.push(("data", Value::String(data.to_owned())));
        }
        Ok(config::load(self.config.as_deref(), &flags)?.config)
    }

    async fn open(self) -> anyhow::Result<Box<dyn Door>> {
        let Some(server) = self.server()? else {
            return Ok(Box::new(Local::open(&self.load()?).await?));
        };
        let authorities = self.ca.as_deref().map(connection::authorities).transpose()?.unwrap_or_default();
        Ok(Box::new(Client::new(server, self.key.key()?, authorities, Arc::new(Progress::new()))?))
    }
}

impl Desk {
    /// Where the command works, before anything is opened.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// How it prints.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// Opens the door, does the work, and closes it however that ended.
    pub(crate) async fn work(self, job: impl AsyncFnOnce(&Session) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
        self.judge(async |session| job(session).await.map(|()| ExitCode::SUCCESS)).await
    }

    /// The same for work that comes to a verdict.
    pub(crate) async fn judge(
        self,
        job: impl AsyncFnOnce(&Session) -> anyhow::Result<ExitCode>,
    ) -> anyhow::Result<ExitCode> {
        let session = Session { door: self.place.open().await?, output: self.output };
        let outcome = job(&session).await;
        session.door.close().await;
        outcome
    }
}

/// An open door, and how answers are printed.
pub(crate) struct Session {
    door: Box<dyn Door>,
    output: Output,
}

impl Session {
    /// The way to the API.
    pub(crate) fn door(&self) -> &dyn Door {
        &*self.door
    }

    /// `data` of a call.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Json, Problem> {
        door::data(&*self.door, call).await
    }

    /// The id of an account that was named. A service account may be named without its group, as it was when it was
    /// made, where that means one alone.
    pub(crate) async fn account(&self, name: &str) -> Result<String, Problem> {
        let unknown = match self.ask(&Call::get(&["users", name])).await {
            Err(problem) if problem.kind == Kind::Refused(404) => problem,
            Err(problem) => return Err(problem),
            Ok(account) => return Ok(account["id"].as_str().unwrap_or(name).to_owned()),
        };
        let mut meant = Vec::new();
        for group in self.groups().await.unwrap_or_default() {
            let id = format!("{group}_{name}");
            if self.ask(&Call::get(&["service_accounts", &id])).await.is_ok() {
                meant.push(id);
            }
        }
        match meant.as_slice() {
            [] => Err(unknown),
            [one] => Ok(one.clone()),
            several => Err(Problem::local(format!("{name} may be any of {}", several.join(", "))).mend("Say which.")),
        }
    }

    /// An account that was named, or whoever makes the call.
    pub(crate) async fn own_or(&self, name: Option<String>) -> Result<Account, Problem> {
        match name {
            Some(name) => Ok(Account::Named(self.account(&name).await?)),
            None => Ok(Account::Own),
        }
    }

    /// The groups that the caller sees: all as operator, else its own.
    async fn groups(&self) -> Result<Vec<String>, Problem> {
        let found = match self.all(&Call::get(&["groups"]), None).await {
            Err(problem) if problem.kind == Kind::Refused(403) => {
                self.all(&Call::get(&["relationships", "groups"]).of(&Account::Own), None).await?
            }
            found => found?,
        };
        Ok(found.iter().filter_map(|group| group["id"].as_str()).map(str::to_owned).collect())
    }

    /// All objects of a list.
    pub(crate) async fn all(&self, call: &Call, most: Option<usize>) -> Result<Vec<Json>, Problem> {
        door::all(&*self.door, call, most).await
    }

    /// What the store itself says of the audit log, where it is on this machine.
    pub(crate) async fn audit_log(&self) -> Result<Option<Verdict>, Problem> {
        self.door.audit_log().await
    }

    /// A list, page by page.
    pub(crate) async fn each_page(
        &self,
        call: &Call,
        mut take: impl FnMut(&[Json]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut pages = Pages::of(call);
        while let Some(page) = pages.next(&*self.door).await? {
            take(&page)?;
        }
        Ok(())
    }

    /// One object, whole.
    pub(crate) async fn show(&self, call: &Call) -> anyhow::Result<()> {
        let object = self.ask(call).await?;
        self.print(&object, |look| objects::card(&object, look))
    }

    /// A list, a row an object.
    pub(crate) async fn list(&self, call: &Call, columns: &[Column], most: Option<usize>) -> anyhow::Result<()> {
        let found = self.all(call, most).await?;
        self.rows(&found, columns)
    }

    /// Objects that were already asked for, a row each.
    pub(crate) fn rows(&self, found: &[Json], columns: &[Column]) -> anyhow::Result<()> {
        match self.output.format {
            Format::Json => print_json(&found.iter().map(objects::flat).collect::<Vec<_>>()),
            Format::Table => print(&objects::rows(found, columns, self.output.colours.look())),
        }
    }

    /// A change: the object afterwards, or a sentence about it.
    pub(crate) async fn change(&self, call: &Call, said: impl FnOnce(&Json) -> String) -> anyhow::Result<()> {
        let object = self.ask(call).await?;
        self.print(&object, |_| said(&object))
    }

    /// Prints an object for programs, or what people are told of it.
    pub(crate) fn print(
        &self,
        object: &Json,
        said: impl FnOnce(crate::show::table::Look) -> String,
    ) -> anyhow::Result<()> {
        match self.output.format {
            // A change need not answer anything.
            Format::Json if object.is_null() => print_json(&serde_json::json!({})),
            Format::Json if object.get("type").is_some() => print_json(&objects::flat(object)),
            Format::Json => print_json(object),
            Format::Table => print(&said(self.output.colours.look())),
        }
    }

    /// A new secret: alone on standard output, so that it can be piped; what there is to know of it beside.
    pub(crate) fn reveal(&self, object: &Json, secret: &str, beside: &str) -> anyhow::Result<()> {
        match self.output.format {
            Format::Json => print_json(&objects::flat(object)),
            Format::Table => {
                let text = objects::value(object, secret).and_then(Json::as_str);
                print(text.context("the server has answered without the new secret")?)?;
                Progress::new().notice(beside);
                Ok(())
            }
        }
    }

    /// In which form the command answers.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }
}
