//! `assay key recipe`: plans to begin with, for `assay key update`.

use crate::client::problem::Problem;
use crate::show::output::{print, print_json};
use crate::show::{Format, Output};
use crate::update::recipe::{RECIPES, Recipe};

/// Which plan, for whom.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tool; without one all are listed
    name: Option<String>,
    /// Whose key
    #[arg(long, default_value = "ACCOUNT")]
    account: String,
}

/// Runs it.
pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<()> {
    let Some(name) = &arguments.name else {
        return match output.format {
            Format::Json => {
                let entry = |recipe: &Recipe| serde_json::json!({ "name": recipe.name, "about": recipe.about });
                print_json(&RECIPES.iter().map(entry).collect::<Vec<_>>())
            }
            Format::Table => {
                let line = |recipe: &Recipe| format!("{:<12}{}", recipe.name, recipe.about);
                print(&RECIPES.iter().map(line).collect::<Vec<_>>().join("\n"))
            }
        };
    };
    let names = || RECIPES.iter().map(|recipe| recipe.name).collect::<Vec<_>>().join(", ");
    let recipe = Recipe::named(name)
        .ok_or_else(|| Problem::local(format!("there is no recipe {name}")).mend(format!("There are: {}.", names())))?;
    print(&recipe.plan(&arguments.account))
}
