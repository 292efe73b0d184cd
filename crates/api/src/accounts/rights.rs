//! Who may see and change what. An account's public attributes are for everybody; the rest is for the account itself, the
//! administrators of its group, and the staff. What a caller may not know to exist is a plain 404.

use std::sync::Arc;

use assay_model::account::{Group, User};
use assay_model::privilege::Privilege;
use assay_model::record::{Facet, FacetName, Key, Record, Space};
use assay_model::{Code, Error, Kind, Result};
use assay_store::Range;

use crate::app::App;
use crate::gate::Paid;
use crate::identity::{self, Account, Identity};

/// What a caller is to an account or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standpoint {
    /// Anybody else.
    Stranger,
    /// Of the same group.
    Member,
    /// The account itself.
    Own,
    /// An administrator of its group.
    Administrator,
    /// May do anything with anything.
    Staff,
}

impl Standpoint {
    /// Of a caller towards an account.
    pub(crate) fn towards_account(paid: &Paid, name: &str, user: &User) -> Self {
        let Some(identity) = paid.identity() else { return Self::Stranger };
        let same_group = user.group.as_deref().filter(|group| identity.user.group.as_deref() == Some(group));
        if identity.is_staff() {
            Self::Staff
        } else if same_group.is_some_and(|group| identity.user.administers(group)) {
            Self::Administrator
        } else if *identity.account == *name {
            Self::Own
        } else if same_group.is_some() {
            Self::Member
        } else {
            Self::Stranger
        }
    }

    /// Of a caller towards a group.
    pub(crate) fn towards_group(paid: &Paid, name: &str) -> Self {
        let Some(identity) = paid.identity() else { return Self::Stranger };
        if identity.is_staff() {
            Self::Staff
        } else if identity.user.administers(name) {
            Self::Administrator
        } else if identity.user.group.as_deref() == Some(name) {
            Self::Member
        } else {
            Self::Stranger
        }
    }

    /// Whether it sees more of an account than anybody does.
    pub(crate) fn sees_all(self) -> bool {
        self >= Self::Own
    }

    /// Whether it may change what belongs to a group or its accounts.
    pub(crate) fn governs(self) -> bool {
        self >= Self::Administrator
    }
}

/// 403 in VirusTotal's words, and why.
pub(crate) fn forbidden(why: &str) -> Error {
    Error::new(Code::Forbidden, format!("You are not authorized to perform the requested operation: {why}"))
}

/// Refuses everybody but the staff.
pub(crate) fn staff(paid: &Paid) -> Result<&Arc<Identity>> {
    let identity = paid.account()?;
    if !identity.is_staff() {
        return Err(forbidden("it is for the operator of this server (privilege \"admin\")"));
    }
    unrestricted(paid)
}

/// Refuses a key that was made for less than its account may do: it must not make itself more.
pub(crate) fn unrestricted(paid: &Paid) -> Result<&Arc<Identity>> {
    let identity = paid.account()?;
    if identity.restricted {
        return Err(forbidden("this key is restricted to some of its account's privileges and manages nothing"));
    }
    Ok(identity)
}

fn looks_like_a_key(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The record of the account that an id names: its name, its e-mail address, or the caller's own key. A service account
/// exists for itself, the administrators of its group, and the staff.
pub(crate) async fn find_account(app: &App, paid: &Paid, title: &str, id: &str) -> Result<Arc<Record>> {
    let not_found = || Error::not_found(title, &shown(id));
    let store = app.store();
    let name: Arc<str> = if looks_like_a_key(id) {
        let found = identity::identify(app, &id.to_lowercase()).await.map_err(|error| hidden(error, not_found))?;
        // Whoever presents a key that is not the caller's, or of the caller's group, learns nothing about it.
        let standpoint = Standpoint::towards_account(paid, &found.account, &found.user);
        if !standpoint.sees_all() {
            return Err(not_found());
        }
        found.account.clone()
    } else if id.contains('@') {
        let facet = Facet::new(FacetName::Email, id.to_lowercase());
        let found = store.find(&Space::Shared, Kind::User, &facet, &Range::first(1)).await?;
        found.items.first().map(|key| key.id.clone()).ok_or_else(not_found)?
    } else {
        id.into()
    };
    let record = store.read(&Key::shared(Kind::User, name)).await?.ok_or_else(not_found)?;
    let user: User = record.parse()?;
    if user.service && !Standpoint::towards_account(paid, &record.key.id, &user).sees_all() {
        return Err(not_found());
    }
    Ok(record)
}

/// A refusal that would tell of what is not to be known, as the 404 that stands for it; an outage stays an outage.
pub(crate) fn hidden(error: Error, not_found: impl FnOnce() -> Error) -> Error {
    if error.code.status() < 500 { not_found() } else { error }
}

/// An id as it may be answered: never a key.
pub(crate) fn shown(id: &str) -> String {
    if looks_like_a_key(id) { "that key".to_owned() } else { id.chars().take(128).collect() }
}

/// Whether the caller may be this account: it is the account, or the staff, or an administrator of the group that a
/// service account belongs to.
pub(crate) fn acts_as(paid: &Paid, account: &str, user: &User) -> bool {
    let own = paid.identity().is_some_and(|identity| *identity.account == *account);
    match Standpoint::towards_account(paid, account, user) {
        Standpoint::Staff => true,
        Standpoint::Administrator => own || user.service,
        _ => own,
    }
}

/// Refuses to hand an account's key to somebody who could do with it what is not theirs to do.
pub(crate) async fn may_hold_key(app: &App, paid: &Paid, account: &str, user: &User) -> Result<()> {
    if !acts_as(paid, account, user) {
        return Err(forbidden(
            "a person's key is made by that person or the operator; administrators of a group make those of its service \
             accounts, and revoke any",
        ));
    }
    if *paid.account()?.account == *account { Ok(()) } else { spare_the_staff(app, paid, account).await }
}

/// Refuses everybody but the staff to do something with an account of the staff.
pub(crate) async fn spare_the_staff(app: &App, paid: &Paid, account: &str) -> Result<()> {
    if paid.account()?.is_staff() {
        return Ok(());
    }
    let known = Account::read(app, account).await?;
    if known.is_some_and(|known| known.holder().privileges(app.now()).contains_key(&Privilege::Admin)) {
        return Err(forbidden("the account is an operator's"));
    }
    Ok(())
}

/// An account with its version.
pub(crate) async fn read_user(app: &App, name: &str) -> Result<(User, u64)> {
    let record = app.store().read(&Key::shared(Kind::User, name)).await?;
    let record = record.ok_or_else(|| Error::not_found("User", &shown(name)))?;
    Ok((record.parse()?, record.version))
}

/// A group with its version, for whoever may know that it exists.
pub(crate) async fn read_group(app: &App, paid: &Paid, name: &str) -> Result<(Group, u64, Standpoint)> {
    let standpoint = Standpoint::towards_group(paid, name);
    let not_found = || Error::not_found("Group", &shown(name));
    if standpoint == Standpoint::Stranger {
        return Err(not_found());
    }
    let record = app.store().read(&Key::shared(Kind::Group, name)).await?.ok_or_else(not_found)?;
    Ok((record.parse()?, record.version, standpoint))
}

/// The same, for whoever may change it.
pub(crate) async fn governed_group(app: &App, paid: &Paid, name: &str) -> Result<(Group, u64, Standpoint)> {
    let found = read_group(app, paid, name).await?;
    if !found.2.governs() {
        return Err(forbidden("it is for administrators of the group"));
    }
    unrestricted(paid)?;
    Ok(found)
}
