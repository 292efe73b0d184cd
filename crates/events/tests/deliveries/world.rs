//! A store, a clock that is moved by hand, a receiver and a worker.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use assay_events::webhook::{self, Delivery, DeliveryStatus, Wanted};
use assay_events::{Courier, Settings, announce, deliver};
use assay_model::Timestamp;
use assay_model::apikey::Pepper;
use assay_model::clock::{Clock as _, Fixed};
use assay_model::event::{Event, EventName};
use assay_model::outbound::Rules;
use assay_model::random::Counting;
use assay_store::{Batch, Memory, Range, Store};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::receiver::{Arrival, Receiver};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// See the module.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<Fixed>,
    pub(crate) random: Arc<Counting>,
    pub(crate) courier: Arc<Courier>,
    pub(crate) receiver: Receiver,
    tasks: JoinSet<()>,
}

/// A webhook of a test.
pub(crate) struct Hook {
    pub(crate) id: String,
    secret: String,
}

/// The default settings, and this machine may be called.
pub(crate) fn allowing_loopback() -> Settings {
    let allow = vec!["127.0.0.0/8".parse().expect("a network")];
    Settings { rules: Rules { allow, allow_http: true }, ..Settings::default() }
}

impl World {
    pub(crate) async fn start(settings: Settings) -> Self {
        let mut world = Self::asleep(settings).await;
        world.wake();
        world
    }

    /// Without a worker.
    pub(crate) async fn asleep(settings: Settings) -> Self {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let clock = Arc::new(Fixed::at(Timestamp(1_767_225_600)));
        let random = Arc::new(Counting::default());
        let courier = courier(&store, &clock, &random, settings);
        Self { store, clock, random, courier, receiver: Receiver::start().await, tasks: JoinSet::new() }
    }

    /// Starts the worker.
    pub(crate) fn wake(&mut self) {
        self.tasks.spawn(deliver::run(self.courier.clone(), CancellationToken::new()));
    }

    /// Ends the worker at once, as a crash does.
    pub(crate) async fn crash(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Another worker on the same store, with other settings.
    pub(crate) fn reconfigure(&mut self, settings: Settings) {
        self.courier = courier(&self.store, &self.clock, &self.random, settings);
    }

    pub(crate) async fn hook(&self, path: &str) -> Hook {
        self.hook_at(&self.receiver.url(path), None).await
    }

    pub(crate) async fn hook_at(&self, url: &str, group: Option<&str>) -> Hook {
        let group = group.map(ToOwned::to_owned);
        let wanted = Wanted { url: url.to_owned(), events: BTreeSet::new(), label: String::new(), group };
        let mut batch = Batch::new();
        let created = webhook::create(&self.courier, &mut batch, wanted, self.clock.now()).await.expect("a webhook");
        self.store.commit(batch).await.expect("a commit");
        Hook { id: created.id, secret: created.secret.to_string() }
    }

    /// Something happens.
    pub(crate) async fn happen(&self, group: Option<&str>) {
        let event = Event {
            name: EventName::KeyCreated,
            date: self.clock.now(),
            account: Some("alice".to_owned()),
            group: group.map(ToOwned::to_owned),
            data: json!({ "label": "Überwachung" }),
        };
        let mut batch = Batch::new();
        announce(&*self.store, &mut batch, &event, &*self.random).await.expect("announced");
        self.store.commit(batch).await.expect("a commit");
    }

    /// The newest delivery to a webhook, with its id.
    pub(crate) async fn delivery(&self, hook: &Hook) -> (String, Delivery) {
        let page = webhook::deliveries(&*self.store, &hook.id, &Range::first(1)).await.expect("a page");
        page.items.into_iter().next().expect("a delivery")
    }

    /// Waits until the newest delivery to a webhook is as it must become.
    pub(crate) async fn until(&self, hook: &Hook, is_so: impl Fn(&Delivery) -> bool) -> Delivery {
        let watching = async {
            loop {
                let (_, delivery) = self.delivery(hook).await;
                if is_so(&delivery) {
                    return delivery;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if let Ok(delivery) = tokio::time::timeout(PATIENCE, watching).await {
            return delivery;
        }
        panic!("it stayed {:?}", self.delivery(hook).await)
    }

    pub(crate) async fn until_status(&self, hook: &Hook, status: DeliveryStatus) -> Delivery {
        self.until(hook, |delivery| delivery.status == status).await
    }

    /// Waits until so many have arrived at a path.
    pub(crate) async fn until_arrived(&self, path: &str, count: usize) -> Vec<Arrival> {
        let watching = async {
            while self.receiver.arrivals(path).len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, watching).await.expect("it arrives");
        self.receiver.arrivals(path)
    }

    /// Makes a webhook's newest delivery pending again.
    pub(crate) async fn replay(&self, hook: &Hook) {
        let (id, _) = self.delivery(hook).await;
        let mut batch = Batch::new();
        webhook::replay(&*self.store, &mut batch, &id, self.clock.now()).await.expect("pending again");
        self.store.commit(batch).await.expect("a commit");
    }
}

fn courier(store: &Arc<dyn Store>, clock: &Arc<Fixed>, random: &Arc<Counting>, settings: Settings) -> Arc<Courier> {
    let pepper = Pepper::new([7; 32]);
    Courier::new(store.clone(), clock.clone(), random.clone(), &pepper, settings).expect("a courier")
}

impl Hook {
    /// Whether what arrived is signed with this webhook's secret, by the rules of the specification: the signed text is
    /// `id.timestamp.body`, and one of the `v1` signatures has to fit.
    pub(crate) fn signed(&self, arrival: &Arrival) -> bool {
        let key = BASE64.decode(self.secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
        for part in [arrival.header("webhook-id"), ".", arrival.header("webhook-timestamp"), ".", &arrival.body] {
            mac.update(part.as_bytes());
        }
        arrival
            .header("webhook-signature")
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
            .any(|signature| BASE64.decode(signature).is_ok_and(|bytes| mac.clone().verify_slice(&bytes).is_ok()))
    }
}
