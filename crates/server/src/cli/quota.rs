//! `assay quota`: what an account may use and has used.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::Desk;
use crate::client::door::Call;
use crate::show::objects::{self, Column, rows};

/// What `--help` ends with.
const NOTES: &str = "Both must hold: the account's own, and what it draws from its group. `assay group cap` and `assay user update --daily` cap a \
member, tiers say the rest.

  assay quota show
  assay quota show soc_siem --format json";

/// What is shown of each quota.
const COLUMNS: &[Column] = &[
    Column("Quota", "id"),
    Column("Account", "user"),
    Column("Group", "group"),
    Column("From", "group.inherited_from"),
];

/// Quotas.
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
    /// Show what is used and what is left
    Show {
        /// The account [default: your own]
        account: Option<String>,
    },
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command: Command::Show { account } } = arguments;
    desk.work(async |session| {
        let account = session.own_or(account).await?;
        let quotas = session.ask(&Call::get(&["overall_quotas"]).of(&account)).await?;
        let shown = of_use(&quotas);
        session.print(&quotas, |look| match shown.as_slice() {
            [] => "no limit, and nothing used".to_owned(),
            shown => rows(shown, COLUMNS, look),
        })
    })
    .await
}

/// The quotas that mean something to the account, dressed as objects.
fn of_use(quotas: &Json) -> Vec<Json> {
    let counts =
        |sides: &Json| sides.as_object().is_some_and(|sides| !sides.values().all(objects::is_unlimited_and_unused));
    let dress = |(name, sides): (&String, &Json)| json!({ "id": name, "attributes": sides });
    quotas.as_object().into_iter().flatten().filter(|(_, sides)| counts(sides)).map(dress).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_that_nothing_is_allowed_of_are_left_out() {
        let quotas = json!({
            "api_requests_daily": {"user": {"allowed": 500, "used": 3}, "group": {"allowed": 1000, "used": 9, "inherited_from": "soc"}},
            "private_scans_monthly": {"user": {"allowed": 1_000_000_000, "used": 0}, "group": {"allowed": 0, "used": 0}}
        });
        insta::assert_snapshot!(rows(&of_use(&quotas), COLUMNS, crate::show::table::Look::Piped), @r"
        ╭────────────────────┬──────────┬───────────┬──────╮
        │ Quota              ┆ Account  ┆ Group     ┆ From │
        ╞════════════════════╪══════════╪═══════════╪══════╡
        │ api_requests_daily ┆ 3 of 500 ┆ 9 of 1000 ┆ soc  │
        ╰────────────────────┴──────────┴───────────┴──────╯
        ");
    }
}
