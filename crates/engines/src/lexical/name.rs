//! A domain name in its parts, as the signs look at it.

use assay_model::domain::DomainName;

/// See the module.
#[derive(Debug)]
pub(super) struct Name {
    /// The whole.
    pub(super) whole: String,
    /// What one can register; the whole where nothing can be.
    pub(super) registrable: String,
    /// The label that was registered: `example` of `www.example.co.uk`.
    pub(super) core: String,
    /// The same as it is shown: an IDN in its own letters.
    pub(super) core_shown: String,
    /// The labels below what was registered, from left to right.
    pub(super) below: Vec<String>,
}

impl Name {
    pub(super) fn of(name: &DomainName) -> Self {
        let whole = name.as_str();
        let registrable = name.registrable().map_or_else(|| whole.to_owned(), |name| name.as_str().to_owned());
        let core = registrable.split('.').next().unwrap_or_default();
        let below = whole.strip_suffix(&registrable).unwrap_or_default();
        let below = below.split('.').filter(|label| !label.is_empty()).map(str::to_owned).collect();
        Self { whole: whole.to_owned(), core: core.to_owned(), core_shown: shown(core), below, registrable }
    }

    /// The words of which the name is made: the parts of its labels between hyphens, without the suffix.
    pub(super) fn words(&self) -> Vec<&str> {
        let labels = self.below.iter().map(String::as_str).chain([self.core.as_str()]);
        labels.flat_map(|label| label.split(['-', '_'])).filter(|word| !word.is_empty()).collect()
    }
}

/// A label as it is shown.
pub(super) fn shown(label: &str) -> String {
    if label.starts_with("xn--") { idna::domain_to_unicode(label).0 } else { label.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_core_and_what_is_below_it() {
        let name = Name::of(&"login.my-bank.example.co.uk".parse().expect("a name"));
        assert_eq!((name.registrable.as_str(), name.core.as_str()), ("example.co.uk", "example"));
        assert_eq!(name.below, ["login", "my-bank"]);
        assert_eq!(name.words(), ["login", "my", "bank", "example"]);
        let name = Name::of(&"xn--bcher-kva.example".parse().expect("a name"));
        assert_eq!(name.core_shown, "bücher");
        let name = Name::of(&"localhost".parse().expect("a name"));
        assert_eq!((name.core.as_str(), name.below.len()), ("localhost", 0));
    }
}
