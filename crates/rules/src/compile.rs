//! Sources in, compiled rules out, with the list of what had to be left out.
//!
//! yara-x compiles rule by rule and undoes what a failing rule has begun (`Compiler::c_rule` takes a
//! snapshot), so a file is handed over whole, which is the fastest way. Only its parser, taking up again after
//! a syntax error, can lose the rule that follows; what was lost is then handed over item by item.

mod failures;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use yara_x::Compiler;

use crate::about::RuleInfo;
use crate::source::Source;

/// Something that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disabled {
    /// The ruleset: [`Source::name`].
    pub ruleset: String,
    /// [`Source::origin`].
    pub source: String,
    /// The rule; none where the error is outside any rule, e.g. an `import` of an unknown module.
    pub rule: Option<String>,
    /// The line of the error in its file, from 1.
    pub line: u32,
    /// The error in one line.
    pub error: String,
}

/// Rules ready to scan with. Shared between threads; each thread scans with a [`crate::Scanner`] of its own.
pub struct Compiled {
    pub(crate) rules: yara_x::Rules,
    /// By the number in the namespace's name, then by the rule's name.
    about: Vec<HashMap<String, Arc<RuleInfo>>>,
    disabled: Vec<Disabled>,
    count: usize,
}

impl Compiled {
    /// What was left out.
    pub fn disabled(&self) -> &[Disabled] {
        &self.disabled
    }

    /// How many rules hold, private and global ones included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Every rule that holds, in no particular order.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<RuleInfo>> {
        self.about.iter().flat_map(HashMap::values)
    }

    pub(crate) fn about(&self, rule: &yara_x::Rule<'_, '_>) -> Option<&Arc<RuleInfo>> {
        self.about.get(number_of(rule.namespace())?)?.get(rule.identifier())
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("count", &self.count).field("disabled", &self.disabled).finish_non_exhaustive()
    }
}

/// Compiles all that can be compiled. Takes CPU time in proportion to the rules (about a millisecond each for
/// involved ones), so not for an async thread.
pub fn compile(sources: &[Source]) -> Compiled {
    let mut compiler = Compiler::new();
    compiler.enable_includes(false).colorize_errors(false).switch_all_warnings(false);
    let mut disabled = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        compiler.new_namespace(&namespace_of(number));
        disabled.extend(failures::add(&mut compiler, source));
    }
    let rules = compiler.build();
    let mut about: Vec<HashMap<String, Arc<RuleInfo>>> = vec![HashMap::new(); sources.len()];
    let mut count = 0;
    for (order, rule) in rules.iter().enumerate() {
        count += 1;
        let Some(number) = number_of(rule.namespace()) else { continue };
        if let (Some(place), Some(source)) = (about.get_mut(number), sources.get(number)) {
            let info = RuleInfo::of(&rule, source, order);
            place.insert(info.rule.clone(), Arc::new(info));
        }
    }
    Compiled { rules, about, disabled, count }
}

/// Namespaces are numbered, because two sources may bear the same name.
fn namespace_of(number: usize) -> String {
    format!("source{number}")
}

fn number_of(namespace: &str) -> Option<usize> {
    namespace.strip_prefix("source")?.parse().ok()
}

fn line_of(text: &str, offset: usize) -> u32 {
    let head = &text.as_bytes()[..offset.min(text.len())];
    let lines = head.split(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}
