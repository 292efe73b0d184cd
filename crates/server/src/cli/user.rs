//! `assay user`: accounts of people.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::Desk;
use super::values::{self, Attributes, Moment, moment};
use crate::client::door::Call;
use crate::client::problem::Problem;
use crate::show::objects::{Column, card};

/// What `--help` ends with.
const NOTES: &str = "  assay user create ann --tier premium --email ann@example.org
  assay user update ann --tier public                       # holds on the next request with the same key
  assay user update ann --grant livehunt --until 90d
  assay user update ann --status inactive                   # refused from the next request on
  assay user list
  assay user show ann@example.org --format json
  assay user delete ann";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Name", "id"),
    Column("Tier", "tier"),
    Column("Status", "status"),
    Column("Class", "class"),
    Column("E-mail", "email"),
    Column("Since", "user_since"),
];

/// Accounts.
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
    /// Make an account
    Create {
        /// Letters, digits, dots, underscores, hyphens
        name: String,
        #[command(flatten)]
        profile: Profile,
        /// The group whose pool it draws from; later: `assay group add`
        #[arg(long)]
        group: Option<String>,
        /// public: 4 requests a minute, basic attributes; premium: your limits, all attributes; see `assay tier list`
        #[arg(long, default_value = "public")]
        tier: String,
    },
    /// List the accounts
    List,
    /// Show all that is known of an account
    Show {
        /// Name or e-mail address
        name: String,
    },
    /// Change an account; holds on its next request
    Update {
        /// Name or e-mail address
        name: String,
        #[command(flatten)]
        profile: Profile,
        /// The tier to move it to
        #[arg(long)]
        tier: Option<String>,
        /// Whether its keys are taken: active or inactive
        #[arg(long, value_parser = ["active", "inactive"])]
        status: Option<String>,
        /// Who waits behind whom under load
        #[arg(long, value_parser = ["interactive", "normal", "bulk"])]
        class: Option<String>,
        /// Requests that it may make in a UTC day, out of its group's pool
        #[arg(long, value_name = "NUMBER", value_parser = values::limit)]
        daily: Option<u64>,
        #[command(flatten)]
        privileges: Privileges,
    },
    /// Delete an account with its keys; its usage stays in the books
    Delete {
        /// Its name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What an account says of itself.
#[derive(Debug, Args)]
struct Profile {
    /// Also names the account in paths
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Given name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
}

/// What an account or a group may do beyond its tier.
#[derive(Debug, Args)]
pub(crate) struct Privileges {
    /// Grant privileges, such as livehunt; several by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    grant: Vec<String>,
    /// Until when they are granted: 90d, 2027-01-31 [default: for good]
    #[arg(long, value_name = "WHEN", value_parser = moment, requires = "grant")]
    until: Option<Moment>,
    /// Take privileges back
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    revoke: Vec<String>,
}

impl Privileges {
    /// The attribute `privileges`, where there is something to change.
    pub(crate) fn attribute(&self) -> Option<serde_json::Value> {
        values::privileges(&self.grant, self.until, &self.revoke)
    }
}

impl Profile {
    fn attributes(self) -> Attributes {
        Attributes::default()
            .set("email", self.email)
            .set("first_name", self.first_name)
            .set("last_name", self.last_name)
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::Create { name, profile, group, tier } => {
            let data =
                profile.attributes().set("group", group).set("tier", Some(tier.as_str())).object("user", Some(&name));
            let next = format!("{name}: {tier}; give it a key with `assay key create --account {name}`");
            session.change(&Call::post(&["users"], data), |_| next).await
        }
        Command::List => session.list(&Call::get(&["users"]), COLUMNS, None).await,
        Command::Show { name } => session.show(&Call::get(&["users", &name])).await,
        Command::Update { name, profile, tier, status, class, daily, privileges } => {
            let quotas = daily.map(|allowed| serde_json::json!({ "api_requests_daily": { "allowed": allowed } }));
            let attributes = profile.attributes().set("tier", tier).set("status", status).set("class", class);
            let attributes = attributes.set("quotas", quotas).set("privileges", privileges.attribute());
            let call = Call::patch(&["users", &name], attributes.change("user", &name)?);
            let user = session.ask(&call).await?;
            session.print(&user, |look| card(&user, look))
        }
        Command::Delete { name, yes } => {
            confirm(&name, yes)?;
            let call = Call::delete(&["users", &name]).header("x-confirm-delete", &name);
            session.change(&call, |_| format!("{name}: deleted")).await
        }
    })
    .await
}

/// Asks whether something is really to be deleted.
pub(crate) fn confirm(name: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    let mend = || Problem::local(format!("{name} was not deleted")).mend("Say --yes where nobody can be asked.");
    if !std::io::stdin().is_terminal() {
        return Err(mend().into());
    }
    eprint!("Delete {name}? This cannot be undone. Type its name: ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == name { Ok(()) } else { Err(mend().into()) }
}
