//! What the commands share that are given several things and ask for each: `assay file`, `assay analysis`, `assay url`.

use serde_json::Value;

use crate::client::problem::Problem;
use crate::client::verdict::Ending;
use crate::show::output::{complain, print, print_json};
use crate::show::table::Look;
use crate::show::{Format, Output};

/// What the server sent, and what was read out of it.
pub(super) type Answer<T> = (Value, T);

/// Asks for each of what was named. What cannot be had is told of on the way; where the next could not be had either,
/// that was the last one.
pub(super) async fn ask<T>(
    named: &[String],
    mut one: impl AsyncFnMut(&str) -> Result<Answer<T>, Problem>,
) -> (Vec<Answer<T>>, Ending) {
    let (mut answers, mut ending) = (Vec::new(), Ending::default());
    for text in named {
        match one(text.trim()).await {
            Ok(answer) => answers.push(answer),
            Err(problem) => {
                ending.failed = true;
                complain(&problem);
                if problem.is_final() {
                    break;
                }
            }
        }
    }
    (answers, ending)
}

/// Shows what came: for programs a list of what the server sent, for people one after the other.
pub(super) fn show<T>(
    answers: &[Answer<T>],
    output: &Output,
    render: impl Fn(&T, Look) -> String,
) -> anyhow::Result<()> {
    match output.format {
        Format::Json => print_json(&answers.iter().map(|(data, _)| data).collect::<Vec<_>>()),
        Format::Table if answers.is_empty() => Ok(()),
        Format::Table => {
            let look = output.colours.look();
            print(&answers.iter().map(|(_, read)| render(read, look)).collect::<Vec<_>>().join("\n\n"))
        }
    }
}
