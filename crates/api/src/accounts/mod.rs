//! Accounts and keys: what an operator does with them, whether from the command line or (later) over HTTP. In goes a
//! store, out come records; a new key's text is handed over once and kept nowhere.

use std::collections::BTreeSet;

use assay_model::account::{AccountStatus, ApiKey, Tier, User, check_name};
use assay_model::apikey::{Issued, Pepper};
use assay_model::privilege::Privilege;
use assay_model::quota::Limits;
use assay_model::random::Random;
use assay_model::record::{Class, Edge, Key, Space, body};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, End, Expect, Page, Range, Store, StoreError};

/// The account that a fresh installation has, with every privilege and no limit.
pub const OPERATOR: &str = "operator";
/// How many live keys an account may have.
pub const LIVE_KEYS: usize = 5;

/// The tier of that name as it ships; the operator's configuration says premium's limits.
fn shipped(premium: Limits) -> [(&'static str, Tier); 3] {
    let all: BTreeSet<_> = Privilege::ALL.iter().copied().collect();
    let internal = [Privilege::Admin, Privilege::Staff, Privilege::SalesStaff, Privilege::Dogfooder];
    let paid = all.iter().copied().filter(|privilege| !internal.contains(privilege)).collect();
    [
        ("public", Tier { privileges: BTreeSet::new(), limits: Limits::PUBLIC, class: Class::Bulk }),
        ("premium", Tier { privileges: paid, limits: premium, class: Class::Normal }),
        ("operator", Tier { privileges: all, limits: Limits::NONE, class: Class::Interactive }),
    ]
}

/// Writes the shipped tiers where they differ from what is stored.
pub async fn write_tiers(store: &dyn Store, premium: Limits) -> Result<()> {
    for (name, tier) in shipped(premium) {
        let key = Key::shared(Kind::Tier, name);
        let wanted = body(&tier);
        if store.read(&key).await?.is_none_or(|record| record.body != wanted) {
            let mut batch = Batch::new();
            batch.put(key, wanted, Expect::Any);
            store.commit(batch).await?;
        }
    }
    Ok(())
}

/// Whether the installation has its operator.
pub async fn is_initialised(store: &dyn Store) -> Result<bool> {
    Ok(store.read(&Key::shared(Kind::User, OPERATOR)).await?.is_some())
}

/// Makes an account.
pub async fn create_user(store: &dyn Store, name: &str, tier: &str, now: Timestamp) -> Result<User> {
    check_name(name)?;
    check_tier(store, tier).await?;
    let user = User {
        tier: tier.to_owned(),
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        status: AccountStatus::Active,
        user_since: now,
    };
    let mut batch = Batch::new();
    batch.put(Key::shared(Kind::User, name), body(&user), Expect::Absent);
    match store.commit(batch).await {
        Ok(_) => Ok(user),
        Err(StoreError::Conflict) => {
            Err(Error::new(Code::AlreadyExists, format!("the account \"{name}\" exists already")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Moves an account to another tier; holds on the next request with the same key.
pub async fn move_to_tier(store: &dyn Store, name: &str, tier: &str) -> Result<User> {
    check_tier(store, tier).await?;
    let (mut user, version) = read_user(store, name).await?;
    tier.clone_into(&mut user.tier);
    let mut batch = Batch::new();
    batch.put(Key::shared(Kind::User, name), body(&user), Expect::Version(version));
    store.commit(batch).await?;
    Ok(user)
}

/// The accounts, by name, in pages.
pub async fn users(store: &dyn Store, range: &Range) -> Result<Page<(String, User)>> {
    let page = store.list(&Space::Shared, Kind::User, range).await?;
    let records = store.read_many(&page.items).await?;
    let parse = |record: std::sync::Arc<assay_model::record::Record>| Ok((record.key.id.to_string(), record.parse()?));
    let items = records.into_iter().flatten().map(parse).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next: page.next, total: page.total })
}

/// Makes a key for an account. The text is in what is answered and nowhere else.
pub async fn create_key(
    store: &dyn Store,
    account: &str,
    pepper: &Pepper,
    random: &dyn Random,
    now: Timestamp,
) -> Result<Issued> {
    read_user(store, account).await?;
    let live = keys(store, account).await?.iter().filter(|(_, key)| key.revocation_date.is_none()).count();
    if live >= LIVE_KEYS {
        return Err(Error::new(
            Code::AlreadyExists,
            format!(
                "the account has {LIVE_KEYS} live keys already; revoke one first (assay key list, assay key revoke)"
            ),
        ));
    }
    let issued = Issued::generate(random);
    let key = Key::shared(Kind::ApiKey, issued.id().to_string());
    let api_key =
        ApiKey { tag: issued.tag(pepper), account: account.to_owned(), creation_date: now, revocation_date: None };
    let mut batch = Batch::new();
    batch.put(key.clone(), body(&api_key), Expect::Absent);
    batch.link(Edge { from: key, link: Link::Opens, to: Key::shared(Kind::User, account), at: now });
    store.commit(batch).await?;
    Ok(issued)
}

/// The keys of an account, newest first, with their ids.
pub async fn keys(store: &dyn Store, account: &str) -> Result<Vec<(String, ApiKey)>> {
    let mut keys = Vec::new();
    let mut range = Range::first(100);
    loop {
        let page = store.linked(&Key::shared(Kind::User, account), Link::Opens, End::Head, &range).await?;
        let names: Vec<_> = page.items.into_iter().map(|edge| edge.from).collect();
        for record in store.read_many(&names).await?.into_iter().flatten() {
            keys.push((record.key.id.to_string(), record.parse()?));
        }
        match page.next {
            Some(next) => range = Range::after(100, Some(next)),
            None => return Ok(keys),
        }
    }
}

/// Revokes a key; it is refused from the next request on.
pub async fn revoke_key(store: &dyn Store, id: &str, now: Timestamp) -> Result<ApiKey> {
    let key = Key::shared(Kind::ApiKey, id);
    let record = store.read(&key).await?.ok_or_else(|| Error::not_found("Key", id))?;
    let mut api_key: ApiKey = record.parse()?;
    api_key.revocation_date.get_or_insert(now);
    let mut batch = Batch::new();
    batch.put(key, body(&api_key), Expect::Version(record.version));
    store.commit(batch).await?;
    Ok(api_key)
}

async fn read_user(store: &dyn Store, name: &str) -> Result<(User, u64)> {
    let record = store.read(&Key::shared(Kind::User, name)).await?;
    let record = record.ok_or_else(|| Error::not_found("User", name))?;
    Ok((record.parse()?, record.version))
}

async fn check_tier(store: &dyn Store, tier: &str) -> Result<()> {
    let key = Key::shared(Kind::Tier, tier);
    store.read(&key).await?.map(drop).ok_or_else(|| Error::not_found("Tier", tier))
}
