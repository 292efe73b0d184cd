//! Who goes first. An account has a class; rules put calls into another one, by account, by the key's label, or by the
//! program that calls. The first rule that fits counts.

use assay_model::record::Class;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule. What it does not name fits every call; `*` at the end of a text stands for any rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The label of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the program calls itself (`User-Agent`), from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The class that such a call is in.
    pub class: Class,
}

impl Rule {
    fn fits(&self, account: &str, label: &str, client: &str) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| match pattern.strip_suffix('*') {
                Some(start) => text.starts_with(start),
                None => text == pattern,
            })
        };
        fits(&self.account, account) && fits(&self.label, label) && fits(&self.client, client)
    }
}

/// The class of a call.
pub fn class(rules: &[Rule], own: Class, (account, label, client): (&str, &str, &str)) -> Class {
    rules.iter().find(|rule| rule.fits(account, label, client)).map_or(own, |rule| rule.class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rule = |account: Option<&str>, client: Option<&str>, class| Rule {
            account: account.map(ToOwned::to_owned),
            label: None,
            client: client.map(ToOwned::to_owned),
            class,
        };
        let rules = [
            rule(Some("soc_*"), Some("playbook/*"), Class::Normal),
            rule(Some("soc_*"), None, Class::Bulk),
            rule(None, Some("browser"), Class::Interactive),
        ];
        let class = |account, client| class(&rules, Class::Normal, (account, "", client));
        assert_eq!(class("soc_siem", "playbook/2"), Class::Normal);
        assert_eq!(class("soc_siem", "curl"), Class::Bulk);
        assert_eq!(class("ann", "browser"), Class::Interactive);
        assert_eq!(class("ann", "browser/2"), Class::Normal);
    }
}
