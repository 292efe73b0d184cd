//! One attempt at one delivery. In goes a claimed job; what comes of it is written down with the end of the job.

use std::time::Duration;

use assay_model::random::Random;
use assay_model::record::{Key, body};
use assay_model::{Error, Result, Timestamp};
use assay_store::batch::Ending;
use assay_store::{Batch, Claimed, Expect, StoreError};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{later, lease_end};
use crate::courier::Courier;
use crate::signature;
use crate::webhook::{
    Delivery, DeliveryStatus, Webhook, WebhookStatus, read_delivery_versioned, read_webhook_versioned, webhook_key,
};
use assay_web::outbound::{Answer, Failure};

/// How often what came of an attempt is written against others who write the same records.
const TRIES: usize = 16;
/// The longest pause that a receiver can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);
/// "The target resource is no longer available, and this is likely permanent" (RFC 9110, section 15.5.11): the receiver
/// wants no more.
const GONE: u16 = 410;

/// What came of an attempt.
#[derive(Debug, Clone)]
enum Outcome {
    /// It was answered.
    Answered(Answer),
    /// It was not.
    Failed(Failure),
    /// It cannot be made.
    Hopeless(&'static str),
}

/// Makes one attempt.
pub(super) async fn attempt(courier: &Courier, claimed: Claimed) {
    let id = claimed.job.subject.id.clone();
    if let Err(error) = attempt_claimed(courier, claimed).await {
        // The lease runs out by itself and the job is claimable again.
        tracing::warn!(delivery = &*id, error = &error as &dyn std::error::Error, "a delivery was left to its lease");
    }
}

async fn attempt_claimed(courier: &Courier, claimed: Claimed) -> Result<()> {
    // The wait in the line may have outlasted the lease; then somebody else has the job.
    match courier.store.renew(&claimed, lease_end(courier)).await {
        Err(StoreError::Conflict) => return Ok(()),
        renewed => renewed?,
    }
    let key = claimed.job.subject.clone();
    let delivery = read_delivery_versioned(&*courier.store, &key).await?;
    let Some((delivery, _)) = delivery.filter(|(delivery, _)| delivery.status == DeliveryStatus::Pending) else {
        return end(courier, claimed).await;
    };
    let webhook = read_webhook_versioned(&*courier.store, &webhook_key(&delivery.webhook)).await?;
    let outcome = match &webhook {
        None => Outcome::Hopeless("the webhook was removed"),
        Some((webhook, _)) if webhook.status == WebhookStatus::Disabled => Outcome::Hopeless("the webhook is disabled"),
        Some((webhook, _)) => send(courier, &key, &delivery, webhook).await,
    };
    settle(courier, claimed, &outcome).await
}

async fn send(courier: &Courier, key: &Key, delivery: &Delivery, webhook: &Webhook) -> Outcome {
    let timestamp = courier.clock.now().0;
    let opened = courier.sealer.open(&webhook_key(&delivery.webhook).to_string(), &webhook.secret);
    let secret = opened.inspect_err(|error| {
        tracing::error!(
            webhook = delivery.webhook,
            error = error as &dyn std::error::Error,
            "a webhook's secret is lost"
        );
    });
    let signature = secret.ok().and_then(|secret| {
        let secret = str::from_utf8(&secret).ok()?;
        signature::sign(secret, &key.id, timestamp, &delivery.body)
    });
    let headers = signature.and_then(|signature| headers(&key.id, timestamp, &signature));
    let Some(headers) = headers else {
        return Outcome::Hopeless("the webhook's secret cannot be opened; make the webhook anew");
    };
    match courier.outbound.post(&webhook.url, headers, delivery.body.clone()).await {
        Ok(answer) => Outcome::Answered(answer),
        Err(failure) => Outcome::Failed(failure),
    }
}

fn headers(id: &str, timestamp: i64, signature: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", HeaderValue::from_str(id).ok()?);
    headers.insert("webhook-timestamp", timestamp.into());
    headers.insert("webhook-signature", HeaderValue::from_str(signature).ok()?);
    Some(headers)
}

/// Nothing is to be sent.
async fn end(courier: &Courier, claimed: Claimed) -> Result<()> {
    let mut batch = Batch::new();
    batch.end(claimed, Ending::Done).soon();
    courier.store.commit(batch).await?;
    Ok(())
}

/// Writes down what came of an attempt, and ends the job or puts it off.
async fn settle(courier: &Courier, claimed: Claimed, outcome: &Outcome) -> Result<()> {
    let key = claimed.job.subject.clone();
    let stretch = random_stretch(&*courier.random);
    for _ in 0..TRIES {
        let Some((mut delivery, version)) = read_delivery_versioned(&*courier.store, &key).await? else {
            return end(courier, claimed).await;
        };
        record(courier, &mut delivery, outcome, stretch);
        let ending = match delivery.next_attempt_date {
            Some(next) => Ending::Again(next),
            None => Ending::Done,
        };
        let mut batch = Batch::new();
        batch.put(key.clone(), body(&delivery), Expect::Version(version));
        // A crash of the machine that undoes this brings the job back with it, and the delivery is made again.
        batch.end(claimed.clone(), ending).soon();
        if matches!(outcome, Outcome::Answered(Answer { status: GONE, .. })) {
            disable(courier, &delivery.webhook, &mut batch).await?;
        }
        match courier.store.commit(batch).await {
            Ok(_) => {
                tell(&key, &delivery);
                return Ok(());
            }
            // A record changed, or the lease is gone; renewing tells which.
            Err(StoreError::Conflict) => courier.store.renew(&claimed, lease_end(courier)).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::from(StoreError::Conflict))
}

fn record(courier: &Courier, delivery: &mut Delivery, outcome: &Outcome, stretch: f64) {
    let now = courier.clock.now();
    let (error, mut retry_after) = match outcome {
        Outcome::Answered(Answer { status: 200..=299, .. }) => (None, None),
        Outcome::Answered(answer) => (Some(refused(answer.status)), answer.retry_after),
        Outcome::Failed(failure) => (Some(failure.0.clone()), None),
        Outcome::Hopeless(why) => (Some((*why).to_owned()), None),
    };
    if !matches!(outcome, Outcome::Hopeless(_)) {
        delivery.attempts += 1;
        delivery.last_attempt_date = Some(now);
        delivery.last_status = match outcome {
            Outcome::Answered(answer) => Some(answer.status),
            _ => None,
        };
    }
    let final_ = matches!(outcome, Outcome::Hopeless(_) | Outcome::Answered(Answer { status: GONE, .. }));
    let tried = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
    let pause = courier.settings.pauses.get(tried.saturating_sub(1)).filter(|_| error.is_some() && !final_);
    retry_after = retry_after.map(|wait| wait.min(RETRY_AFTER_MAX));
    delivery.next_attempt_date =
        pause.map(|pause| next(now, pause.mul_f64(stretch).max(retry_after.unwrap_or_default())));
    delivery.status = match (&error, delivery.next_attempt_date) {
        (None, _) => DeliveryStatus::Delivered,
        (Some(_), Some(_)) => DeliveryStatus::Pending,
        (Some(_), None) => DeliveryStatus::Dead,
    };
    delivery.last_error = error;
}

/// At least a second later.
fn next(now: Timestamp, pause: Duration) -> Timestamp {
    later(now, pause.max(Duration::from_secs(1)))
}

fn refused(status: u16) -> String {
    match status {
        GONE => "answered 410: the receiver wants no more, and the webhook was disabled".to_owned(),
        300..=399 => format!("answered {status}: redirects are not followed"),
        _ => format!("answered {status}"),
    }
}

/// From four to six fifths, so that what failed together does not come back together.
fn random_stretch(random: &dyn Random) -> f64 {
    let mut bytes = [0; 2];
    random.fill(&mut bytes);
    0.8 + 0.4 * f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX)
}

async fn disable(courier: &Courier, id: &str, batch: &mut Batch) -> Result<()> {
    let key = webhook_key(id);
    if let Some((mut webhook, version)) = read_webhook_versioned(&*courier.store, &key).await? {
        webhook.status = WebhookStatus::Disabled;
        batch.put(key, body(&webhook), Expect::Version(version));
        tracing::warn!(webhook = id, "a webhook was disabled: its receiver answered 410");
    }
    Ok(())
}

/// Tells of it in figures and in the log: ids, no URL.
fn tell(key: &Key, delivery: &Delivery) {
    let outcome = match delivery.status {
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Pending => "retried",
        DeliveryStatus::Dead => "dead",
    };
    metrics::counter!("assay_webhook_deliveries_total", "outcome" => outcome).increment(1);
    let (delivery_id, webhook, event) = (&*key.id, delivery.webhook.as_str(), delivery.event.wire());
    let (attempt, status, error) = (delivery.attempts, delivery.last_status, delivery.last_error.as_deref());
    if delivery.status == DeliveryStatus::Dead {
        tracing::warn!(delivery = delivery_id, webhook, event, attempt, status, error, "a delivery was given up");
    } else {
        tracing::debug!(
            delivery = delivery_id,
            webhook,
            event,
            attempt,
            status,
            error,
            outcome,
            "a delivery was tried"
        );
    }
}
