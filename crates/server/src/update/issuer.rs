//! Who gives keys out and takes them back: an account of the server, by way of its API. A broker's upstream contract is another
//! one, with the same few questions.

use std::net::IpAddr;

use async_trait::async_trait;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::secret::own_id;
use crate::client::door::{self, Call, Door};
use crate::client::problem::{Kind, Problem};
use crate::show::objects;

/// A key that was just made.
pub(crate) struct Fresh {
    pub(crate) id: String,
    pub(crate) secret: SecretString,
}

/// What a key is at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Works, and nothing takes its place.
    Active,
    /// Works until its deadline; this one takes its place.
    Retiring { successor: String },
    /// Works no more.
    Ended,
}

/// Gives keys out.
#[async_trait(?Send)]
pub(crate) trait Issuer {
    /// Whose keys they are, for people.
    fn owner(&self) -> String;

    /// The id of the key that is to be replaced: `wanted`, or the one that the targets hold, or the only one there is.
    async fn find(&self, held: Option<&SecretString>, wanted: Option<&str>) -> Result<String, Problem>;

    /// What a key is at the moment.
    async fn standing(&self, id: &str) -> Result<Standing, Problem>;

    /// Makes a successor; the key itself works on.
    async fn rotate(&self, id: &str) -> Result<Fresh, Problem>;

    /// Makes a retiring key active again, and ends its successor.
    async fn restore(&self, id: &str) -> Result<(), Problem>;

    /// Ends a key; one that has ended is no error.
    async fn retire(&self, id: &str) -> Result<(), Problem>;

    /// Whether the key ends by itself once nobody uses it.
    fn retires_by_itself(&self) -> bool {
        false
    }

    /// Who uses a key, and how often it was used so far.
    async fn uses(&self, id: &str) -> Result<Uses, Problem>;
}

/// Who uses a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Address and program, as the server has it.
    pub(crate) clients: Vec<(String, u64)>,
}

impl Uses {
    /// How often it was used.
    pub(crate) fn count(&self) -> u64 {
        self.clients.iter().map(|(_, count)| count).sum()
    }

    /// Whether it was used from a network.
    pub(crate) fn from(&self, network: &IpNet) -> bool {
        let address = |client: &str| client.split(' ').next().and_then(|address| address.parse::<IpAddr>().ok());
        self.clients
            .iter()
            .filter_map(|(client, _)| address(client))
            .any(|address| network.contains(&address.to_canonical()))
    }

    /// Those that have used it since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Vec<String> {
        let before =
            |client: &str| earlier.clients.iter().find(|(known, _)| known == client).map_or(0, |(_, count)| *count);
        let more = self.clients.iter().filter(|(client, count)| *count > before(client));
        more.map(|(client, _)| client.clone()).collect()
    }
}

/// An account of the server.
pub(crate) struct Account<'a> {
    /// The way to the server.
    pub(crate) door: &'a dyn Door,
    /// The account's id.
    pub(crate) name: String,
    /// How long an old key works on.
    pub(crate) overlap: Option<std::time::Duration>,
    /// After how much quiet the server is to end it.
    pub(crate) retire_when_quiet: Option<std::time::Duration>,
}

impl Account<'_> {
    async fn key(&self, id: &str) -> Result<Json, Problem> {
        let key = door::data(self.door, &Call::get(&["api_keys", id])).await?;
        match said(&key, "account") {
            account if account == self.name => Ok(key),
            account => Err(Problem::local(format!("the key {id} belongs to {account}, not to {}", self.name))),
        }
    }

    async fn active(&self) -> Result<Vec<Json>, Problem> {
        let mut keys = door::all(self.door, &Call::get(&["users", &self.name, "api_keys"]), None).await?;
        keys.retain(|key| said(key, "state") == "active");
        Ok(keys)
    }

    /// The id of a key that was made elsewhere: what the server has of it is a keyed hash, so it can only say whose it is.
    async fn imported(&self, text: &SecretString) -> Result<Vec<Json>, Problem> {
        let owner = door::data(self.door, &Call::get(&["users", text.expose_secret()])).await;
        match owner {
            Ok(owner) if owner["id"] == self.name.as_str() => {}
            Ok(_) | Err(Problem { kind: Kind::Refused(400 | 401 | 403 | 404), .. }) => {
                return Err(Problem::local(format!("what the targets hold is no live key of {}", self.name)));
            }
            Err(problem) => return Err(problem),
        }
        let mut keys = self.active().await?;
        keys.retain(|key| objects::value(key, "imported") == Some(&Json::Bool(true)));
        Ok(keys)
    }
}

fn said(key: &Json, name: &str) -> String {
    objects::value(key, name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn id_of(key: &Json) -> String {
    key["id"].as_str().unwrap_or_default().to_owned()
}

#[async_trait(?Send)]
impl Issuer for Account<'_> {
    fn owner(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, held: Option<&SecretString>, wanted: Option<&str>) -> Result<String, Problem> {
        let candidates: Vec<String> = match held.map(|held| (held, own_id(held.expose_secret()))) {
            Some((_, Some(id))) => {
                self.key(id).await.map_err(|problem| match problem.kind {
                    Kind::Refused(404) => Problem::local(format!(
                        "the targets hold the key {id}, which is not known as a key of {}",
                        self.name
                    )),
                    _ => problem,
                })?;
                vec![id.to_owned()]
            }
            Some((held, None)) => self.imported(held).await?.iter().map(id_of).collect(),
            None => self.active().await?.iter().map(id_of).collect(),
        };
        let id = match (wanted, candidates.as_slice()) {
            (Some(wanted), candidates) if candidates.iter().any(|id| id == wanted) => wanted.to_owned(),
            (Some(wanted), _) => {
                return Err(Problem::local(format!("the targets do not hold the key {wanted} that the plan names")));
            }
            (None, [one]) => one.clone(),
            (None, []) => return Err(Problem::local(format!("{} has no active key", self.name))),
            (None, several) => {
                return Err(Problem::local(format!("{} has several keys: {}", self.name, several.join(", ")))
                    .mend("Say in the plan which is meant: key = \"ID\"."));
            }
        };
        match said(&self.key(&id).await?, "state").as_str() {
            "active" => Ok(id),
            state => Err(Problem::local(format!("the key {id} is {state}; only an active one can be rotated"))
                .mend("`assay key list` shows which are active; `assay key restore` takes a rotation back.")),
        }
    }

    async fn standing(&self, id: &str) -> Result<Standing, Problem> {
        let key = self.key(id).await?;
        Ok(match said(&key, "state").as_str() {
            "active" => Standing::Active,
            "retiring" => Standing::Retiring { successor: said(&key, "successor") },
            _ => Standing::Ended,
        })
    }

    async fn rotate(&self, id: &str) -> Result<Fresh, Problem> {
        let mut attributes = json!({});
        for (name, length) in [("overlap", self.overlap), ("retire_when_quiet", self.retire_when_quiet)] {
            if let Some(length) = length {
                attributes[name] = length.as_secs().into();
            }
        }
        let data = json!({ "type": "api_key", "attributes": attributes });
        let mut made = door::data(self.door, &Call::post(&["api_keys", id, "rotate"], data)).await?;
        let secret = made.pointer_mut("/attributes/key").map(Json::take);
        let Some(Json::String(secret)) = secret else {
            return Err(Problem::new(Kind::Foreign, "the server has answered without the new key"));
        };
        Ok(Fresh { id: id_of(&made), secret: SecretString::from(secret) })
    }

    async fn restore(&self, id: &str) -> Result<(), Problem> {
        door::data(self.door, &Call::post(&["api_keys", id, "restore"], json!({ "type": "api_key" }))).await.map(drop)
    }

    async fn retire(&self, id: &str) -> Result<(), Problem> {
        door::data(self.door, &Call::post(&["api_keys", id, "revoke"], json!({ "type": "api_key" }))).await.map(drop)
    }

    fn retires_by_itself(&self) -> bool {
        self.retire_when_quiet.is_some()
    }

    async fn uses(&self, id: &str) -> Result<Uses, Problem> {
        let data = door::data(self.door, &Call::get(&["api_keys", id, "clients"])).await?;
        let entry = |entry: &Json| {
            let client = entry["client"].as_str().unwrap_or_default().to_owned();
            (client, entry["count"].as_u64().unwrap_or(0))
        };
        Ok(Uses { clients: data.as_array().into_iter().flatten().map(entry).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_seen_from_a_network_by_the_addresses_of_its_users() {
        let uses =
            Uses { clients: vec![("10.1.2.3 curl/8".to_owned(), 3), ("- x".to_owned(), 1), ("::1".to_owned(), 1)] };
        let from = |network: &str| uses.from(&network.parse().expect(network));
        assert!(from("10.0.0.0/8") && from("::1/128"));
        assert!(!from("192.168.0.0/16"));
        let earlier = Uses { clients: vec![("10.1.2.3 curl/8".to_owned(), 2), ("::1".to_owned(), 1)] };
        assert_eq!(uses.since(&earlier), ["10.1.2.3 curl/8", "- x"]);
        assert_eq!((uses.count(), uses.since(&uses).len()), (5, 0));
    }
}
