//! `GET /{collection}`: the newest first, straight out of the store; with a filter or another order, out of the newest
//! [`SCANNED`] ones, looked through one by one.

use std::sync::Arc;

use assay_model::record::Record;
use assay_model::{Error, Result};
use assay_store::{End, Position, Range};
use serde_json::Value;

use super::filter::{self, Filter};
use super::{Authored, Standing, Work};
use crate::objects::serve;
use crate::objects::sight::{self, Listing};
use crate::route::{Call, Reply};
use crate::{cursor, envelope};

/// How many objects a filter or an order looks through; `meta.looked_through` says so where there were more.
const SCANNED: usize = 20_000;
/// How many are read at a time.
const CHUNK: usize = 500;

/// `GET /{collection}`.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    let text = call.arguments.query("filter").unwrap_or_default();
    let filter = filter::parse(text, row.filters, call.app.now())?;
    let order = Order::of(row, call.arguments.query("order"))?;
    let name = format!("{}?{text}&{}", row.kind.collection(), call.arguments.query("order").unwrap_or_default());
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(serve::limit(&call.arguments)?, after);
    let object = row.object()?;
    let inline = serve::inline_names(object, &call.arguments)?;
    let viewer = call.viewer();
    let (records, next, total, cut) = if filter == Filter::All && order.is_newest_first() {
        let topic = row.topic();
        let page = sight::page(&viewer, Listing::Linked(&topic, row.listed, End::Head), &range, &|_| true).await?;
        (page.items, page.next, page.total, false)
    } else {
        sorted(&call, row, &filter, &order, &range).await?
    };
    let mut items = Vec::with_capacity(records.len());
    for record in &records {
        items.push(serve::full(&viewer, object, record, &call.arguments, &inline, false).await?);
    }
    let next = next.map(|position| cursor::write(&name, &position));
    let mut page = envelope::page(viewer.base, &call.arguments, items, next, total);
    if cut {
        page["meta"]["looked_through"] = SCANNED.into();
    }
    Ok(Reply::value(&page))
}

/// By what a list is ordered.
struct Order {
    attribute: &'static str,
    ascending: bool,
}

impl Order {
    /// `name`, `name+` or `name-`; a blank is what a plus in an address becomes.
    fn of(row: &Authored, text: Option<&str>) -> Result<Self> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self { attribute: "creation_date", ascending: false });
        };
        let name = text.trim_end_matches(['+', '-', ' ']);
        let found = row.orders.iter().find(|(known, _)| *known == name);
        let (_, attribute) = found.ok_or_else(|| {
            let known: Vec<_> = row.orders.iter().map(|(name, _)| *name).collect();
            Error::invalid_argument(format!("the order is one of {}, with + or - behind it", known.join(", ")))
        })?;
        // Names from A, everything else from the largest.
        let ascending =
            if text.ends_with(['+', ' ']) { true } else { !text.ends_with('-') && matches!(name, "name" | "owner") };
        Ok(Self { attribute, ascending })
    }

    fn is_newest_first(&self) -> bool {
        self.attribute == "creation_date" && !self.ascending
    }

    /// What an object is sorted by, as text that sorts as its value does.
    fn key(&self, work: &Work) -> String {
        sortable(match self.attribute {
            "owner" => return work.owner.clone(),
            "name" => work.attributes.get("name").or_else(|| work.attributes.get("graph_data")?.get("description")),
            other => work.attributes.get(other),
        })
    }
}

type Sorted = (Vec<Arc<Record>>, Option<Position>, Option<u64>, bool);

async fn sorted(call: &Call, row: &Authored, filter: &Filter, order: &Order, range: &Range) -> Result<Sorted> {
    let (store, topic) = (call.app.store(), row.topic());
    let caller = super::caller(call)?;
    let (mut found, mut looked, mut chunk) = (Vec::new(), 0, Range::first(CHUNK));
    let cut_off = loop {
        let page = store.linked(&topic, row.listed, End::Head, &chunk).await?;
        looked += page.items.len();
        let keys: Vec<_> = page.items.into_iter().map(|edge| edge.from).collect();
        for record in store.read_many(&keys).await?.into_iter().flatten() {
            let work: Work = record.parse()?;
            if Standing::towards(&call.paid, &work) >= Standing::Viewer && filter.fits(&record.key.id, &work, caller) {
                found.push((order.key(&work), record));
            }
        }
        match page.next {
            None => break false,
            Some(_) if looked >= SCANNED => break true,
            Some(next) => chunk = Range::after(CHUNK, Some(next)),
        }
    };
    let total = Some(found.len() as u64);
    let (records, next) = cut(found, order.ascending, range);
    Ok((records, next, total, cut_off))
}

/// An object that was found, behind what it is sorted by.
pub(super) type Ranked = (String, Arc<Record>);

/// A value as text that sorts as it does.
pub(super) fn sortable(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(number)) => format!("{:020}", number.as_i64().unwrap_or(0).max(0)),
        Some(Value::String(text)) => text.to_lowercase().chars().take(60).collect(),
        _ => String::new(),
    }
}

/// A page of what was found, in its order, and where the next one starts.
pub(super) fn cut(mut found: Vec<Ranked>, ascending: bool, range: &Range) -> (Vec<Arc<Record>>, Option<Position>) {
    let compare = |one: (&str, &str), other: (&str, &str)| {
        let by_key = one.0.cmp(other.0);
        let by_key = if ascending { by_key } else { by_key.reverse() };
        by_key.then_with(|| one.1.cmp(other.1))
    };
    found.sort_by(|one, other| compare((&one.0, &one.1.key.id), (&other.0, &other.1.key.id)));
    let start = match &range.after {
        Some(Position::Id(place)) => {
            let last = place.split_once('\u{1f}').unwrap_or((place, ""));
            found.partition_point(|(key, record)| !compare((key, &record.key.id), last).is_gt())
        }
        _ => 0,
    };
    let more = found.len() > start + range.limit;
    let page: Vec<_> = found.into_iter().skip(start).take(range.limit).collect();
    let next = page.last().filter(|_| more).map(|(key, record)| Position::Id(format!("{key}\u{1f}{}", record.key.id)));
    (page.into_iter().map(|(_, record)| record).collect(), next)
}

/// A list that has nothing on it.
pub(crate) fn nothing(call: &Call) -> Reply {
    Reply::value(&envelope::page(&call.base, &call.arguments, Vec::<Value>::new(), None, Some(0)))
}
