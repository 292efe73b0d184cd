//! A commit: one transaction, in three goes. First the records and jobs that it touches are locked, in the order of their
//! keys, and looked at; then everything is written; last the other nodes are told, and it ends.
//!
//! A record that is not there cannot be locked. If somebody else makes it in between, that shows when it is written.

use std::collections::{BTreeMap, BTreeSet};

use assay_model::Link;
use assay_model::record::Key;
use async_trait::async_trait;

use super::fault::Fault;
use super::jobs;
use super::listen::{NOTIFY, Notices};
use super::pool::{Done, NUMBER, Work};
use super::session::{Session, Steps, value};
use super::text::{facet, kept};
use crate::batch::Put;
use crate::{Batch, Claimed, Expect, Result, StoreError};

/// Every statement of this file.
pub(super) const ALL: &[&str] =
    &[LOCK, INSERT, UPSERT, UPDATE, DELETE, DELETE_FACETS, DELETE_TAILS, DELETE_HEADS, UNLINK, LINK, CLEAR, FACET];

const LOCK: &str = "
    SELECT k.nth, r.version
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (space, kind, id, nth)
    JOIN records r ON r.space = k.space AND r.kind = k.kind AND r.id = k.id
    ORDER BY r.space, r.kind, r.id FOR UPDATE OF r";
const INSERT: &str = "
    INSERT INTO records (space, kind, id, version, body)
    SELECT k.space, k.kind, k.id, 1, k.body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS k (space, kind, id, body)
    ON CONFLICT DO NOTHING RETURNING version";
const UPSERT: &str = "
    INSERT INTO records (space, kind, id, version, body)
    SELECT k.space, k.kind, k.id, 1, k.body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS k (space, kind, id, body)
    ON CONFLICT (space, kind, id) DO UPDATE SET version = records.version + 1, body = excluded.body
    RETURNING version";
const UPDATE: &str = "
    UPDATE records r SET version = r.version + 1, body = k.body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS k (space, kind, id, body)
    WHERE r.space = k.space AND r.kind = k.kind AND r.id = k.id";
const DELETE: &str = "
    DELETE FROM records r USING unnest($1::text[], $2::text[], $3::text[]) AS k (space, kind, id)
    WHERE r.space = k.space AND r.kind = k.kind AND r.id = k.id";
const DELETE_FACETS: &str = "
    DELETE FROM facets f USING unnest($1::text[], $2::text[], $3::text[]) AS k (space, kind, id)
    WHERE f.space = k.space AND f.kind = k.kind AND f.id = k.id";
const DELETE_TAILS: &str = "
    DELETE FROM edges e USING unnest($1::text[], $2::text[], $3::text[]) AS k (space, link, id)
    WHERE e.space = k.space AND e.link = k.link AND e.from_id = k.id";
const DELETE_HEADS: &str = "
    DELETE FROM edges e USING unnest($1::text[], $2::text[], $3::text[]) AS k (space, link, id)
    WHERE e.space = k.space AND e.link = k.link AND e.to_id = k.id";
const UNLINK: &str = "
    DELETE FROM edges e USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS k (space, link, from_id, to_id)
    WHERE e.space = k.space AND e.link = k.link AND e.from_id = k.from_id AND e.to_id = k.to_id";
const LINK: &str = "
    INSERT INTO edges (space, link, from_id, to_id, at, context)
    SELECT k.space, k.link, k.from_id, k.to_id, k.at, k.context
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
        WITH ORDINALITY AS k (space, link, from_id, to_id, at, context, nth)
    ORDER BY k.nth ON CONFLICT DO NOTHING";
const CLEAR: &str = "
    DELETE FROM facets f USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS k (space, kind, id, name)
    WHERE f.space = k.space AND f.kind = k.kind AND f.id = k.id AND f.name = k.name";
const FACET: &str = "
    INSERT INTO facets (space, kind, name, value, id)
    SELECT k.space, k.kind, k.name, k.value, k.id
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS k (space, kind, name, value, id)
    ORDER BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING";

/// A batch to write.
pub(super) struct Commit<'a> {
    pub(super) batch: &'a Batch,
    pub(super) notices: &'a Notices,
}

/// What of a batch becomes of its records, by what is there now; in the order of the keys.
#[derive(Default)]
struct Plan<'a> {
    inserts: Vec<&'a Put>,
    upserts: Vec<&'a Put>,
    updates: Vec<&'a Put>,
    /// What was there and is other or gone now: what others may have in their caches.
    changed: Vec<&'a Key>,
}

#[async_trait]
impl Work for Commit<'_> {
    type Answer = Vec<Claimed>;

    async fn run(&self, session: &Session) -> Result<Done<'_, Self::Answer>, Fault> {
        let Batch { endings, durability, .. } = self.batch;
        let keys = self.locked();
        let mut look = Steps::begin(*durability);
        let locked = look.add(LOCK, columns(keys.iter().copied()));
        let claims = (!endings.is_empty()).then(|| jobs::check(&mut look, endings));
        let found = look.run(session).await?;
        if claims.is_some_and(|claims| found[claims].len() < endings.len()) {
            return Err(StoreError::Conflict.into());
        }
        let mut versions = BTreeMap::new();
        for row in &found[locked] {
            let place = usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX);
            versions.insert(keys[place], row.try_get::<_, i64>(1)?.unsigned_abs());
        }
        let mut plan = self.plan(&versions)?;

        let mut write = Steps::default();
        let number = write.add(NUMBER, Vec::new());
        let inserted = puts(&mut write, INSERT, &plan.inserts);
        let upserted = puts(&mut write, UPSERT, &plan.upserts);
        puts(&mut write, UPDATE, &plan.updates);
        self.write_rest(&mut write);
        jobs::end(&mut write, endings);
        let enqueued = jobs::enqueue(&mut write, &self.batch.jobs);
        let written = write.run(session).await?;
        if inserted.is_some_and(|inserted| written[inserted].len() < plan.inserts.len()) {
            return Err(StoreError::Conflict.into());
        }
        if let Some(upserted) = upserted {
            // Somebody else was quicker with one of them; which one does not matter.
            let mut versions = written[upserted].iter().map(|row| row.try_get::<_, i64>(0));
            if versions.any(|version| version.is_ok_and(|version| version > 1)) {
                plan.changed.extend(plan.upserts.iter().map(|put| &put.key));
            }
        }
        let claimed = enqueued.map_or(Ok(Vec::new()), |place| jobs::claimed(&written[place], &self.batch.jobs))?;
        let number: String = written[number][0].try_get(0)?;

        let mut last = Steps::default();
        if !plan.changed.is_empty() {
            last.add(NOTIFY, vec![value(self.notices.of(&plan.changed))]);
        }
        Ok(Done::Commit(claimed, last, Some(number)))
    }
}

impl Commit<'_> {
    /// The records that nobody else may change meanwhile, in their order.
    fn locked(&self) -> Vec<&Key> {
        let keys: BTreeSet<_> = self.batch.touched().chain(self.batch.cleared.iter().map(|(key, _)| key)).collect();
        keys.into_iter().collect()
    }

    fn plan(&self, versions: &BTreeMap<&Key, u64>) -> Result<Plan<'_>> {
        // Of several puts of one record the last one counts, but each must find what it expects.
        let mut puts = BTreeMap::new();
        for put in &self.batch.puts {
            let version = versions.get(&put.key).copied();
            let fits = match put.expect {
                Expect::Any => true,
                Expect::Absent => version.is_none(),
                Expect::Version(expected) => version == Some(expected),
            };
            if !fits {
                return Err(StoreError::Conflict);
            }
            puts.insert(&put.key, put);
        }
        let mut plan = Plan::default();
        for (key, put) in puts {
            match (versions.contains_key(key), put.expect) {
                (true, _) => plan.updates.push(put),
                (false, Expect::Any) => plan.upserts.push(put),
                (false, _) => plan.inserts.push(put),
            }
        }
        plan.changed.extend(plan.updates.iter().map(|put| &put.key));
        plan.changed.extend(self.batch.deletes.iter().filter(|key| versions.contains_key(key)));
        Ok(plan)
    }

    /// Deletes, edges and facets.
    fn write_rest<'a>(&'a self, steps: &mut Steps<'a>) {
        let batch = self.batch;
        if !batch.deletes.is_empty() {
            steps.add(DELETE, columns(&batch.deletes));
            steps.add(DELETE_FACETS, columns(&batch.deletes));
            for (text, is_end) in [
                (DELETE_TAILS, (|link, kind| Link::ends(link).0 == kind) as fn(Link, _) -> bool),
                (DELETE_HEADS, |link, kind| Link::ends(link).1 == kind),
            ] {
                let ends = batch.deletes.iter().flat_map(|key| {
                    let links = Link::ALL.iter().filter(move |link| is_end(**link, key.kind));
                    links.map(move |link| (kept(key.space.stored()), (link.stored(), kept(&key.id))))
                });
                let (spaces, (links, ids)): (Vec<_>, (Vec<_>, Vec<_>)) = ends.unzip();
                steps.add(text, vec![value(spaces), value(links), value(ids)]);
            }
        }
        if !batch.unlinked.is_empty() {
            let column =
                |of: fn(&Key) -> &str| batch.unlinked.iter().map(|(from, ..)| kept(of(from))).collect::<Vec<_>>();
            let links: Vec<_> = batch.unlinked.iter().map(|(_, link, _)| link.stored()).collect();
            let heads: Vec<_> = batch.unlinked.iter().map(|(.., to)| kept(&to.id)).collect();
            let (spaces, tails) = (column(|key| key.space.stored()), column(|key| &key.id));
            steps.add(UNLINK, vec![value(spaces), value(links), value(tails), value(heads)]);
        }
        if !batch.edges.is_empty() {
            let spaces: Vec<_> = batch.edges.iter().map(|edge| kept(edge.from.space.stored())).collect();
            let links: Vec<_> = batch.edges.iter().map(|edge| edge.link.stored()).collect();
            let tails: Vec<_> = batch.edges.iter().map(|edge| kept(&edge.from.id)).collect();
            let heads: Vec<_> = batch.edges.iter().map(|edge| kept(&edge.to.id)).collect();
            let moments: Vec<_> = batch.edges.iter().map(|edge| edge.at.0).collect();
            let contexts: Vec<_> = batch.edges.iter().map(|edge| edge.context.as_deref().map(kept)).collect();
            let values = [value(spaces), value(links), value(tails), value(heads), value(moments), value(contexts)];
            steps.add(LINK, values.into());
        }
        if !batch.cleared.is_empty() {
            let mut values = columns(batch.cleared.iter().map(|(key, _)| key));
            values.push(value(batch.cleared.iter().map(|(_, name)| name.stored()).collect::<Vec<_>>()));
            steps.add(CLEAR, values);
        }
        if !batch.facets.is_empty() {
            let spaces: Vec<_> = batch.facets.iter().map(|(key, _)| kept(key.space.stored())).collect();
            let kinds: Vec<_> = batch.facets.iter().map(|(key, _)| key.kind.wire()).collect();
            let names: Vec<_> = batch.facets.iter().map(|(_, facet)| facet.name.stored()).collect();
            let contents: Vec<_> = batch.facets.iter().map(|(_, one)| facet(&one.value)).collect();
            let ids: Vec<_> = batch.facets.iter().map(|(key, _)| kept(&key.id)).collect();
            steps.add(FACET, vec![value(spaces), value(kinds), value(names), value(contents), value(ids)]);
        }
    }
}

/// Keys as the columns `space`, `kind` and `id`.
fn columns<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Vec<super::session::Value<'a>> {
    let rows = keys.into_iter().map(|key| (kept(key.space.stored()), (key.kind.wire(), kept(&key.id))));
    let (spaces, (kinds, ids)): (Vec<_>, (Vec<_>, Vec<_>)) = rows.unzip();
    vec![value(spaces), value(kinds), value(ids)]
}

fn puts<'a>(steps: &mut Steps<'a>, text: &'static str, puts: &[&'a Put]) -> Option<usize> {
    (!puts.is_empty()).then(|| {
        let mut values = columns(puts.iter().map(|put| &put.key));
        values.push(value(puts.iter().map(|put| &*put.body).collect::<Vec<_>>()));
        steps.add(text, values)
    })
}
