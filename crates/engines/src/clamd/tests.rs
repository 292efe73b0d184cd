//! The engine against a real clamd, started here with a database of our own, and against nobody.

use std::path::Path;
use std::time::Duration;

use assay_model::facts::Facts;
use assay_model::verdict::Category;
use tokio::process::{Child, Command};

use super::Clamd;
use crate::engine::{Engine, EngineError, Item, Sample};
use crate::suite;

const PATIENCE: Duration = Duration::from_secs(20);

/// A clamd with its own folder; both end with it.
struct Daemon {
    folder: tempfile::TempDir,
    _process: Child,
}

impl Daemon {
    #[expect(clippy::disallowed_methods, reason = "the peer of this test is another program")]
    /// Starts clamd with these further lines of configuration and waits until it answers.
    async fn start(options: &str) -> Self {
        let program = ["/usr/sbin/clamd", "/usr/local/sbin/clamd", "/usr/bin/clamd"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let program =
            program.expect("clamd is not installed: install the Debian package `clamav-daemon` to run this test");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().display();
        // Two signatures of our own: these bytes anywhere in any file.
        let (bad, unwanted) = (hex::encode("assay-test-malware"), hex::encode("assay-test-unwanted"));
        let database = format!("Assay.Test.Malware:0:*:{bad}\nPUA.Assay.Test:0:*:{unwanted}\n");
        std::fs::write(folder.path().join("test.ndb"), database).expect("the database is written");
        let text = format!(
            "LocalSocket {path}/clamd.sock\nDatabaseDirectory {path}\nForeground yes\nOfficialDatabaseOnly no\nTemporaryDirectory {path}\nLogFile {path}/clamd.log\nDetectPUA yes\n{options}"
        );
        let config = folder.path().join("clamd.conf");
        std::fs::write(&config, text).expect("the configuration is written");
        let process = Command::new(program).arg("--config-file").arg(&config).kill_on_drop(true).spawn();
        let daemon = Self { _process: process.expect("clamd starts"), folder };
        for _ in 0..400 {
            if tokio::net::UnixStream::connect(daemon.folder.path().join("clamd.sock")).await.is_ok() {
                return daemon;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(daemon.folder.path().join("clamd.log")).unwrap_or_default();
        panic!("clamd does not listen after 20 s; its log: {log}")
    }

    fn engine(&self) -> Clamd {
        let address = format!("unix:{}/clamd.sock", self.folder.path().display());
        Clamd::new(&address, PATIENCE).expect("the address is well formed")
    }
}

async fn judge(engine: &Clamd, bytes: impl Into<bytes::Bytes>) -> Result<(Category, Option<String>), EngineError> {
    engine
        .judge(Item::File(&Sample::of(bytes), &Facts::default()))
        .await
        .map(|finding| (finding.category, finding.result))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_clamd_passes_the_suite_and_finds_what_its_database_names() {
    let daemon = Daemon::start("StreamMaxLength 100M\n").await;
    let engine = daemon.engine();
    suite::run(&engine).await;
    let (category, name) = judge(&engine, "here is assay-test-malware inside").await.expect("an answer");
    assert_eq!((category, name.as_deref()), (Category::Malicious, Some("Assay.Test.Malware.UNOFFICIAL")));
    let (category, name) = judge(&engine, "here is assay-test-unwanted inside").await.expect("an answer");
    assert_eq!((category, name.as_deref()), (Category::Suspicious, Some("PUA.Assay.Test.UNOFFICIAL")));
    assert_eq!(judge(&engine, "nothing here").await.expect("an answer"), (Category::Undetected, None));
    let version = engine.edition().await.version.expect("it has a version");
    assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_over_the_daemons_stream_limit_is_an_honest_failure() {
    let daemon = Daemon::start("StreamMaxLength 1M\n").await;
    let error = judge(&daemon.engine(), vec![b'x'; 20 << 20]).await.expect_err("too large");
    assert!(matches!(&error, EngineError::Failed(message) if message.contains("size limit")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_over_the_daemons_scan_limit_is_given_up() {
    let daemon = Daemon::start("StreamMaxLength 100M\nMaxFileSize 1M\nAlertExceedsMax yes\n").await;
    let error = judge(&daemon.engine(), vec![b'x'; 3 << 20]).await.expect_err("too large");
    assert!(matches!(&error, EngineError::GaveUp(_)), "{error:?}");
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = format!("unix:{}/none", folder.path().display());
    let engine = Clamd::new(&address, PATIENCE).expect("well formed");
    assert!(matches!(judge(&engine, "x").await, Err(EngineError::Unavailable(_))));
    assert_eq!(engine.edition().await, crate::Edition::default());
}

#[tokio::test]
async fn a_tcp_daemon_that_hangs_up_in_the_middle_is_a_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("tcp:{}", listener.local_addr().expect("it is bound"));
    let engine = Clamd::new(&address, PATIENCE).expect("well formed");
    let hang_up = async { drop(listener.accept().await) };
    let (answer, ()) = tokio::join!(judge(&engine, vec![0; 4 << 20]), hang_up);
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn an_address_that_is_none_is_refused_with_its_form() {
    for address in ["", "unix:", "tcp:host", "tcp::1", "tcp:host:70000", "/run/clamd.ctl"] {
        assert!(Clamd::new(address, PATIENCE).is_err(), "{address}");
    }
    assert!(Clamd::new("tcp:[::1]:3310", PATIENCE).is_ok());
}
