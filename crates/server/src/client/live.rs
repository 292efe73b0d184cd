//! Whether a key still opens something: the server is asked about it with that very key.

use serde::Serialize;
use serde_json::Value as Json;

use super::api::Client;
use super::door::{Account, Call, Door as _};
use super::problem::{Kind, Problem};

/// What a server says of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It opens this account.
    Live(String),
    /// The server refuses it, in these words.
    Dead(String),
    /// It was not shown to this server.
    NotAsked,
}

/// Asks. An error that has nothing to do with the key ends the asking.
pub(crate) async fn state(client: &Client) -> Result<State, Problem> {
    match client.call(&Call::get(&[]).of(&Account::Own)).await {
        Ok(body) => Ok(State::Live(body.pointer("/data/id").and_then(Json::as_str).unwrap_or_default().to_owned())),
        Err(problem) => match problem.kind {
            // A quota that is used up is a live key's.
            Kind::Refused(403 | 429) => Ok(State::Live(String::new())),
            Kind::Refused(400 | 401 | 404) => Ok(State::Dead(problem.message)),
            _ => Err(problem),
        },
    }
}
