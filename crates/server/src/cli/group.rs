//! `assay group`: groups, their members and what they share.

use std::process::ExitCode;

use assay_model::role::Role;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::{Desk, Session};
use super::user::{Privileges, confirm};
use super::values::{Attributes, limit};
use crate::client::door::Call;
use crate::show::objects::{Column, card};
use crate::show::table;

/// What `--help` ends with.
const NOTES: &str = "  assay group create soc --tier premium --organization Example
  assay group list
  assay group show soc --format json
  assay group update soc --tier premium --grant livehunt --until 90d
  assay group add soc ann@example.org bob@example.org
  assay group members soc                                   # with their roles and caps
  assay group admin soc ann
  assay group roles soc bob --add USER_ROLE_PRIVATE_SCANNING
  assay group cap soc bob 1000                              # of the group's pool, a day
  assay group networks soc 10.0.0.0/8 2001:db8::/32         # keys of members work from there only
  assay group remove soc bob
  assay group delete soc";

/// What a list of groups shows.
const COLUMNS: &[Column] = &[
    Column("Name", "id"),
    Column("Tier", "tier"),
    Column("Organization", "organization"),
    Column("Since", "creation_date"),
];

/// What a list of members shows.
const MEMBERS: &[Column] = &[
    Column("Name", "id"),
    Column("Type", "type"),
    Column("Role", "role"),
    Column("Roles", "roles"),
    Column("Daily cap", "quota_limits.api_requests_daily.allowed"),
    Column("E-mail", "email"),
];

/// Groups.
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
    /// Make a group
    Create {
        /// Letters, digits, dots, underscores, hyphens
        name: String,
        /// Whose privileges and limits its members share
        #[arg(long, default_value = "public")]
        tier: String,
        #[command(flatten)]
        about: About,
    },
    /// List the groups
    List,
    /// Show all that is known of a group
    Show {
        /// The group
        group: String,
    },
    /// Change a group; holds on the next request of each member
    Update {
        /// The group
        group: String,
        /// The tier to move it to
        #[arg(long)]
        tier: Option<String>,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        privileges: Privileges,
    },
    /// Delete a group that has no members
    Delete {
        /// The group
        group: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take members in; who has no account yet is invited
    Add {
        /// The group
        group: String,
        /// Their e-mail addresses; an operator may also give the names of accounts
        #[arg(required = true, value_name = "MEMBER")]
        members: Vec<String>,
    },
    /// Put a member out; it falls back to the public tier
    Remove {
        /// The group
        group: String,
        /// Its name
        member: String,
    },
    /// Make a member an administrator, or no longer one
    Admin {
        /// The group
        group: String,
        /// Name or e-mail address
        member: String,
        /// No longer one
        #[arg(long)]
        remove: bool,
    },
    /// Set, add or take away roles of a member
    Roles(Roles),
    /// Cap the requests that a member may take from the pool in a UTC day
    Cap {
        /// The group
        group: String,
        /// Its name
        member: String,
        /// A number, or unlimited
        #[arg(value_name = "NUMBER", value_parser = limit)]
        daily: u64,
    },
    /// List members and service accounts with roles and caps
    Members {
        /// The group
        group: String,
    },
    /// Show or set the networks from which keys of members work
    Networks {
        /// The group
        group: String,
        /// `10.0.0.0/8`, `2001:db8::/32`; they replace what was there
        #[arg(value_name = "CIDR", conflicts_with = "clear")]
        networks: Vec<String>,
        /// Let them work from everywhere
        #[arg(long)]
        clear: bool,
    },
}

/// Roles of a member.
#[derive(Debug, Args)]
struct Roles {
    /// The group
    group: String,
    /// Its name
    member: String,
    #[command(flatten)]
    change: Change,
}

/// What becomes of the roles.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Change {
    /// These and no others, such as `USER_ROLE_PRIVATE_SCANNING`; several by commas
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    set: Vec<String>,
    /// These too
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    add: Vec<String>,
    /// These no longer
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    remove: Vec<String>,
}

impl Change {
    fn context(&self) -> Json {
        if !self.add.is_empty() {
            json!({ "add_roles": self.add })
        } else if !self.remove.is_empty() {
            json!({ "remove_roles": self.remove })
        } else {
            json!({ "roles": self.set })
        }
    }
}

/// What a group says of itself.
#[derive(Debug, Args)]
struct About {
    /// Whose group it is
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Its country
    #[arg(long)]
    country: Option<String>,
    /// Its trade
    #[arg(long)]
    industry: Option<String>,
    /// Whom to write to
    #[arg(long, value_name = "ADDRESS")]
    contact: Vec<String>,
    /// New accounts whose e-mail address matches join by themselves: *@example.org
    #[arg(long, value_name = "PATTERN")]
    auto_add: Vec<String>,
}

impl About {
    fn attributes(self) -> Attributes {
        Attributes::default()
            .set("organization", self.organization)
            .set("country", self.country)
            .set("industry", self.industry)
            .list("contact_emails", &self.contact)
            .list("auto_add_users", &self.auto_add)
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::Create { name, tier, about } => {
            let data = about.attributes().set("tier", Some(tier.as_str())).object("group", Some(&name));
            let next = format!("{name}: {tier}; take members in with `assay group add {name} MEMBER`");
            session.change(&Call::post(&["groups"], data), |_| next).await
        }
        Command::List => session.list(&Call::get(&["groups"]), COLUMNS, None).await,
        Command::Show { group } => session.show(&Call::get(&["groups", &group])).await,
        Command::Update { group, tier, about, privileges } => {
            let attributes = about.attributes().set("tier", tier).set("privileges", privileges.attribute());
            update(session, &group, attributes).await
        }
        Command::Delete { group, yes } => {
            confirm(&group, yes)?;
            session.change(&Call::delete(&["groups", &group]), |_| format!("{group}: deleted")).await
        }
        Command::Networks { group, networks, clear: false } if networks.is_empty() => {
            session.show(&Call::get(&["groups", &group]).with("attributes", Some("allowed_networks"))).await
        }
        Command::Networks { group, networks, .. } => {
            update(session, &group, Attributes::default().set("allowed_networks", Some(networks))).await
        }
        of_members => members(session, of_members).await,
    })
    .await
}

async fn update(session: &Session, group: &str, attributes: Attributes) -> anyhow::Result<()> {
    let object = session.ask(&Call::patch(&["groups", group], attributes.change("group", group)?)).await?;
    session.print(&object, |look| card(&object, look))
}

async fn members(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { group, members } => {
            let data: Vec<_> = members.iter().map(|member| json!({ "type": "user", "id": member })).collect();
            let call = Call::post(&["groups", &group, "relationships", "users"], data.into());
            session.change(&call, |_| format!("{group}: {} taken in or invited", members.join(", "))).await
        }
        Command::Remove { group, member } => {
            let call = Call::delete(&["groups", &group, "relationships", "users", &member]);
            session.change(&call, |_| format!("{group}: {member} put out")).await
        }
        Command::Admin { group, member, remove: false } => {
            // Whoever is named by address is taken in as well, where they are no member yet.
            let call = if member.contains('@') {
                let data = json!([{ "type": "user", "id": member }]);
                Call::post(&["groups", &group, "relationships", "administrators"], data)
            } else {
                of_member(&group, "user", &member, &json!({ "add_roles": [Role::GroupAdmin] }))
            };
            session.change(&call, |_| format!("{group}: {member} is an administrator")).await
        }
        Command::Admin { group, member, remove: true } => {
            let call = Call::delete(&["groups", &group, "relationships", "administrators", &member]);
            session.change(&call, |_| format!("{group}: {member} is no administrator any more")).await
        }
        Command::Roles(roles) => {
            let call = of_member(&roles.group, "user", &roles.member, &roles.change.context());
            session.change(&call, |_| format!("{}: roles of {} changed", roles.group, roles.member)).await
        }
        Command::Cap { group, member, daily } => {
            let call = of_member(&group, "user", &member, &cap(daily));
            session
                .change(&call, |_| format!("{group}: {member} may make {} requests a day", table::limit(daily)))
                .await
        }
        Command::Members { group } => {
            let mut all = session.all(&Call::get(&["groups", &group, "users"]), None).await?;
            // Members who are no administrators are not shown them.
            if let Ok(mut machines) = session.all(&Call::get(&["groups", &group, "service_accounts"]), None).await {
                all.append(&mut machines);
            }
            session.rows(&all, MEMBERS)
        }
        _ => unreachable!("the other commands are about the group itself"),
    }
}

/// The context of a capped member.
pub(crate) fn cap(daily: u64) -> Json {
    json!({ "quota_limits": { "api_requests_daily": { "allowed": daily } } })
}

/// A change of what a member or a service account is inside a group.
pub(crate) fn of_member(group: &str, kind: &str, member: &str, context: &Json) -> Call {
    let data = json!([{ "type": kind, "id": member, "context_attributes": context }]);
    let relationship = if kind == "user" { "users" } else { "service_accounts" };
    Call::patch(&["groups", group, "relationships", relationship], data)
}
