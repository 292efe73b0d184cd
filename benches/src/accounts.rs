//! A store with many accounts and keys in it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use assay_model::account::{ApiKey, User};
use assay_model::apikey::{Issued, Pepper};
use assay_model::clock::{Clock, System};
use assay_model::random::Counting;
use assay_model::record::{Edge, Key, body};
use assay_model::{Kind, Link};
use assay_store::{Batch, Expect, Store};

/// Accounts written with one commit.
const AT_ONCE: usize = 1_000;

/// Opens the embedded store of a data folder.
pub async fn store(data: &Path) -> Result<Arc<dyn Store>> {
    let path = data.join("assay.sqlite");
    Ok(assay_store::open(&assay_store::Config::Sqlite { path, cache_bytes: 32 << 20 }).await?)
}

/// Writes accounts of a tier with two keys each; answers the keys of all of them.
pub async fn fill(store: &dyn Store, pepper: &Pepper, accounts: usize, tier: &str) -> Result<Vec<String>> {
    let random = Counting::default();
    let now = System.now();
    let mut keys = Vec::with_capacity(2 * accounts);
    let mut written = 0;
    while written < accounts {
        let mut batch = Batch::new();
        for number in written..accounts.min(written + AT_ONCE) {
            let name = format!("account-{number}");
            let account = Key::shared(Kind::User, name.as_str());
            batch.put(account.clone(), body(&User::new(tier, now)), Expect::Any);
            for _ in 0..2 {
                let issued = Issued::generate(&random);
                let key = Key::shared(Kind::ApiKey, issued.id().to_string());
                let stored = ApiKey::new(issued.tag(pepper), name.as_str(), now);
                batch.put(key.clone(), body(&stored), Expect::Any);
                batch.link(Edge::new(key, Link::Opens, account.clone(), now));
                keys.push(issued.reveal().to_string());
            }
        }
        batch.soon();
        store.commit(batch).await?;
        written += AT_ONCE;
    }
    Ok(keys)
}
