//! The key changed everywhere, for people: what will change, line by line and masked, and how it ended.

use super::table::Look;
use crate::client::plain::plain;
use crate::update::Report;
use crate::update::report::{Change, Outcome, Told};

/// ANSI's numbers of colours (ECMA-48 8.3.117).
const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// What will change, target by target.
pub(crate) fn changes(report: &Report, look: Look) -> String {
    let key = report.old_key.as_deref().unwrap_or("(unknown)");
    let places = if report.targets.is_empty() { "" } else { " in" };
    let mut lines = vec![format!("The key {} of {} is replaced{places}", plain(key), plain(&report.owner))];
    lines.extend(report.targets.iter().map(|target| one(target, look)));
    lines.join("\n")
}

/// How it ended.
pub(crate) fn told(report: &Report, look: Look) -> String {
    let owner = plain(&report.owner);
    let key = |id: &Option<String>| plain(id.as_deref().unwrap_or("(unknown)")).into_owned();
    let mut lines = Vec::new();
    match report.outcome {
        Outcome::Ready | Outcome::Refused => {
            if !report.targets.is_empty() || report.outcome == Outcome::Ready {
                lines.push(changes(report, look));
            }
        }
        Outcome::Done | Outcome::RolledBack | Outcome::Unfinished | Outcome::Nothing | Outcome::Stranded => {
            lines.extend(
                report.targets.iter().filter(|target| !target.problems.is_empty()).map(|target| one(target, look)),
            );
        }
    }
    let (word, colour, what) = match report.outcome {
        Outcome::Ready => ("Ready", GREEN, "nothing is in the way, and nothing was changed".to_owned()),
        Outcome::Refused => ("Not fit", RED, "nothing was changed".to_owned()),
        Outcome::Done => {
            let places = match report.targets.len() {
                0 => String::new(),
                1 => " in 1 place".to_owned(),
                count => format!(" in {count} places"),
            };
            (
                "Done",
                GREEN,
                format!("{} of {owner} was replaced by {}{places}", key(&report.old_key), key(&report.new_key)),
            )
        }
        Outcome::RolledBack => (
            "Put back",
            YELLOW,
            format!("everything is as it was, {} of {owner} works as before", key(&report.old_key)),
        ),
        Outcome::Unfinished => ("Not finished", RED, "both keys work; --resume or --roll-back goes on".to_owned()),
        Outcome::Nothing => ("Nothing to do", GREEN, String::new()),
        Outcome::Stranded => ("Given up", RED, format!("no key of {owner} that this run knows works any more")),
    };
    let separator = if what.is_empty() { "" } else { ": " };
    lines.push(format!("{}{separator}{what}", look.painted(word, colour)));
    lines.extend(report.cause.iter().chain(&report.notices).map(|text| plain_lines(text)));
    lines.join("\n")
}

fn one(target: &Told, look: Look) -> String {
    let mut lines = vec![plain(&target.name).into_owned()];
    for change in &target.changes {
        lines.extend(change_lines(change, look));
    }
    lines.extend(target.notices.iter().map(|notice| format!("  {} {}", look.painted("note:", YELLOW), plain(notice))));
    for problem in &target.problems {
        lines.push(format!("  {} {}", look.painted("wrong:", RED), plain_lines(problem)));
    }
    lines.join("\n")
}

fn change_lines(change: &Change, look: Look) -> Vec<String> {
    let place = plain(&change.place);
    if change.holds.is_empty() {
        return vec![format!("  {}", look.painted(&format!("+ {place}"), GREEN))];
    }
    let line = change.line.map_or_else(String::new, |line| format!("{line}: "));
    vec![
        format!("  {}", look.painted(&format!("- {line}{place}{}", change.holds), RED)),
        format!("  {}", look.painted(&format!("+ {line}{place}(the new key)"), GREEN)),
    ]
}

/// Several lines, each fit for a terminal.
fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_change_is_shown_with_its_line_and_no_more_of_a_key_than_its_beginning() {
        let key = "0123456789abcdef".repeat(4);
        let change = Change::of(12, "VT_API_KEY=", &SecretString::from(key.as_str()));
        let target = Told {
            name: "/etc/soc/.env".to_owned(),
            changes: vec![change, Change::handed_to("vault kv put")],
            notices: vec!["a note\u{1b}[2J".to_owned()],
            problems: vec!["a problem".to_owned()],
        };
        let report = Report {
            outcome: Outcome::Refused,
            owner: "siem".to_owned(),
            old_key: Some("3f0c5d7a9b21".to_owned()),
            new_key: None,
            cause: Some("why".to_owned()),
            targets: vec![target],
            notices: Vec::new(),
        };
        let shown = told(&report, Look::Piped);
        assert!(!shown.contains(&key[4..]), "{shown}");
        insta::assert_snapshot!(shown, @r"
        The key 3f0c5d7a9b21 of siem is replaced in
        /etc/soc/.env
          - 12: VT_API_KEY=0123…
          + 12: VT_API_KEY=(the new key)
          + standard input of `vault kv put`
          note: a note\u{1b}[2J
          wrong: a problem
        Not fit: nothing was changed
        why
        ");
    }
}
