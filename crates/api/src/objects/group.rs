//! Groups. A member sees most of its group, an administrator all of it; to everybody else it does not exist.

use assay_model::access::ledger_of_group;
use assay_model::account::{Group, Tier};
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Link, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::user::membership;
use super::{Added, ObjectType, Relationship, Viewer, by_id};
use crate::accounts::figures::named_quotas;
use crate::accounts::rights::{Standpoint, read_group};
use crate::accounts::users::shown_privileges;

const TITLE: &str = "Group";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Group,
    title: TITLE,
    id: "Name of the group",
    relationships: &[
        Relationship::reverse("users", Link::Belongs, "The people in the group")
            .with_context(membership)
            .filtered_by(second_factor),
        Relationship::reverse("administrators", Link::Administers, "The people who administer it")
            .with_context(membership),
        Relationship::reverse("service_accounts", Link::Serves, "The service accounts of the group")
            .shown_as(Kind::ServiceAccount)
            .with_context(membership)
            .filtered_by(second_factor)
            .visible_to(governs),
        Relationship::reverse("graphs", Link::SharedGraph, "Graphs that are shared with the group, newest first"),
    ],
    locate: |viewer, id| {
        Box::pin(async move {
            read_group(viewer.app, viewer.paid, id).await?;
            by_id(viewer, Kind::Group, TITLE, id).await
        })
    },
    attributes,
    more: Some(|record, viewer, attributes| more(record, viewer, attributes)),
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<GroupAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// The attributes of a group, beside its profile: organisation, country, contacts and the like.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GroupAttributes {
    /// The tier that holds now.
    tier: String,
    creation_date: Timestamp,
    preferences: Map<String, Value>,
    #[serde(flatten)]
    profile: Map<String, Value>,
    #[serde(flatten)]
    governed: Option<Governed>,
    /// By privilege: granted, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    privileges: Option<Map<String, Value>>,
    /// By quota: what is allowed and what was used of the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Map<String, Value>>,
}

/// What is for administrators only.
#[derive(Debug, Serialize, JsonSchema)]
struct Governed {
    auto_add_users: Vec<String>,
    invitations: Vec<String>,
    allowed_networks: Vec<String>,
    quota_usage_by_user: Map<String, Value>,
}

/// `filter=2fa_enabled:true|false`: no account of this server has a second factor.
fn second_factor(filter: &str) -> Result<bool> {
    match filter.trim() {
        "" | "2fa_enabled:false" => Ok(true),
        "2fa_enabled:true" => Ok(false),
        _ => Err(Error::bad_request("filter is 2fa_enabled:true or 2fa_enabled:false")),
    }
}

fn governs(record: &Record, viewer: &Viewer<'_>) -> bool {
    Standpoint::towards_group(viewer.paid, &record.key.id).governs()
}

fn attributes(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let group: Group = record.parse()?;
    let governed = governs(record, viewer);
    let mut profile = group.profile.clone();
    if !governed {
        profile.shift_remove("contact_emails");
    }
    let attributes = GroupAttributes {
        tier: group.tier.at(viewer.app.now()).to_owned(),
        creation_date: group.creation_date,
        preferences: group.preferences.clone(),
        profile,
        governed: governed.then(|| Governed {
            auto_add_users: group.auto_add_users.clone(),
            invitations: group.invitations.iter().cloned().collect(),
            allowed_networks: group.allowed_networks.iter().map(ToString::to_string).collect(),
            quota_usage_by_user: Map::new(),
        }),
        privileges: None,
        quotas: None,
    };
    Ok(super::object_of(&attributes))
}

fn more<'a>(record: &'a Record, viewer: &'a Viewer<'a>, attributes: &'a mut Map<String, Value>) -> Added<'a> {
    Box::pin(async move {
        let (app, now) = (viewer.app, viewer.app.now());
        let group: Group = record.parse()?;
        let tier = app.store().read(&Key::shared(Kind::Tier, group.tier.at(now))).await?;
        let Some(tier) = tier.map(|record| record.parse::<Tier>()).transpose()? else { return Ok(()) };
        // An account without anything of its own shows what comes from the group.
        let member = assay_model::account::User::new("", now);
        let nothing = Tier { privileges: std::collections::BTreeSet::new(), ..tier.clone() };
        let holder =
            assay_model::access::Holder { user: &member, tier: &nothing, group: Some((&record.key.id, &group, &tier)) };
        let mut privileges = shown_privileges(holder.privileges(now));
        for shown in privileges.values_mut() {
            // What the group itself has is not inherited from it.
            if shown.get("inherited_from") == Some(&json!(&*record.key.id)) {
                let shown = shown.as_object_mut().expect("written as an object");
                shown.shift_remove("inherited_from");
                shown.shift_remove("inherited_via");
            }
        }
        attributes.insert("privileges".to_owned(), privileges.into());
        if let Some(limits) = holder.pool(now) {
            let quotas = named_quotas(app, &ledger_of_group(&record.key.id), &limits).await?;
            attributes.insert("quotas".to_owned(), quotas.into());
        }
        Ok(())
    })
}
