//! The examples at the end of each `--help`. A command that has none of its own shows those of the command above it that
//! begin with its name, so that they are written once.

use clap::Command;

/// The command line with an example in the help of each command.
pub(super) fn handed_down(root: Command) -> Command {
    let name = root.get_name().to_owned();
    teach(root, &name, "")
}

fn teach(command: Command, path: &str, above: &str) -> Command {
    let own = command.get_after_help().map(ToString::to_string);
    let notes = own.clone().unwrap_or_else(|| of(path, above));
    let command = if own.is_none() && !notes.is_empty() { command.after_help(notes.clone()) } else { command };
    command.mut_subcommands(|under| {
        let path = format!("{path} {}", under.get_name());
        teach(under, &path, &notes)
    })
}

/// The lines of `notes` that are examples of a command.
fn of(path: &str, notes: &str) -> String {
    let is_one = |line: &&str| {
        let after = line.split_once(path).filter(|_| line.starts_with("  ")).map(|(_, after)| after);
        after.is_some_and(|after| after.is_empty() || after.starts_with(' '))
    };
    notes.lines().filter(is_one).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Assay;

    /// Every command that does something, by its whole name, with what its help ends with.
    fn leaves(command: &Command, path: &str) -> Vec<(String, String)> {
        if command.has_subcommands() {
            let under = command.get_subcommands().filter(|under| under.get_name() != "help");
            return under.flat_map(|under| leaves(under, &format!("{path} {}", under.get_name()))).collect();
        }
        vec![(path.to_owned(), command.get_after_help().map(ToString::to_string).unwrap_or_default())]
    }

    fn all() -> Vec<(String, String)> {
        leaves(&handed_down(Assay::command()), "assay")
    }

    /// The words of an example that the shell hands to `assay`.
    fn words(example: &str) -> Vec<String> {
        let from = example.find("assay ").expect("an example of assay");
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        for letter in example[from..].chars() {
            match (quote, letter) {
                (Some(open), _) if open == letter => quote = None,
                (None, '"' | '\'') => quote = Some(letter),
                (None, '|' | '<' | '>' | '#') => break,
                (None, ' ') => words.push(std::mem::take(&mut word)),
                _ => word.push(letter),
            }
        }
        words.push(word);
        // What the shell adds to the line.
        words.extend(example.contains("xargs").then(|| "something".to_owned()));
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_is_taught_by_an_example() {
        let without: Vec<_> = all().into_iter().filter(|(path, notes)| of(path, notes).is_empty()).collect();
        assert!(without.is_empty(), "{without:#?}");
    }

    #[test]
    fn every_example_is_understood() {
        let mut tried = 0;
        for (path, notes) in all() {
            for example in of(&path, &notes).lines() {
                let read = Assay::command().try_get_matches_from(words(example));
                assert!(read.is_ok(), "{example}\n{}", read.expect_err("it was not understood"));
                tried += 1;
            }
        }
        assert!(tried > 80, "only {tried} examples were found");
    }

    #[test]
    fn examples_of_another_command_are_not_handed_down() {
        let notes = "assay key list shows the ids.\n  assay key list\n  assay key listen\n  cat x | assay key list -x";
        assert_eq!(of("assay key list", notes), "  assay key list\n  cat x | assay key list -x");
    }
}
