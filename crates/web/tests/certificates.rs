//! What a handshake shows and refuses, against real TLS servers on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assay_model::outbound::Rules;
use assay_model::url::Location;
use assay_web::{Config, Names, Policy, Shown, Unfinished, Web, open};
use async_trait::async_trait;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::Acceptor;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;

/// Every name stands for this machine, and `inner.example` for an address that may not be called.
struct Here;

#[async_trait]
impl Names for Here {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let last = if name == "inner.example" { 2 } else { 1 };
        Ok(vec![Ipv4Addr::new(127, 0, 0, last).into()])
    }
}

/// A TLS server with one certificate.
struct Site {
    port: u16,
    certificate: Vec<u8>,
    /// The names that it was asked for.
    asked: Arc<Mutex<Vec<Option<String>>>>,
    _tasks: JoinSet<()>,
}

impl Site {
    /// With so many bytes more in its certificate than it needs.
    async fn start(more: usize, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let mut parameters = CertificateParams::new(vec!["site.example".to_owned()]).expect("a name");
        if more > 0 {
            let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![b'x'; more]);
            parameters.custom_extensions.push(extension);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate").der().to_vec();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let key = provider.key_provider.load_private_key(key).expect("a key");
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
        // Not through `with_single_cert`, which reads the certificate and refuses one of megabytes.
        let shown = CertifiedKey::new(vec![CertificateDer::from(certificate.clone())], key);
        let config = config.with_no_client_auth().with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (asked, mut tasks) = (Arc::new(Mutex::new(Vec::new())), JoinSet::new());
        let noted = asked.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The name is noted before the client has what it came for and goes.
                if let Ok(greeted) = LazyConfigAcceptor::new(Acceptor::default(), stream).await {
                    let name = greeted.client_hello().server_name().map(ToOwned::to_owned);
                    noted.lock().expect("nobody crashed").push(name);
                    let _shaken = greeted.into_stream(config.clone()).await;
                }
            }
        });
        Self { port, certificate, asked, _tasks: tasks }
    }

    async fn show(&self, location: &Location) -> Result<Shown, Unfinished> {
        web(&[self.port]).certificate(location, self.port).await
    }
}

fn web(ports: &[u16]) -> Arc<dyn Web> {
    let allow = vec!["127.0.0.1/32".parse().expect("a network")];
    let policy = Policy {
        rules: Rules { allow, allow_http: true },
        ports: ports.to_vec(),
        patience: Duration::from_secs(2),
        ..Policy::default()
    };
    open(Config::Live { policy, names: Arc::new(Here) }).expect("a web")
}

fn named(name: &str) -> Location {
    Location::Domain(name.parse().expect("a domain"))
}

fn at(address: &str) -> Location {
    Location::Ip(address.parse().expect("an IP address"))
}

#[tokio::test]
async fn a_server_shows_its_certificate_by_name_and_by_address_whoever_signed_it() {
    for versions in [rustls::ALL_VERSIONS, &[&rustls::version::TLS12]] {
        let site = Site::start(0, versions).await;
        for location in [named("site.example"), named("another.example"), at("127.0.0.1")] {
            let shown = site.show(&location).await.expect("a certificate");
            assert_eq!((shown.address, &shown.certificate), (Ipv4Addr::LOCALHOST.into(), &site.certificate));
        }
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(*site.asked.lock().expect("nobody crashed"), [name("site.example"), name("another.example"), None]);
    }
}

#[tokio::test]
async fn a_certificate_of_five_megabytes_is_not_taken() {
    let site = Site::start(5 << 20, rustls::ALL_VERSIONS).await;
    let shown = site.show(&named("site.example")).await;
    assert!(matches!(shown, Err(Unfinished::Broken(_) | Unfinished::Cut(_))), "{shown:?}");
    let url = format!("https://site.example:{}/", site.port).parse().expect("a URL");
    let fetched = web(&[site.port]).fetch(&url).await;
    assert!(fetched.hops.is_empty() && fetched.unfinished.is_some(), "{fetched:?}");
}

#[tokio::test]
async fn no_inner_address_and_no_other_port_is_called() {
    let site = Site::start(0, rustls::ALL_VERSIONS).await;
    for location in [named("inner.example"), at("127.0.0.2"), at("::1"), at("169.254.169.254"), at("10.0.0.1")] {
        let shown = site.show(&location).await;
        assert!(matches!(shown, Err(Unfinished::Refused(_))), "{location:?}: {shown:?}");
    }
    assert_eq!(web(&[443]).certificate(&at("127.0.0.1"), site.port).await, Err(Unfinished::Port));
    assert!(site.asked.lock().expect("nobody crashed").is_empty());
}

#[tokio::test]
async fn who_is_silent_or_speaks_no_tls_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let started = Instant::now();
    // The machine takes the connection for a listener who does not.
    assert_eq!(web(&[port]).certificate(&at("127.0.0.1"), port).await, Err(Unfinished::Slow));
    assert!(started.elapsed() < Duration::from_secs(4));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = tokio::io::AsyncWriteExt::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.9\r\n").await;
        }
    });
    let shown = web(&[port]).certificate(&at("127.0.0.1"), port).await;
    assert!(matches!(shown, Err(Unfinished::Broken(_))), "{shown:?}");
}
