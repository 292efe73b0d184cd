//! Adds one source to the compiler so that each rule stands or falls by itself, and lists what fell.

use std::collections::{HashMap, HashSet};

use yara_x::errors::CompileError;
use yara_x::{Compiler, IgnoredRuleReason};
use yara_x_parser::ast::AST;

use super::{Disabled, line_of};
use crate::source::Source;
use crate::split::{Item, items};

/// An error of the compiler.
struct Failure {
    /// Where in the text it is.
    offset: usize,
    /// The rule that the compiler names; a parser's error has none.
    rule: Option<String>,
    error: String,
}

/// Adds the rules of a source, in its namespace, and returns what was left out.
pub(super) fn add(compiler: &mut Compiler<'_>, source: &Source) -> Vec<Disabled> {
    let text = source.text.as_str();
    let failures = attempt(compiler, text);
    if failures.is_empty() {
        return Vec::new();
    }
    let items = items(text);
    let fallen: HashSet<_> = failures.iter().filter_map(|failure| failure.rule.clone()).collect();
    let parsed = rules_in(text);
    let stands = |name: &String| parsed.contains(name) && !fallen.contains(name);
    let lost: Vec<&Item> =
        items.iter().filter(|item| item.rule.as_ref().is_some_and(|name| !parsed.contains(name))).collect();
    if lost.is_empty() {
        return failures.into_iter().map(|failure| disabled(source, failure)).collect();
    }
    let outside = failures.into_iter().filter(|failure| {
        let item = items.iter().rfind(|item| item.range.start < failure.offset);
        failure.rule.is_none() && item.and_then(|item| item.rule.as_ref()).is_none_or(&stands)
    });
    let mut left_out: Vec<Disabled> = outside.map(|failure| disabled(source, failure)).collect();
    // Rules that fell in the first attempt may have needed one that was lost, so they have another try.
    for item in items.iter().filter(|item| item.rule.as_ref().is_some_and(|name| !stands(name))) {
        left_out.extend(add_alone(compiler, source, item));
    }
    left_out.sort_by_key(|entry| entry.line);
    left_out
}

/// Adds one rule by itself. One slip of the pen often makes several errors; the first says it.
fn add_alone(compiler: &mut Compiler<'_>, source: &Source, item: &Item) -> Option<Disabled> {
    let text = &source.text[item.range.clone()];
    let mut failure = attempt(compiler, text).into_iter().next()?;
    // What follows a rule belongs to its item; the rule itself may stand all the same.
    if failure.rule.is_none() && !item.rule.as_ref().is_some_and(|name| rules_in(text).contains(name)) {
        failure.rule.clone_from(&item.rule);
    }
    failure.offset += item.range.start;
    Some(disabled(source, failure))
}

fn disabled(source: &Source, failure: Failure) -> Disabled {
    Disabled {
        ruleset: source.name.clone(),
        source: source.origin.clone(),
        line: line_of(&source.text, failure.offset),
        rule: failure.rule,
        error: failure.error,
    }
}

/// Hands a text to the compiler, which keeps what it can, and returns the errors that are new.
fn attempt(compiler: &mut Compiler<'_>, text: &str) -> Vec<Failure> {
    let (errors, ignored) = (compiler.errors().len(), compiler.ignored_rules().count());
    if compiler.add_source(text).is_ok() {
        return Vec::new();
    }
    let mut rules = HashMap::new();
    for (rule, reason) in compiler.ignored_rules().skip(ignored) {
        if let IgnoredRuleReason::CompileError(error) = reason {
            rules.insert(std::ptr::from_ref(error), rule.to_owned());
        }
    }
    let failure = |error| Failure {
        offset: offset(error),
        rule: rules.get(&std::ptr::from_ref(error)).cloned(),
        error: in_one_line(error),
    };
    compiler.errors()[errors..].iter().map(failure).collect()
}

/// The names of the rules that the parser gets out of a text.
fn rules_in(text: &str) -> HashSet<String> {
    AST::from(text).rules().map(|rule| rule.identifier.name.to_owned()).collect()
}

fn offset(error: &CompileError) -> usize {
    error.labels().next().map_or(0, |label| label.span().start())
}

/// E.g. ``E009: unknown identifier `foo`: this identifier has not been declared``.
fn in_one_line(error: &CompileError) -> String {
    let mut line = format!("{}: {}", error.code(), error.title());
    if let Some(label) = error.labels().next()
        && !label.text().is_empty()
        && label.text() != error.title()
    {
        line.push_str(": ");
        line.push_str(label.text());
    }
    line.replace('\n', " ")
}
