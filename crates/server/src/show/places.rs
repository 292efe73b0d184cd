//! Keys that were found in files, a line each as compilers write places, so that editors can go there.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use super::table::{self, Look};
use crate::client::live::State;
use crate::client::plain::plain;
use crate::find::{Found, Harvest, What, Writing};

/// ANSI's numbers of colours (ECMA-48 8.3.117).
const RED: u8 = 31;
const YELLOW: u8 = 33;

/// `path:line:column: Assay key 3f0c5d7a9b21, live: account siem`. States are by key.
pub(crate) fn lines(found: &[Found], states: &BTreeMap<String, State>, look: Look) -> String {
    let line = |found: &Found| {
        let hit = &found.hit;
        let what = match hit.what {
            What::Assay(id) => look.painted(&format!("Assay key {id}"), RED),
            What::Possible => look.painted(&format!("possible key {}…", begin(found)), YELLOW),
        };
        let writing = match hit.writing {
            Writing::Plain => String::new(),
            other => format!(" in {}", other.word()),
        };
        let state = states
            .get(hit.secret.expose_secret())
            .map_or_else(String::new, |state| format!(", {}", said(state, found)));
        format!("{}:{}:{}: {what}{writing}{state}", plain(&found.path), hit.line, hit.column)
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The same for programs.
pub(crate) fn documents(found: &[Found], states: &BTreeMap<String, State>) -> Vec<Json> {
    let document = |found: &Found| {
        let hit = &found.hit;
        let mut document = json!({
            "path": found.path, "line": hit.line, "column": hit.column, "writing": hit.writing.word()
        });
        match hit.what {
            What::Assay(id) => {
                document["kind"] = "assay".into();
                document["key_id"] = id.to_string().into();
            }
            What::Possible => {
                document["kind"] = "possible".into();
                document["begins"] = begin(found).into();
            }
        }
        match states.get(hit.secret.expose_secret()) {
            Some(State::Live(account)) => {
                document["live"] = true.into();
                if !is_the_key(account, found) && !account.is_empty() {
                    document["account"] = account.as_str().into();
                }
            }
            Some(State::Dead(why)) => {
                document["live"] = false.into();
                document["said"] = without_the_key(why, found).into();
            }
            Some(State::NotAsked) | None => {}
        }
        document
    };
    found.iter().map(document).collect()
}

/// All of it in a line.
pub(crate) fn sum(harvest: &Harvest) -> String {
    let noun = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let files = usize::try_from(harvest.files).unwrap_or(usize::MAX);
    let places = match harvest.found.len() {
        0 => "no key".to_owned(),
        count => {
            let ours = harvest.found.iter().filter(|found| matches!(found.hit.what, What::Assay(_))).count();
            format!("{} ({ours} of Assay)", noun(count, "key"))
        }
    };
    format!("{places} in {}, {}", noun(files, "file"), table::size(harvest.bytes))
}

fn said(state: &State, found: &Found) -> String {
    match state {
        State::Live(account) if account.is_empty() || is_the_key(account, found) => "live".to_owned(),
        State::Live(account) => format!("live: account {}", plain(account)),
        State::Dead(why) => format!("not live: {}", plain(&without_the_key(why, found))),
        State::NotAsked => "not shown to this server".to_owned(),
    }
}

/// The first characters of a foreign key; ours say their id.
fn begin(found: &Found) -> String {
    found.hit.secret.expose_secret().chars().take(4).collect()
}

fn is_the_key(text: &str, found: &Found) -> bool {
    text.eq_ignore_ascii_case(found.hit.secret.expose_secret())
}

/// A server that repeats the key does not get it printed.
fn without_the_key(text: &str, found: &Found) -> String {
    text.replace(found.hit.secret.expose_secret(), "(the key)")
}

#[cfg(test)]
mod tests {
    use assay_model::apikey::Issued;
    use assay_model::random::Counting;
    use secrecy::SecretString;

    use super::*;
    use crate::find::Hit;

    fn found(path: &str, what: What, secret: &str) -> Found {
        let hit = Hit { line: 3, column: 7, what, writing: Writing::Plain, secret: SecretString::from(secret) };
        Found { path: path.to_owned(), hit }
    }

    #[test]
    fn a_line_names_place_and_key_and_never_holds_the_key() {
        let issued = Issued::generate(&Counting::default());
        let (ours, foreign) = (issued.reveal(), "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0");
        let all = [found("a\u{1b}[2J", What::Assay(issued.id()), &ours), found("b", What::Possible, foreign)];
        let states = BTreeMap::from([
            (ours.to_string(), State::Live(ours.to_string())),
            (foreign.to_owned(), State::Dead(format!("unknown {foreign}"))),
        ]);
        let shown = lines(&all, &states, Look::Piped);
        let id = issued.id();
        assert_eq!(
            shown,
            format!("a\\u{{1b}}[2J:3:7: Assay key {id}, live\nb:3:7: possible key 0123…, not live: unknown (the key)")
        );
        let documents = serde_json::to_string(&documents(&all, &states)).expect("JSON");
        assert!(!documents.contains(&ours[16..56]) && !documents.contains(&foreign[4..]), "{documents}");
        assert!(documents.contains(r#""begins":"0123","live":false"#), "{documents}");
    }
}
