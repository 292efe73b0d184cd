//! Checks and chores of the workspace, run as `cargo xtask COMMAND`. One file a command.
//!
//! In goes the name of a command and its options; out come the tools' own output, one line a finding and an exit status:
//! 0 all is well, 1 something was found, 2 the command line was not understood. To add a command: one file with a
//! `run`, one row in [`COMMANDS`].
#![expect(
    clippy::disallowed_methods,
    reason = "a chore is nothing but other programs started with the caller's environment"
)]

use std::process::ExitCode;

mod check;
mod generate;
mod test;
mod tidy;
mod tools;

/// A command: its name, one line about it, its help, and what it does with its options.
struct Command {
    name: &'static str,
    about: &'static str,
    help: &'static str,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const COMMANDS: &[Command] = &[
    Command { name: "check", about: check::ABOUT, help: check::HELP, run: check::run },
    Command { name: "tidy", about: tidy::ABOUT, help: tidy::HELP, run: tidy::run },
    Command { name: "generate", about: generate::ABOUT, help: generate::HELP, run: generate::run },
    Command { name: "test", about: test::ABOUT, help: test::HELP, run: test::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first().filter(|name| !is_help(name)) else {
        print_help();
        return if arguments.is_empty() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("xtask: there is no command \"{name}\"\n");
        print_help();
        return ExitCode::from(2);
    };
    let options = &arguments[1..];
    if options.iter().any(|option| is_help(option)) {
        println!("{}\n\n{}", command.about, command.help);
        return ExitCode::SUCCESS;
    }
    match (command.run)(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            ExitCode::from(if error.is::<tools::Misunderstood>() { 2 } else { 1 })
        }
    }
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "--help" | "-h" | "help")
}

fn print_help() {
    println!("Usage: cargo xtask COMMAND [OPTIONS]\n\nCommands:");
    for command in COMMANDS {
        println!("  {:<10} {}", command.name, command.about);
    }
    println!("\n`cargo xtask COMMAND --help` says more. CI runs .ci/run, which is `check` and `test`.");
}
