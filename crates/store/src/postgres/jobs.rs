//! The statements of jobs.

use assay_model::record::{Class, Job, Key, Space, StageName};
use assay_model::{Kind, Timestamp};
use tokio_postgres::Row;

use super::fault::Fault;
use super::pool::{Ask, Pool};
use super::session::{Steps, value};
use super::text::{kept, told};
use crate::batch::{Ending, Turn};
use crate::{Claimed, Result, StoreError};

/// Every statement of this file.
pub(super) const ALL: &[&str] = &[CHECK, DONE, AGAIN, DEAD, ENQUEUE, CLAIM, RENEW];

const CHECK: &str = "
    SELECT j.id FROM unnest($1::bigint[], $2::integer[]) AS k (id, attempt)
    JOIN jobs j ON j.id = k.id AND j.attempt = k.attempt
    WHERE j.died_of IS NULL ORDER BY j.id FOR UPDATE OF j";
const DONE: &str = "DELETE FROM jobs WHERE id = ANY ($1::bigint[])";
const AGAIN: &str = "
    UPDATE jobs j SET not_before = k.moment FROM unnest($1::bigint[], $2::bigint[]) AS k (id, moment) WHERE j.id = k.id";
const DEAD: &str = "
    UPDATE jobs j SET died_of = k.cause FROM unnest($1::bigint[], $2::text[]) AS k (id, cause) WHERE j.id = k.id";
const ENQUEUE: &str = "
    INSERT INTO jobs (stage, space, kind, subject, class, attempt, not_before)
    SELECT k.stage, k.space, k.kind, k.subject, k.class, k.attempt, k.not_before
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::integer[], $7::bigint[])
        WITH ORDINALITY AS k (stage, space, kind, subject, class, attempt, not_before, nth)
    ORDER BY k.nth ON CONFLICT DO NOTHING RETURNING id, stage, space, kind, subject";
/// Looks at some more than are wanted, because others are claiming the first ones at this moment; whose lock is not had
/// at once is theirs.
const CLAIM: &str = "
    WITH ready AS (
        SELECT j.id FROM jobs j JOIN (
            SELECT one.id FROM unnest($1::text[]) AS s (stage) CROSS JOIN LATERAL (
                SELECT id FROM jobs WHERE died_of IS NULL AND stage = s.stage AND not_before <= $2
                ORDER BY class, id LIMIT $4::bigint + 64) AS one) AS early ON early.id = j.id
        WHERE j.died_of IS NULL AND j.not_before <= $2
        ORDER BY j.class, j.id LIMIT $4 FOR UPDATE OF j SKIP LOCKED)
    UPDATE jobs j SET attempt = j.attempt + 1, not_before = $3 FROM ready WHERE j.id = ready.id
    RETURNING j.id, j.attempt, j.stage, j.space, j.kind, j.subject, j.class";
const RENEW: &str = "
    UPDATE jobs SET not_before = $3 WHERE id = $1 AND attempt = $2 AND died_of IS NULL RETURNING id";

/// Locks the jobs that end; answers where the rows of those are that are the writer's.
pub(super) fn check(steps: &mut Steps<'_>, endings: &[(Claimed, Ending)]) -> usize {
    let ids: Vec<_> = endings.iter().map(|(claimed, _)| claimed.id).collect();
    let attempts: Vec<_> = endings.iter().map(|(claimed, _)| signed(claimed.attempt)).collect();
    steps.add(CHECK, vec![value(ids), value(attempts)])
}

/// Ends jobs.
pub(super) fn end<'a>(steps: &mut Steps<'a>, endings: &'a [(Claimed, Ending)]) {
    let (mut done, mut again, mut dead) = (Vec::new(), (Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for (claimed, ending) in endings {
        match ending {
            Ending::Done => done.push(claimed.id),
            Ending::Again(moment) => again.extend([(claimed.id, moment.0)]),
            Ending::Dead(cause) => dead.extend([(claimed.id, kept(cause))]),
        }
    }
    if !done.is_empty() {
        steps.add(DONE, vec![value(done)]);
    }
    if !again.0.is_empty() {
        steps.add(AGAIN, vec![value(again.0), value(again.1)]);
    }
    if !dead.0.is_empty() {
        steps.add(DEAD, vec![value(dead.0), value(dead.1)]);
    }
}

/// Makes jobs; answers where the rows of the new ones are.
pub(super) fn enqueue<'a>(steps: &mut Steps<'a>, jobs: &'a [(Job, Turn)]) -> Option<usize> {
    if jobs.is_empty() {
        return None;
    }
    let stages: Vec<_> = jobs.iter().map(|(job, _)| job.stage.stored()).collect();
    let spaces: Vec<_> = jobs.iter().map(|(job, _)| kept(job.subject.space.stored())).collect();
    let kinds: Vec<_> = jobs.iter().map(|(job, _)| job.subject.kind.wire()).collect();
    let subjects: Vec<_> = jobs.iter().map(|(job, _)| kept(&job.subject.id)).collect();
    let classes: Vec<_> = jobs.iter().map(|(job, _)| i16::from(job.class.rank())).collect();
    let attempts: Vec<_> = jobs.iter().map(|(_, turn)| i32::from(turn.is_claimed())).collect();
    let moments: Vec<_> = jobs.iter().map(|(_, turn)| turn.not_before().0).collect();
    let values = vec![
        value(stages),
        value(spaces),
        value(kinds),
        value(subjects),
        value(classes),
        value(attempts),
        value(moments),
    ];
    Some(steps.add(ENQUEUE, values))
}

/// Which of the new jobs their writer has.
pub(super) fn claimed(rows: &[Row], jobs: &[(Job, Turn)]) -> Result<Vec<Claimed>, Fault> {
    let mut claimed = Vec::new();
    for row in rows {
        let (stage, subject) = (stage_of(row, 1)?, subject_of(row, 2)?);
        let made = jobs.iter().find(|(job, _)| job.stage == stage && job.subject == subject);
        if let Some((job, _)) = made.filter(|(_, turn)| turn.is_claimed()) {
            claimed.push(Claimed { id: row.try_get(0)?, attempt: 1, job: job.clone() });
        }
    }
    claimed.sort_by_key(|one| one.id);
    Ok(claimed)
}

/// Claims jobs of some stages whose moment has come.
pub(super) async fn claim(
    pool: &Pool,
    stages: &[StageName],
    now: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<Claimed>> {
    let stages: Vec<_> = stages.iter().map(|stage| stage.stored()).collect();
    let most = i64::try_from(most).unwrap_or(i64::MAX / 2);
    let values = vec![value(stages), value(now.0), value(until.0), value(most)];
    let answer = |rows: &[Row]| {
        let mut claimed = rows.iter().map(claimed_of).collect::<Result<Vec<_>, Fault>>()?;
        claimed.sort_by_key(|one| (one.job.class, one.id));
        Ok(claimed)
    };
    pool.run(&Ask { text: CLAIM.into(), values, answer }).await
}

fn claimed_of(row: &Row) -> Result<Claimed, Fault> {
    let class = Class::ranked(u8::try_from(row.try_get::<_, i16>(6)?).unwrap_or(u8::MAX));
    let job = Job { stage: stage_of(row, 2)?, subject: subject_of(row, 3)?, class };
    Ok(Claimed { id: row.try_get(0)?, attempt: row.try_get::<_, i32>(1)?.unsigned_abs(), job })
}

/// Extends a lease.
pub(super) async fn renew(pool: &Pool, claimed: &Claimed, until: Timestamp) -> Result<()> {
    let values = vec![value(claimed.id), value(signed(claimed.attempt)), value(until.0)];
    let answer = |rows: &[Row]| if rows.is_empty() { Err(StoreError::Conflict.into()) } else { Ok(()) };
    pool.run(&Ask { text: RENEW.into(), values, answer }).await
}

fn stage_of(row: &Row, place: usize) -> Result<StageName, Fault> {
    let name: &str = row.try_get(place)?;
    StageName::named(name).ok_or_else(|| StoreError::Corrupt(format!("a job of unknown stage {name}").into()).into())
}

/// A key from its columns `space`, `kind` and `id`, which begin at `place`.
pub(super) fn subject_of(row: &Row, place: usize) -> Result<Key, Fault> {
    let (space, kind, id): (&str, &str, &str) = (row.try_get(place)?, row.try_get(place + 1)?, row.try_get(place + 2)?);
    let unknown = || StoreError::Corrupt(format!("an object of unknown kind {kind}").into());
    let kind = kind.parse::<Kind>().map_err(|_| unknown())?;
    Ok(Key { space: Space::from_stored(&told(space)), kind, id: told(id) })
}

fn signed(attempt: u32) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}
