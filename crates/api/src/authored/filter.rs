//! The filters of lists: words and `field:value`, joined by blanks (and), `AND`, `OR`, `NOT` and parentheses. Values may be
//! quoted and have `*` in them; dates and numbers take `+` (from) or `-` (up to) behind them; dates may be `7d` or `12h` ago.
//! Case does not matter.

use assay_model::{Error, Result, Timestamp};
use serde_json::Value;

use super::Work;
use crate::accounts::attributes::parse_moment;
use crate::identity::Identity;

/// The longest filter, bytes.
const LONGEST: usize = 1_024;
/// How deep parentheses and negations may stand in each other.
const DEEPEST: usize = 16;

/// Where a field of a filter looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a text, a list of texts, a number or a truth among the attributes; the path to it.
    Attribute(&'static [&'static str]),
    /// In a date among the attributes.
    Date(&'static str),
    /// In the object's id.
    Id,
    /// In its owner's name.
    Owner,
    /// In its owner's group.
    Group,
    /// Among its viewers and editors.
    Shared,
    /// Among its editors.
    Editors,
    /// Among its viewers.
    Viewers,
    /// In whether the caller is one of its viewers and editors.
    SharedWithCaller,
    /// In how many a list among the attributes has.
    Size(&'static str),
    /// Among the ids of its nodes of a type.
    Node(&'static str),
    /// Everywhere: it was looked at before.
    Anywhere,
    /// Nowhere: this server does not know it, so nothing has it.
    Nowhere,
}

/// What a filter asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// Everything.
    All,
    /// A word in the object's texts.
    Word(Pattern),
    /// A field.
    Field(Place, Test),
    /// The opposite.
    Not(Box<Filter>),
    /// All of these.
    And(Vec<Filter>),
    /// One of these.
    Or(Vec<Filter>),
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// This text.
    Is(Pattern),
    /// A number from here on.
    From(i64),
    /// A number up to here.
    UpTo(i64),
    /// A number between these, both included.
    Between(i64, i64),
}

/// A text with `*` for anything, lower case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern(String);

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let mut open = false;
        for part in parts {
            open = true;
            match rest.find(part) {
                Some(place) => rest = &rest[place + part.len()..],
                None => return false,
            }
        }
        let last = self.0.rsplit('*').next().unwrap_or_default();
        rest.is_empty() || (open && (last.is_empty() || text.ends_with(last)))
    }

    fn is_in(&self, text: &str) -> bool {
        if self.0.contains('*') { self.fits(text) } else { text.to_lowercase().contains(&self.0) }
    }
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    fields: &'a [(&'static str, Place)],
    now: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Word(String),
    Field(String, String),
}

/// Reads a filter. Fields that the list does not know are refused by name.
pub(crate) fn parse(text: &str, fields: &[(&'static str, Place)], now: Timestamp) -> Result<Filter> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::All);
    }
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), fields, now };
    let filter = parser.any(0)?;
    if parser.tokens.next().is_some() {
        return Err(misread("a parenthesis closes that was not opened"));
    }
    Ok(filter)
}

/// The fields that a filter names, with what it wants of them.
pub(crate) fn fields(text: &str) -> Result<Vec<(String, String)>> {
    let field = |token| if let Token::Field(name, value) = token { Some((name, value)) } else { None };
    Ok(tokens(text)?.into_iter().filter_map(field).collect())
}

/// `12`, or a size: `100kb`, `3MB`.
fn number(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let unit: i64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

fn misread(why: &str) -> Error {
    Error::invalid_argument(format!("the filter could not be read: {why}"))
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    if text.len() > LONGEST {
        return Err(Error::invalid_argument(format!("the filter is longer than {LONGEST} bytes")));
    }
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(character) = rest.chars().next() {
        match character {
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            _ => {
                let (token, after) = word(rest)?;
                tokens.push(token);
                rest = after.trim_start();
                continue;
            }
        }
        rest = rest[1..].trim_start();
    }
    Ok(tokens)
}

/// A word, an operator, or `field:value`.
fn word(text: &str) -> Result<(Token, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = quoted.split_once('"').ok_or_else(|| misread("a quotation mark is missing"))?;
        return Ok((Token::Word(value.to_owned()), rest));
    }
    let end = text.find(|c: char| c.is_whitespace() || "()\":".contains(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if let Some(after) = rest.strip_prefix(':') {
        if let Some(quoted) = after.strip_prefix('"') {
            let (value, rest) = quoted.split_once('"').ok_or_else(|| misread("a quotation mark is missing"))?;
            return Ok((Token::Field(name.to_lowercase(), value.to_owned()), rest));
        }
        let end = after.find(|c: char| c.is_whitespace() || "()".contains(c)).unwrap_or(after.len());
        let (value, rest) = after.split_at(end);
        if value.is_empty() {
            return Err(misread("a field has no value"));
        }
        return Ok((Token::Field(name.to_lowercase(), value.to_owned()), rest));
    }
    if name.is_empty() {
        return Err(misread("a quotation mark stands inside a word"));
    }
    let token = match name {
        "AND" | "and" => Token::And,
        "OR" | "or" => Token::Or,
        "NOT" | "not" => Token::Not,
        other => Token::Word(other.to_owned()),
    };
    Ok((token, rest))
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.all(depth)?];
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.one(depth)?];
        loop {
            match self.tokens.peek() {
                None | Some(Token::Or | Token::Close) => break,
                Some(Token::And) => _ = self.tokens.next(),
                Some(_) => {}
            }
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Filter> {
        if depth > DEEPEST {
            return Err(misread("it is nested too deep"));
        }
        match self.tokens.next() {
            Some(Token::Not) => Ok(Filter::Not(Box::new(self.one(depth + 1)?))),
            Some(Token::Open) => {
                let inner = self.any(depth + 1)?;
                if self.tokens.next() != Some(Token::Close) {
                    return Err(misread("a parenthesis is not closed"));
                }
                Ok(inner)
            }
            Some(Token::Word(word)) => Ok(Filter::Word(Pattern(word.to_lowercase()))),
            Some(Token::Field(name, value)) => self.field(&name, &value),
            Some(Token::And | Token::Or | Token::Close) | None => Err(misread("something is missing")),
        }
    }

    fn field(&self, name: &str, value: &str) -> Result<Filter> {
        let Some((_, place)) = self.fields.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = self.fields.iter().map(|(name, _)| *name).collect();
            let shown: String = name.chars().take(64).collect();
            return Err(misread(&format!(
                "there is no field \"{}\"; there are {}",
                shown.escape_debug(),
                known.join(", ")
            )));
        };
        if let Place::Date(_) = place {
            return Ok(Filter::Field(*place, self.date(name, value)?));
        }
        let (digits, sign) = match value.char_indices().next_back() {
            Some((place, sign @ ('+' | '-'))) => (&value[..place], Some(sign)),
            _ => (value, None),
        };
        let test = match (number(digits), sign) {
            (Some(number), Some('+')) => Test::From(number),
            (Some(number), Some(_)) => Test::UpTo(number),
            _ => Test::Is(Pattern(value.to_lowercase())),
        };
        Ok(Filter::Field(*place, test))
    }

    /// `2026-01-31`, `2026-01-31T10-30-00`, `7d`, with `+` or `-` behind it.
    fn date(&self, name: &str, value: &str) -> Result<Test> {
        let (text, sign) = match value.char_indices().next_back() {
            Some((place, sign @ ('+' | '-'))) => (&value[..place], Some(sign)),
            _ => (value, None),
        };
        let (moment, width) = self.moment(text).ok_or_else(|| misread(&format!("\"{name}\" is no date")))?;
        Ok(match sign {
            Some('+') => Test::From(moment),
            Some(_) => Test::UpTo(moment + width),
            None => Test::Between(moment, moment + width),
        })
    }

    /// A moment, and for how many seconds more it stands.
    fn moment(&self, text: &str) -> Option<(i64, i64)> {
        const DAY: i64 = 86_400;
        if let Some((day, time)) = text.split_once(['T', 't']) {
            return Some((parse_moment(&format!("{day} {}", time.replace('-', ":")))?.0, 0));
        }
        if let Some(date) = parse_moment(text) {
            return Some((date.0, DAY - 1));
        }
        let (place, unit) = text.char_indices().next_back()?;
        let unit = match unit {
            'd' => DAY,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let ago = text[..place].parse::<u32>().ok()?;
        Some((self.now.0 - i64::from(ago) * unit, unit - 1))
    }
}

impl Filter {
    /// Whether an object fits. Words look into the texts of its attributes.
    pub(crate) fn fits(&self, id: &str, work: &Work, caller: &Identity) -> bool {
        match self {
            Self::All => true,
            Self::Word(pattern) => work.attributes.values().any(|value| {
                let mut found = false;
                texts(value, &mut |text| found = found || pattern.is_in(text));
                found
            }),
            Self::Field(place, test) => test.at(*place, id, work, caller),
            Self::Not(inner) => !inner.fits(id, work, caller),
            Self::And(parts) => parts.iter().all(|part| part.fits(id, work, caller)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(id, work, caller)),
        }
    }
}

/// Every text that is a value, or in a list or an object of texts.
pub(super) fn texts(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().filter_map(Value::as_str).for_each(see),
        Value::Object(map) => map.values().filter_map(Value::as_str).for_each(see),
        _ => {}
    }
}

impl Test {
    fn at(&self, place: Place, id: &str, work: &Work, caller: &Identity) -> bool {
        let grantee = |list: &[super::sharing::Grantee]| list.iter().any(|grantee| self.text(&grantee.id));
        match place {
            Place::Id => self.text(id),
            Place::Owner => self.text(&work.owner),
            Place::Group => work.group.as_deref().is_some_and(|group| self.text(group)),
            Place::Shared => grantee(&work.viewers) || grantee(&work.editors),
            Place::Editors => grantee(&work.editors),
            Place::Viewers => grantee(&work.viewers),
            Place::SharedWithCaller => {
                let among = |list: &[super::sharing::Grantee]| list.iter().any(|grantee| grantee.is(caller));
                self.value(&(among(&work.viewers) || among(&work.editors)).into())
            }
            Place::Size(list) => {
                let size = work.attributes.get(list).and_then(Value::as_array).map_or(0, Vec::len);
                self.value(&size.into())
            }
            Place::Date(name) => work.attributes.get(name).is_some_and(|value| self.value(value)),
            Place::Attribute(path) => {
                let root = path.first().and_then(|name| work.attributes.get(*name));
                let value = path.iter().skip(1).try_fold(root, |value, name| Some(value?.get(name)));
                value.flatten().is_some_and(|value| self.value(value))
            }
            Place::Node(kind) => {
                let nodes = work.attributes.get("nodes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                nodes.iter().any(|node| {
                    (kind.is_empty() || node.get("type").and_then(Value::as_str) == Some(kind))
                        && ["entity_id", "text"]
                            .iter()
                            .any(|name| node.get(name).and_then(Value::as_str).is_some_and(|text| self.text(text)))
                })
            }
            Place::Anywhere => true,
            Place::Nowhere => false,
        }
    }

    fn text(&self, text: &str) -> bool {
        matches!(self, Self::Is(pattern) if pattern.fits(text))
    }

    fn value(&self, value: &Value) -> bool {
        match value {
            // A tag is found by all of itself.
            Value::Array(items) => items.iter().filter_map(Value::as_str).any(|item| self.text(item)),
            // A field finds a word of a text too: `name:emotet`.
            Value::String(text) => match self {
                Self::Is(pattern) => pattern.fits(text) || (!pattern.0.contains('*') && pattern.is_in(text)),
                _ => false,
            },
            Value::Bool(truth) => self.text(if *truth { "true" } else { "false" }),
            Value::Number(number) => match (self, number.as_i64()) {
                (Self::Is(pattern), _) => pattern.0 == number.to_string(),
                (Self::From(from), Some(number)) => number >= *from,
                (Self::UpTo(to), Some(number)) => number <= *to,
                (Self::Between(from, to), Some(number)) => (*from..=*to).contains(&number),
                (_, None) => false,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
