//! Ready plans for well-known tools: the places where they keep a key, in a form to begin with.

/// A plan to begin with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    /// The tool.
    pub(crate) about: &'static str,
    plan: &'static str,
}

/// All of them.
pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "vt-cli",
        about: "VirusTotal's command line: ~/.vt.toml",
        plan: include_str!("recipes/vt-cli.toml"),
    },
    Recipe { name: "vt-py", about: "scripts with vt-py: a .env file", plan: include_str!("recipes/vt-py.toml") },
    Recipe { name: "wazuh", about: "Wazuh: ossec.conf", plan: include_str!("recipes/wazuh.toml") },
    Recipe { name: "cortex", about: "Cortex analyzers: application.conf", plan: include_str!("recipes/cortex.toml") },
    Recipe { name: "misp", about: "MISP modules: a setting, by MISP's API", plan: include_str!("recipes/misp.toml") },
    Recipe { name: "intelowl", about: "IntelOwl: env_file_app", plan: include_str!("recipes/intelowl.toml") },
    Recipe {
        name: "opencti",
        about: "OpenCTI connectors: docker-compose.yml",
        plan: include_str!("recipes/opencti.toml"),
    },
    Recipe { name: "kubernetes", about: "a Secret's manifest", plan: include_str!("recipes/kubernetes.toml") },
    Recipe { name: "systemd", about: "a systemd credential", plan: include_str!("recipes/systemd.toml") },
    Recipe {
        name: "vault",
        about: "HashiCorp Vault, OpenBao: key-value engine 2",
        plan: include_str!("recipes/vault.toml"),
    },
];

impl Recipe {
    /// The recipe of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        RECIPES.iter().find(|recipe| recipe.name == name).copied()
    }

    /// The plan for an account.
    pub(crate) fn plan(&self, account: &str) -> String {
        self.plan.replacen("\"ACCOUNT\"", &toml::Value::String(account.to_owned()).to_string(), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Owner, Plan};
    use super::*;

    #[test]
    fn every_recipe_is_a_plan_for_the_account_that_is_said() {
        for recipe in RECIPES {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("plan.toml");
            std::fs::write(&path, recipe.plan("soc_\"siem\"")).expect("written");
            let plan = Plan::read(&path).unwrap_or_else(|problem| panic!("{}: {problem}", recipe.name));
            assert_eq!(plan.owner, Owner::Account("soc_\"siem\"".to_owned()), "{}", recipe.name);
            assert_eq!(Recipe::named(recipe.name).map(|recipe| recipe.about), Some(recipe.about));
        }
    }
}
