//! An account of the server: it makes its keys itself, and ends them.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{Fresh, Issuer, NewKey, Standing, Uses};
use crate::client::door::{self, Call, Door};
use crate::client::problem::{Kind, Problem};
use crate::show::objects;
use crate::update::secret::own_id;

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

    /// Whoever asks with the old key reads the new one from a target.
    async fn take_in_use(&self, _id: &str) -> Result<(), Problem> {
        Ok(())
    }

    /// It was ended when the one before it was restored.
    async fn discard(&self, _id: &str) -> Result<(), Problem> {
        Ok(())
    }

    fn new_key(&self) -> NewKey<'_> {
        NewKey::Made
    }

    fn retires_by_itself(&self) -> bool {
        self.retire_when_quiet.is_some()
    }

    fn afterword(&self, _id: &str) -> Option<String> {
        None
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
