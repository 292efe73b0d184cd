//! Whom the server calls and whom not, whatever a webhook's URL says.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assay_events::Settings;
use assay_events::webhook::DeliveryStatus;
use assay_model::outbound::Rules;
use assay_web::Names;
use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::receiver;
use crate::world::{World, allowing_loopback};

/// A name that stands for one address after the other, and then for the last.
struct Changing(Vec<IpAddr>, AtomicUsize);

impl Changing {
    fn new(addresses: &[[u8; 4]]) -> Arc<Self> {
        Arc::new(Self(addresses.iter().map(|one| IpAddr::from(*one)).collect(), AtomicUsize::new(0)))
    }
}

#[async_trait]
impl Names for Changing {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let place = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        Ok(vec![self.0[place]])
    }
}

/// A name that stands for all of these at once.
struct Several(Vec<IpAddr>);

#[async_trait]
impl Names for Several {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

fn open_internet_only(names: Arc<dyn Names>) -> Settings {
    Settings { rules: Rules { allow: Vec::new(), allow_http: true }, names, ..Settings::default() }
}

#[tokio::test]
async fn a_network_that_was_allowed_and_is_no_more_is_not_called() {
    let mut world = World::asleep(allowing_loopback()).await;
    let hook = world.hook("/ok").await;
    world.happen(None).await;
    world.reconfigure(Settings::default());
    world.wake();
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert_eq!(failed.last_error.as_deref(), Some("not sent: its scheme is not https"));
    world.crash().await;

    world.reconfigure(Settings { rules: Rules { allow: Vec::new(), allow_http: true }, ..Settings::default() });
    world.clock.advance(Duration::from_secs(6));
    world.wake();
    let failed = world.until(&hook, |delivery| delivery.attempts == 2).await;
    assert_eq!(failed.last_error.as_deref(), Some("not sent: its host is a loopback address"));
    assert!(world.receiver.arrivals("/ok").is_empty());
}

#[tokio::test]
async fn a_name_that_stands_for_another_address_when_it_is_called_is_not_called() {
    let names = Changing::new(&[[8, 8, 8, 8], [127, 0, 0, 1]]);
    let world = World::start(open_internet_only(names)).await;
    let port = world.receiver.address.port();
    let hook = world.hook_at(&format!("http://rebind.example:{port}/ok"), None).await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert_eq!(failed.last_error.as_deref(), Some("not sent: its host is a loopback address"));
    assert!(world.receiver.arrivals("/ok").is_empty());
}

#[tokio::test]
async fn one_forbidden_address_among_a_names_is_enough() {
    let addresses = vec![[8, 8, 8, 8].into(), [10, 0, 0, 1].into()];
    let world = World::asleep(open_internet_only(Arc::new(Several(addresses)))).await;
    let refused = world.courier.check_url("http://both.example/").await.expect_err("refused");
    assert!(refused.message.contains("a private address") && !refused.message.contains("10.0.0.1"), "{refused}");
}

#[tokio::test]
async fn a_name_is_called_at_the_address_that_was_checked() {
    let settings = Settings { names: Changing::new(&[[127, 0, 0, 1]]), ..allowing_loopback() };
    let world = World::start(settings).await;
    let port = world.receiver.address.port();
    let hook = world.hook_at(&format!("http://siem.example:{port}/ok"), None).await;
    world.happen(None).await;
    world.until_status(&hook, DeliveryStatus::Delivered).await;
    assert_eq!(world.receiver.arrivals("/ok")[0].header("host"), format!("siem.example:{port}"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::start(allowing_loopback()).await;
    let hook = world.hook("/redirect").await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert_eq!(failed.last_error.as_deref(), Some("answered 307: redirects are not followed"));
    assert_eq!(failed.status, DeliveryStatus::Pending);
    assert!(world.receiver.arrivals("/ok/redirected").is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let world = World::start(allowing_loopback()).await;
    let hook = world.hook("/endless").await;
    world.happen(None).await;
    world.until_status(&hook, DeliveryStatus::Delivered).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let produced = world.receiver.seen.produced.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.receiver.seen.produced.load(Ordering::SeqCst), produced, "the connection is closed");
    // What is beyond 64 KiB sits in the buffers of the two sockets.
    assert!(produced < 16 << 20, "{produced}");
}

#[tokio::test]
async fn nobody_who_listens_is_told_as_that() {
    let world = World::start(allowing_loopback()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let hook = world.hook_at(&format!("http://{free}/secret/path?token=1"), None).await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    let error = failed.last_error.expect("a reason");
    assert!(error.starts_with("no connection: ") && !error.contains("secret") && !error.contains("token"), "{error}");
}

#[tokio::test]
async fn https_is_spoken_to_whom_the_authorities_vouch_for_and_to_nobody_else() {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let own = rcgen::generate_simple_self_signed(["siem.example".to_owned()]).expect("a certificate");
    let key = own.signing_key.serialize_der();
    let config =
        axum_server::tls_rustls::RustlsConfig::from_der(vec![own.cert.der().to_vec()], key).await.expect("TLS");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let (seen, router) = receiver::router();
    let mut tasks = JoinSet::new();
    let server = axum_server::from_tcp_rustls(listener, config).expect("a server");
    tasks.spawn(async move { server.serve(router.into_make_service()).await.expect("it serves") });

    let loopback = Changing::new(&[[127, 0, 0, 1]]);
    let stranger = Settings { names: loopback.clone(), ..allowing_loopback() };
    let trusting = Settings { authorities: own.cert.pem().into_bytes(), ..stranger.clone() };
    let mut world = World::start(stranger).await;
    let hook = world.hook_at(&format!("https://siem.example:{port}/ok"), None).await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert!(failed.last_error.expect("a reason").starts_with("no connection: "));
    assert!(receiver::arrivals(&seen, "/ok").is_empty());
    world.crash().await;

    world.reconfigure(trusting);
    world.clock.advance(Duration::from_secs(6));
    world.wake();
    world.until_status(&hook, DeliveryStatus::Delivered).await;
    assert!(hook.signed(&receiver::arrivals(&seen, "/ok")[0]));
}
