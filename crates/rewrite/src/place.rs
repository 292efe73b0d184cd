//! Which value is meant: the format of the file and the way to the value.
//!
//! A path is names with dots between them (slashes in XML), `services.scanner.environment.VT_KEY`. A name with dots in it
//! stands in quotation marks. Behind a name, `[2]` takes the third of a list or of equal names, `[name=value]` those that
//! have such a part. Where a list holds texts `NAME=value`, as Compose files have them, NAME leads to the value.

use std::fmt;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines `NAME=value`, as shells, systemd, Docker and dotenv read them.
    Env,
    /// TOML.
    Toml,
    /// YAML, several documents included.
    Yaml,
    /// JSON; comments are passed over.
    Json,
    /// HOCON, as Cortex and Play have it.
    Hocon,
    /// INI: `[section]`, `key = value`.
    Ini,
    /// XML; several roots, as Wazuh has them, are fine. `@name` is an attribute.
    Xml,
    /// Manifests of Kubernetes: `secret/key`, in `data` (base64) and `stringData`.
    Kubernetes,
    /// The file is the value.
    Whole,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Env => "lines NAME=value",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Hocon => "HOCON",
            Self::Ini => "INI",
            Self::Xml => "XML",
            Self::Kubernetes => "a manifest of Kubernetes",
            Self::Whole => "text",
        })
    }
}

/// A format and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) format: Format,
    pub(crate) steps: Vec<Step>,
    text: String,
}

/// A name, and which of what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) picks: Vec<Pick>,
}

/// Which of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pick {
    /// By number, from 0.
    Index(usize),
    /// Those that have a part that says this.
    Having(String, String),
}

/// A path that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no path: {why}")]
pub struct BadPlace {
    text: String,
    why: &'static str,
}

/// The longest path, bytes.
const LONGEST: usize = 1024;

impl Place {
    /// Reads a path of this format.
    pub fn new(format: Format, text: &str) -> Result<Self, BadPlace> {
        let bad = |why| BadPlace { text: text.chars().take(80).collect(), why };
        if text.len() > LONGEST {
            return Err(bad("it is too long"));
        }
        let name = |name: &str| Step { name: name.to_owned(), picks: Vec::new() };
        let steps = match format {
            Format::Whole => Vec::new(),
            Format::Env if is_a_variable(text) => vec![name(text)],
            Format::Env => return Err(bad("a variable has letters, digits, _ . and -")),
            Format::Kubernetes => {
                let (secret, key) = text.rsplit_once('/').unwrap_or(("", text));
                if key.is_empty() {
                    return Err(bad("say secret/key, or key alone"));
                }
                vec![name(secret), name(key)]
            }
            Format::Xml => steps(text, '/').map_err(bad)?,
            Format::Toml | Format::Yaml | Format::Json | Format::Hocon | Format::Ini => {
                steps(text, '.').map_err(bad)?
            }
        };
        Ok(Self { format, steps, text: text.to_owned() })
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() { f.write_str("the whole file") } else { f.write_str(&self.text) }
    }
}

fn is_a_variable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn steps(text: &str, separator: char) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = name(rest, separator)?;
        let (picks, after) = picks(after)?;
        if name.is_empty() && picks.is_empty() {
            return Err("a name is missing");
        }
        steps.push(Step { name, picks });
        match after.strip_prefix(separator) {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(steps),
            None => return Err("something stands behind a bracket or a quotation mark"),
        }
    }
}

/// A name, bare or in quotation marks, and what is behind it.
fn name(text: &str, separator: char) -> Result<(String, &str), &'static str> {
    if let Some(mark @ ('"' | '\'')) = text.chars().next() {
        let inside = &text[1..];
        let end = inside.find(mark).ok_or("a quotation mark is not closed")?;
        return Ok((inside[..end].to_owned(), &inside[end + 1..]));
    }
    let end = text.find([separator, '[']).unwrap_or(text.len());
    Ok((text[..end].to_owned(), &text[end..]))
}

fn picks(mut text: &str) -> Result<(Vec<Pick>, &str), &'static str> {
    let mut picks = Vec::new();
    while let Some(inside) = text.strip_prefix('[') {
        let (pick, after) = inside.split_once(']').ok_or("a bracket is not closed")?;
        picks.push(match pick.split_once('=') {
            Some((name, value)) => Pick::Having(name.trim().to_owned(), value.trim().to_owned()),
            None => Pick::Index(pick.trim().parse().map_err(|_| "in brackets stands a number or name=value")?),
        });
        text = after;
    }
    Ok((picks, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_and_what_is_picked_of_them() {
        let place = Place::new(Format::Yaml, r#"a."b.c"[name = x][2].d"#).expect("a path");
        let step = |name: &str, picks| Step { name: name.to_owned(), picks };
        let having = Pick::Having("name".to_owned(), "x".to_owned());
        assert_eq!(place.steps, [step("a", vec![]), step("b.c", vec![having, Pick::Index(2)]), step("d", vec![])]);
        assert_eq!(Place::new(Format::Xml, "a/b.c/@d").expect("a path").steps.len(), 3);
        assert_eq!(Place::new(Format::Json, "[0].key").expect("a path").steps[0], step("", vec![Pick::Index(0)]));
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_reason() {
        for (format, text, part) in [
            (Format::Yaml, "", "missing"),
            (Format::Yaml, "a..b", "missing"),
            (Format::Json, "a[x]", "number"),
            (Format::Json, "a[1", "closed"),
            (Format::Json, "a[1]b", "behind"),
            (Format::Toml, "\"a", "closed"),
            (Format::Env, "A B", "variable"),
            (Format::Kubernetes, "secret/", "key"),
        ] {
            let refusal = Place::new(format, text).expect_err(text).to_string();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
        assert!(Place::new(Format::Yaml, &"a.".repeat(2000)).is_err());
    }
}
