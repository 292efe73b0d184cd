//! Users and service accounts. `{id}` may be the name, the e-mail address, or the caller's own key, which is never
//! echoed. Both are stored as accounts; a service account is shown as what it is, also under `/users/`.

use std::sync::Arc;

use assay_model::account::{AccountStatus, User};
use assay_model::record::{Class, Key, Record};
use assay_model::{Error, Kind, Link, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Added, ObjectType, Relationship, Source, Viewer};
use crate::accounts::figures::named_quotas;
use crate::accounts::rights::{Standpoint, acts_as, find_account, shown};
use crate::accounts::users::shown_privileges;
use crate::identity::Account;

const SERVICE_TITLE: &str = "Service account";

const RELATIONSHIPS: &[Relationship] = &[
    Relationship::unobserved("groups", "group", "The groups of the account")
        .from(Source::Computed(own_group))
        .visible_to(is_own),
    Relationship::unobserved("api_quota_group", "group", "The group that pays for API requests")
        .one()
        .from(Source::Computed(own_group))
        .visible_to(sees_all),
    Relationship::unobserved("intelligence_quota_group", "group", "The group that pays for Intelligence")
        .one()
        .from(Source::Computed(own_group))
        .visible_to(sees_all),
    Relationship::unobserved("monitor_quota_group", "group", "The group that pays for Monitor")
        .one()
        .from(Source::Computed(own_group))
        .visible_to(sees_all),
    Relationship::reverse("comments", Link::Wrote, "What the account wrote, newest first"),
    Relationship::reverse("mentions", Link::Mentions, "Comments that mention the account, newest first"),
    Relationship::reverse("graphs", Link::OwnedGraph, "Graphs of the account, newest first"),
    Relationship::reverse("votes", Link::Cast, "Votes of the account, newest first"),
    Relationship::reverse("collections", Link::OwnedCollection, "Collections of the account, newest first"),
    Relationship::unobserved("hunting_rulesets", "hunting_ruleset", "Livehunt rulesets of the account")
        .visible_to(is_own),
    Relationship::unobserved("hunting_notifications", "hunting_notification", "What they matched").visible_to(is_own),
    Relationship::unobserved("hunting_notification_files", "file", "The files that they matched").visible_to(is_own),
    Relationship::unobserved("retrohunt_jobs", "retrohunt_job", "Retrohunt jobs of the account").visible_to(is_own),
    Relationship::reverse("api_keys", Link::Opens, "The keys of the account, newest first").visible_to(sees_all),
    Relationship::reverse("requests", Link::Asked, "What the account asked for, newest first").visible_to(sees_all),
];

/// Accounts of people.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::User,
    title: "User",
    id: "Name or e-mail address of the account, or the caller's own key",
    relationships: RELATIONSHIPS,
    locate: |viewer, id| Box::pin(find_account(viewer.app, viewer.paid, "User", id)),
    attributes,
    more: Some(|record, viewer, attributes| quotas(record, viewer, attributes)),
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<UserAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// Accounts of services: for administrators of their group, and for themselves.
pub const SERVICE: ObjectType = ObjectType {
    kind: Kind::ServiceAccount,
    title: SERVICE_TITLE,
    id: "GROUP_NAME or the e-mail-like name of the service account",
    locate: |viewer, id| Box::pin(locate_service(viewer, id)),
    ..TYPE
};

/// The attributes of a user. Names, status and reputation are for everybody, the rest for the account itself, the
/// administrators of its group, and the staff.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserAttributes {
    first_name: String,
    last_name: String,
    profile_phrase: String,
    reputation: i64,
    status: AccountStatus,
    user_since: Timestamp,
    #[serde(flatten)]
    own: Option<OwnAttributes>,
}

/// What of an account is not for everybody.
#[derive(Debug, Serialize, JsonSchema)]
struct OwnAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(flatten)]
    private: Option<PrivateAttributes>,
    /// The tier that holds now.
    tier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier_until: Option<Timestamp>,
    class: Class,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_networks: Vec<String>,
    /// By privilege: granted, until when, and where it comes from. Only in the object itself, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    privileges: Option<Map<String, Value>>,
    /// By quota: what is allowed and what was used. Only in the object itself, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Map<String, Value>>,
}

/// What of an account is for itself and the staff, for a service account for its administrators too.
#[derive(Debug, Serialize, JsonSchema)]
struct PrivateAttributes {
    has_2fa: bool,
    preferences: Map<String, Value>,
}

fn own_group(record: &Record) -> Result<Option<Key>> {
    let user: User = record.parse()?;
    Ok(user.group.map(|group| Key::shared(Kind::Group, group)))
}

/// Whether a record is a service account's.
pub(crate) fn is_service(record: &Record) -> bool {
    record.parse::<User>().is_ok_and(|user| user.service)
}

async fn locate_service(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let record = find_account(viewer.app, viewer.paid, SERVICE_TITLE, id).await?;
    if is_service(&record) { Ok(record) } else { Err(Error::not_found(SERVICE_TITLE, &shown(id))) }
}

/// Whether the caller is this account, or may be.
fn is_own(record: &Record, viewer: &Viewer<'_>) -> bool {
    record.parse::<User>().is_ok_and(|user| acts_as(viewer.paid, &record.key.id, &user))
}

/// Whether the caller sees more of this account than anybody does.
fn sees_all(record: &Record, viewer: &Viewer<'_>) -> bool {
    let Ok(user) = record.parse::<User>() else { return false };
    Standpoint::towards_account(viewer.paid, &record.key.id, &user).sees_all()
}

fn attributes(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let user: User = record.parse()?;
    let now = viewer.app.now();
    let all = Standpoint::towards_account(viewer.paid, &record.key.id, &user).sees_all();
    let own = all.then(|| OwnAttributes {
        private: is_own(record, viewer)
            .then(|| PrivateAttributes { has_2fa: false, preferences: user.preferences.clone() }),
        tier: user.tier.at(now).to_owned(),
        tier_until: user.tier.until.filter(|until| *until > now),
        class: user.class.unwrap_or(Class::Normal),
        allowed_networks: user.allowed_networks.iter().map(ToString::to_string).collect(),
        email: user.email.clone(),
        privileges: None,
        quotas: None,
    });
    let attributes = UserAttributes {
        first_name: user.first_name,
        last_name: user.last_name,
        profile_phrase: user.profile_phrase,
        reputation: 0,
        status: user.status,
        user_since: user.user_since,
        own,
    };
    Ok(super::object_of(&attributes))
}

/// Privileges, quotas and the class: they depend on the account's group and tiers.
fn quotas<'a>(record: &'a Record, viewer: &'a Viewer<'a>, attributes: &'a mut Map<String, Value>) -> Added<'a> {
    Box::pin(async move {
        if !sees_all(record, viewer) {
            return Ok(());
        }
        let (app, now) = (viewer.app, viewer.app.now());
        let Some(account) = Account::read(app, &record.key.id).await? else { return Ok(()) };
        let holder = account.holder();
        let quotas = named_quotas(app, &record.key.id, &holder.own_limits(now)).await?;
        attributes.insert("privileges".to_owned(), shown_privileges(holder.privileges(now)).into());
        attributes.insert("quotas".to_owned(), quotas.into());
        attributes.insert("class".to_owned(), crate::accounts::users::class_word(holder.class()).into());
        Ok(())
    })
}

/// What a group's list says about a member.
pub(crate) fn membership(record: &Record) -> Result<Value> {
    let user: User = record.parse()?;
    let group = user.group.clone().unwrap_or_default();
    let role = if user.administers(&group) { "admin" } else { "user" };
    let limits: Map<String, Value> =
        user.caps.iter().map(|(quota, cap)| (quota.wire().to_owned(), json!({ "allowed": cap }))).collect();
    Ok(json!({ "role": role, "roles": user.roles, "quota_limits": limits }))
}
