//! A contract of the broker with `VirusTotal`: its keys are made there and handed over, and the broker itself is the first who
//! uses them. A new one is staged, which tries it; is taken in use; and the old one goes once no call with it can be under way.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::{Fresh, Issuer, NewKey, Standing, Uses};
use crate::client::door::{self, Call, Door};
use crate::client::problem::{Kind, Problem};

/// How often the new key's first call is tried: the network may fail once.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);

/// A contract.
pub(crate) struct Contract<'a> {
    /// The way to the server.
    pub(crate) door: &'a dyn Door,
    /// Its name.
    pub(crate) name: String,
    /// The new key, where it was handed over.
    pub(crate) given: Option<SecretString>,
    /// Whether the old key stays registered.
    pub(crate) keeps_old: bool,
}

/// Its keys at one moment.
struct Keys(Vec<Json>);

impl Keys {
    fn state(&self, id: &str) -> Option<&str> {
        self.0.iter().find(|key| key["id"] == id)?["state"].as_str()
    }

    /// The id of the first one in a state.
    fn first(&self, state: &str) -> Option<&str> {
        self.0.iter().find(|key| key["state"] == state)?["id"].as_str()
    }

    /// For how long calls with a key may be under way.
    fn drains_for(&self, id: &str) -> Option<Duration> {
        self.0.iter().find(|key| key["id"] == id)?["drains_for"].as_u64().map(Duration::from_secs)
    }

    /// The key that is to take the place of another one, or has.
    fn successor(&self, id: &str) -> Option<&str> {
        match self.state(id)? {
            "active" => self.first("staged"),
            "draining" => self.first("active"),
            _ => None,
        }
    }
}

impl Contract<'_> {
    async fn keys(&self) -> Result<Keys, Problem> {
        let shown =
            door::data(self.door, &Call::get(&["upstreams", &self.name])).await.map_err(|problem| {
                match problem.kind {
                    Kind::Refused(404) => Problem::local(format!("there is no contract {}", self.name))
                        .mend("`assay upstream list` shows those that there are."),
                    _ => problem,
                }
            })?;
        Ok(Keys(shown["attributes"]["keys"].as_array().cloned().unwrap_or_default()))
    }

    /// Has the server try a key at upstream; with `rehearsal` that is all.
    async fn stage(&self, key: &SecretString, rehearsal: bool) -> Result<Json, Problem> {
        let attributes = json!({ "key": key.expose_secret(), "dry_run": rehearsal });
        let data = json!({ "type": "upstream_key", "attributes": attributes });
        door::data(self.door, &Call::post(&["upstreams", &self.name, "keys"], data)).await
    }

    async fn activate(&self, id: &str) -> Result<(), Problem> {
        let data = json!({ "type": "upstream", "attributes": { "key_id": id } });
        door::data(self.door, &Call::post(&["upstreams", &self.name, "activate"], data)).await.map(drop)
    }

    /// Waits until no call with a key can be under way.
    async fn drained(&self, id: &str) -> Result<(), Problem> {
        while let Some(wait) = self.keys().await?.drains_for(id) {
            sleep(wait.max(AGAIN)).await;
        }
        Ok(())
    }

    /// Removes a key that is not in use; one that is gone is no error.
    async fn remove(&self, id: &str) -> Result<(), Problem> {
        self.drained(id).await?;
        if self.keys().await?.state(id).is_none() {
            return Ok(());
        }
        let removed = door::data(self.door, &Call::delete(&["upstreams", &self.name, "keys", id])).await;
        match removed {
            Err(problem) if problem.kind != Kind::Refused(404) => Err(problem),
            _ => Ok(()),
        }
    }

    /// That the targets hold a key of this contract. The server has the names of its keys alone and tells by the key itself.
    async fn is_registered(&self, held: &SecretString) -> Result<(), Problem> {
        let stranger = || Problem::local(format!("what the targets hold is no key that {} is used with", self.name));
        match self.stage(held, true).await {
            Err(Problem { kind: Kind::Refused(409), .. }) => Ok(()),
            Ok(_) | Err(Problem { kind: Kind::Refused(400), .. }) => Err(stranger()),
            Err(problem) => Err(problem),
        }
    }
}

#[async_trait(?Send)]
impl Issuer for Contract<'_> {
    fn owner(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, held: Option<&SecretString>, wanted: Option<&str>) -> Result<String, Problem> {
        let keys = self.keys().await?;
        let Some(active) = keys.first("active") else {
            return Err(Problem::local(format!("no key of {} is in use: VirusTotal refuses it", self.name))
                .mend(format!("`assay upstream rotate {} --key-file FILE` registers one that works.", self.name)));
        };
        if let Some(wanted) = wanted.filter(|wanted| *wanted != active) {
            return Err(Problem::local(format!(
                "{} uses the key {active}, not {wanted} that the plan names",
                self.name
            )));
        }
        if let Some(staged) = keys.first("staged") {
            return Err(Problem::local(format!("the key {staged} waits to take over already")).mend(format!(
                "`assay upstream rotate {name} --activate` takes it in use, `--remove {staged}` takes it away.",
                name = self.name
            )));
        }
        if let Some(held) = held {
            self.is_registered(held).await?;
        }
        let Some(given) = &self.given else {
            return Err(Problem::local("the new key is not given").mend(
                "Hand it over on standard input, with --key-file FILE, or with new_key = { file = \"…\" } in the plan.",
            ));
        };
        self.stage(given, true).await?;
        Ok(active.to_owned())
    }

    async fn standing(&self, id: &str) -> Result<Standing, Problem> {
        let keys = self.keys().await?;
        Ok(match (keys.state(id), keys.successor(id)) {
            (None | Some("refused"), _) => Standing::Ended,
            (Some("draining"), successor) => Standing::Retiring { successor: successor.unwrap_or_default().to_owned() },
            (_, Some(successor)) => Standing::Retiring { successor: successor.to_owned() },
            (_, None) => Standing::Active,
        })
    }

    async fn rotate(&self, _id: &str) -> Result<Fresh, Problem> {
        let Some(given) = &self.given else { return Err(Problem::local("the new key is not given")) };
        let staged = self.stage(given, false).await?;
        let keys = Keys(staged["attributes"]["keys"].as_array().cloned().unwrap_or_default());
        let id = keys.first("staged").ok_or_else(|| {
            Problem::new(Kind::Foreign, "the server has answered without the key that was handed to it")
        })?;
        Ok(Fresh { id: id.to_owned(), secret: given.clone() })
    }

    async fn take_in_use(&self, id: &str) -> Result<(), Problem> {
        if self.keys().await?.state(id) != Some("active") {
            self.activate(id).await?;
        }
        // The first call with it, which costs nothing.
        let call = Call::post(&["upstreams", &self.name, "reconcile"], json!({ "type": "upstream" }));
        let mut tried = 1;
        let asked = loop {
            match door::data(self.door, &call).await {
                Err(_) if tried < TRIES => {
                    tried += 1;
                    sleep(AGAIN).await;
                }
                asked => break asked,
            }
        };
        match (asked, self.keys().await?.state(id)) {
            (Ok(_), Some("active")) => Ok(()),
            (Err(problem), Some("active")) => Err(problem),
            _ => Err(Problem::local(format!("VirusTotal refuses the new key {id}"))),
        }
    }

    async fn restore(&self, id: &str) -> Result<(), Problem> {
        let keys = self.keys().await?;
        let successor = keys.successor(id).map(str::to_owned);
        if keys.state(id) == Some("draining") {
            self.activate(id).await?;
        }
        match successor {
            Some(successor) => self.remove(&successor).await,
            None => Ok(()),
        }
    }

    async fn retire(&self, id: &str) -> Result<(), Problem> {
        if self.keeps_old { self.drained(id).await } else { self.remove(id).await }
    }

    async fn discard(&self, id: &str) -> Result<(), Problem> {
        self.remove(id).await
    }

    fn new_key(&self) -> NewKey<'_> {
        NewKey::Given(self.given.as_ref())
    }

    fn retires_by_itself(&self) -> bool {
        false
    }

    fn afterword(&self, id: &str) -> Option<String> {
        let stays = if self.keeps_old { "; it stays registered, as the plan says" } else { "" };
        Some(format!("{id} is out of use here and can be revoked at VirusTotal{stays}"))
    }

    /// The broker uses the key that is active; who else does is not seen here.
    async fn uses(&self, id: &str) -> Result<Uses, Problem> {
        let active = self.keys().await?.state(id) == Some("active");
        Ok(Uses { clients: if active { vec![("- the broker".to_owned(), 1)] } else { Vec::new() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(states: &[(&str, &str)]) -> Keys {
        Keys(states.iter().map(|(id, state)| json!({ "id": id, "state": state })).collect())
    }

    #[test]
    fn whoever_waits_or_has_taken_over_is_the_successor() {
        assert_eq!(keys(&[("a", "active")]).successor("a"), None);
        assert_eq!(keys(&[("a", "active"), ("b", "staged")]).successor("a"), Some("b"));
        assert_eq!(keys(&[("a", "draining"), ("b", "active")]).successor("a"), Some("b"));
        assert_eq!(keys(&[("a", "draining"), ("b", "active")]).successor("b"), None);
        assert_eq!(keys(&[("a", "refused"), ("b", "active")]).successor("a"), None);
    }
}
