//! The three forms that three quarters of the API have: an object, its relationship as objects, its relationship as
//! descriptors.

use std::sync::Arc;

use assay_model::record::{Facet, Key, Record, Space};
use assay_model::{Error, Kind, Result};
use assay_store::{Page, Range};
use serde_json::{Map, Value, json};

use super::related::{self, Member, page};
use super::{ObjectType, Relationship, Viewer, of};
use crate::accounts::rights::forbidden;
use crate::route::{Arguments, Call, Reply};
use crate::{brokered, cursor, envelope};

/// Items of a page where the client does not say.
const LIMIT: usize = 10;
/// Items of a page at the most; larger limits are cut to it.
const LIMIT_MAX: usize = 40;
/// Items of a relationship that is shown inside its object.
const INLINE: usize = 20;

impl Call {
    /// Who looks.
    pub(crate) fn viewer(&self) -> Viewer<'_> {
        Viewer { app: &self.app, paid: &self.paid, base: &self.base }
    }

    fn object_type(&self) -> Result<&'static ObjectType> {
        self.route.object.ok_or_else(|| Error::new(assay_model::Code::Internal, "a route serves no type of object"))
    }
}

/// `GET /{collection}/{id}`.
pub(crate) async fn object(call: Call) -> Result<Reply> {
    let (object_type, viewer) = (call.object_type()?, call.viewer());
    let inline = inline_names(object_type, &call.arguments)?;
    let located = (object_type.locate)(&viewer, call.arguments.path("id")).await;
    if let Some(reply) = brokered::object(&call, object_type, &located).await? {
        return Ok(reply);
    }
    let record = located?;
    // A service account is shown as what it is under the path of users too.
    let object_type = if record.key.kind == Kind::User { super::view_of(&record) } else { object_type };
    whole(&call, object_type, &record, &inline).await
}

/// An object with everything around it, as text.
pub(crate) async fn whole(
    call: &Call,
    object_type: &ObjectType,
    record: &Arc<Record>,
    inline: &[&'static Relationship],
) -> Result<Reply> {
    let data = full(&call.viewer(), object_type, record, &call.arguments, inline, true).await?;
    let mut answer = json!({ "data": data });
    if let Some(meta) = object_type.meta {
        answer["meta"] = meta(record)?;
    }
    Ok(Reply::value(&answer))
}

/// `GET /{collection}/{id}/{relationship}`.
pub(crate) async fn related(call: Call) -> Result<Reply> {
    list(call, Form::Objects).await
}

/// `GET /{collection}/{id}/relationships/{relationship}`.
pub(crate) async fn descriptors(call: Call) -> Result<Reply> {
    list(call, Form::Descriptors).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Objects,
    Descriptors,
}

/// The records of members, where the form shows them or something is said out of them.
async fn records(
    viewer: &Viewer<'_>,
    relationship: &Relationship,
    members: &[Member],
    form: Form,
) -> Result<Vec<Option<Arc<Record>>>> {
    if form == Form::Descriptors && !related::says_more(relationship, members) {
        return Ok(vec![None; members.len()]);
    }
    let keys: Vec<_> = members.iter().map(|member| member.key.clone()).collect();
    super::records(viewer, &keys).await
}

async fn list(call: Call, form: Form) -> Result<Reply> {
    let (object_type, viewer) = (call.object_type()?, call.viewer());
    let relationship =
        call.route.relationship.ok_or_else(|| Error::new(assay_model::Code::Internal, "a route lists nothing"))?;
    let bare = call.arguments.query("descriptors_only") == Some("true");
    let form = if bare { Form::Descriptors } else { form };
    let located = (object_type.locate)(&viewer, call.arguments.path("id")).await;
    if let Some(reply) =
        brokered::related(&call, object_type, relationship, form == Form::Descriptors, &located).await?
    {
        return Ok(reply);
    }
    let record = located?;
    if relationship.visible.is_some_and(|visible| !visible(&record, &viewer)) {
        return Err(forbidden(
            "this relationship is for the account itself, administrators of its group, and the operator",
        ));
    }
    // One name for both forms: a cursor of one works on the other.
    let name = format!("{}/{}", record.key, relationship.name);
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(limit(&call.arguments)?, after);
    let filter =
        relationship.filter.zip(call.arguments.query("filter")).map(|(passes, text)| passes(text)).transpose()?;
    let page = match filter {
        Some(false) => Page { items: Vec::new(), next: None, total: Some(0) },
        _ => page(&viewer, relationship, &record, &range).await?,
    };
    // Where the objects are of several types, what one of them lacks is passed over.
    let inline = match relationship.returns.parse::<Kind>().ok().and_then(of) {
        Some(returned) => inline_names(returned, &call.arguments)?,
        None => Vec::new(),
    };
    let mut items = Vec::with_capacity(page.items.len());
    let records = records(&viewer, relationship, &page.items, form).await?;
    for (member, record) in page.items.iter().zip(records) {
        let context = related::context(relationship, member, record.as_deref())?;
        let mut item = match form {
            Form::Objects => object_of(&viewer, relationship, &member.key, record, &call.arguments, &inline).await?,
            Form::Descriptors => descriptor(&viewer, relationship, &member.key),
        };
        if let Some(context) = context {
            item["context_attributes"] = context;
        }
        items.push(item);
    }
    let cursor = page.next.map(|position| cursor::write(&name, &position));
    let count = page.total;
    if relationship.many {
        return Ok(Reply::value(&envelope::page(viewer.base, &call.arguments, items, cursor, count)));
    }
    let one = items.pop().unwrap_or(Value::Null);
    let present = u64::from(!one.is_null());
    Ok(Reply::value(&envelope::page(viewer.base, &call.arguments, one, None, Some(present))))
}

/// `GET /{collection}`: every object of a stored kind, by id.
pub(crate) async fn every(call: Call, kind: Kind) -> Result<Reply> {
    let (limit, name) = (limit(&call.arguments)?, kind.collection());
    let after = call.arguments.query("cursor").map(|text| cursor::read(name, text)).transpose()?;
    let page = call.app.store().list(&Space::Shared, kind, &Range::after(limit, after)).await?;
    of_keys(&call, name, page).await
}

/// Every object of a kind that has a facet, by id.
pub(crate) async fn found(call: Call, kind: Kind, facet: Facet) -> Result<Reply> {
    let name = format!("{}?{}={}", kind.collection(), facet.name.stored(), facet.value);
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(limit(&call.arguments)?, after);
    let page = call.app.store().find(&Space::Shared, kind, &facet, &range).await?;
    of_keys(&call, &name, page).await
}

async fn of_keys(call: &Call, name: &str, page: Page<Key>) -> Result<Reply> {
    let viewer = call.viewer();
    let mut items = Vec::with_capacity(page.items.len());
    for record in call.app.store().read_many(&page.items).await?.into_iter().flatten() {
        items.push(full(&viewer, super::view_of(&record), &record, &call.arguments, &[], false).await?);
    }
    let cursor = page.next.map(|position| cursor::write(name, &position));
    Ok(Reply::value(&envelope::page(viewer.base, &call.arguments, items, cursor, page.total)))
}

/// As what the objects of a relationship are shown.
fn shown_kind(relationship: &Relationship, key: &Key) -> Kind {
    relationship.returns.parse().unwrap_or(key.kind)
}

fn descriptor(viewer: &Viewer<'_>, relationship: &Relationship, key: &Key) -> Value {
    envelope::descriptor(viewer.base, shown_kind(relationship, key), &key.id).into()
}

/// An object inside a list; one that is not known is said to be so in its place.
async fn object_of(
    viewer: &Viewer<'_>,
    relationship: &Relationship,
    key: &Key,
    record: Option<Arc<Record>>,
    arguments: &Arguments,
    inline: &[&'static Relationship],
) -> Result<Value> {
    if let (Some(record), Some(object_type)) = (record, of(shown_kind(relationship, key))) {
        return full(viewer, object_type, &record, arguments, inline, false).await;
    }
    let message = format!("{} with id \"{}\" not found", key.kind, key.id);
    Ok(json!({ "type": key.kind.wire(), "id": &*key.id,
               "error": { "code": assay_model::Code::NotFound.wire(), "message": message } }))
}

/// An object with its attributes and the relationships that were asked for.
pub(crate) async fn full(
    viewer: &Viewer<'_>,
    object_type: &ObjectType,
    record: &Record,
    arguments: &Arguments,
    inline: &[&'static Relationship],
    alone: bool,
) -> Result<Value> {
    let mut attributes = (object_type.attributes)(record, viewer)?;
    if let Some(more) = object_type.more.filter(|_| alone || object_type.more_in_lists) {
        more(record, viewer, &mut attributes).await?;
    }
    let wanted = arguments.list("attributes");
    if !wanted.is_empty() {
        attributes.retain(|name, _| wanted.contains(&name.as_str()));
    }
    for unwanted in arguments.list("exclude_attributes") {
        attributes.remove(unwanted);
    }
    let mut object = envelope::descriptor(viewer.base, object_type.kind, &record.key.id);
    if let (Some(own), Some(Value::Object(links))) = (object_type.links, object.get_mut("links")) {
        links.extend(own(record, viewer)?);
    }
    object.insert("attributes".to_owned(), attributes.into());
    if !inline.is_empty() {
        let mut relationships = Map::new();
        for relationship in inline {
            let value = inlined(viewer, record, relationship, arguments).await?;
            relationships.insert(relationship.name.to_owned(), value);
        }
        object.insert("relationships".to_owned(), relationships.into());
    }
    Ok(object.into())
}

/// A relationship inside its object: always with `data`, empty where the caller may not see it.
async fn inlined(
    viewer: &Viewer<'_>,
    record: &Record,
    relationship: &Relationship,
    arguments: &Arguments,
) -> Result<Value> {
    let visible = relationship.needs.is_none_or(|privilege| viewer.paid.has(privilege))
        && relationship.visible.is_none_or(|visible| visible(record, viewer));
    let page = if visible {
        page(viewer, relationship, record, &Range::first(INLINE)).await?
    } else {
        Page { items: Vec::new(), next: None, total: None }
    };
    let own = envelope::link(viewer.base, record.key.kind, &record.key.id);
    let name = relationship.name;
    // `relationship_attributes=a,b` is for all relationships, `relationship_attributes[name]=a,b` for one.
    let own_wish = format!("relationship_attributes[{name}]");
    let mut wanted = arguments.list("relationship_attributes");
    wanted.extend(arguments.list(&own_wish));
    let form = if wanted.is_empty() { Form::Descriptors } else { Form::Objects };
    let records = records(viewer, relationship, &page.items, form).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for (member, record) in page.items.iter().zip(records) {
        let mut item = descriptor(viewer, relationship, &member.key);
        let shown = record.as_deref().zip(of(shown_kind(relationship, &member.key))).filter(|_| !wanted.is_empty());
        if let Some((record, object_type)) = shown {
            let mut attributes = (object_type.attributes)(record, viewer)?;
            attributes.retain(|name, _| wanted.contains(&name.as_str()));
            item["attributes"] = attributes.into();
        }
        if let Some(context) = related::context(relationship, member, record.as_deref())? {
            item["context_attributes"] = context;
        }
        items.push(item);
    }
    if !relationship.many {
        let data = items.pop().unwrap_or(Value::Null);
        let links = json!({ "self": format!("{own}/relationships/{name}"), "related": format!("{own}/{name}") });
        return Ok(json!({ "data": data, "links": links }));
    }
    let address = format!("{own}/relationships/{name}?limit={INLINE}");
    let mut value = json!({ "data": items,
                            "links": { "self": address, "related": format!("{own}/{name}") } });
    if let Some(position) = page.next {
        let cursor = cursor::write(&format!("{}/{name}", record.key), &position);
        value["links"]["next"] = format!("{address}&cursor={cursor}").into();
        value["meta"] = json!({ "cursor": cursor });
    }
    Ok(value)
}

/// Whether anything is known here of a relationship.
pub(crate) async fn has_any(viewer: &Viewer<'_>, relationship: &Relationship, record: &Record) -> Result<bool> {
    Ok(!page(viewer, relationship, record, &Range::first(1)).await?.items.is_empty())
}

/// The relationships that `relationships=` names.
pub(crate) fn inline_names(object_type: &ObjectType, arguments: &Arguments) -> Result<Vec<&'static Relationship>> {
    let find = |name: &str| {
        let found = object_type.relationships.iter().find(|relationship| relationship.name == name);
        found.ok_or_else(|| Error::invalid_argument(format!("{} has no relationship \"{name}\"", object_type.title)))
    };
    arguments.list("relationships").into_iter().map(find).collect()
}

/// Those of them that a type has: for lists of objects of several types.
pub(crate) fn inline_known(object_type: &ObjectType, arguments: &Arguments) -> Vec<&'static Relationship> {
    let wanted = arguments.list("relationships");
    object_type.relationships.iter().filter(|relationship| wanted.contains(&relationship.name)).collect()
}

/// How many items a page shall have.
pub(crate) fn limit(arguments: &Arguments) -> Result<usize> {
    let Some(text) = arguments.query("limit") else { return Ok(LIMIT) };
    match text.parse::<usize>() {
        Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
        _ => Err(Error::invalid_argument(format!("limit must be a whole number from 1 to {LIMIT_MAX}"))),
    }
}
