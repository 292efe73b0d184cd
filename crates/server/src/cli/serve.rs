//! `assay serve`: the server, until SIGTERM or Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use toml::Value;

use crate::compose::{self, Server};
use crate::config::{self, Loaded};
use crate::telemetry;

/// What `--help` ends with.
const NOTES: &str = "  assay serve                                               # this machine only, data in your home
  assay serve --data /srv/assay --listen 0.0.0.0:8443 --tls self-signed --key-file /root/assay.key
  ASSAY_STORE_PASSWORD=… assay serve --config /etc/assay.toml --store postgres://assay@db.example/assay

SIGTERM or Ctrl-C ends it: running requests end, jobs are left to the next start. config.example.toml has every key of the
configuration; `assay config check` tells all mistakes in one.

Exit status: 0 it ended as it was asked to, 2 it could not start or go on.";

/// Run the server.
///
/// On an empty data folder it initialises itself and shows the operator's key once. Every key of the configuration file
/// can also be given in the environment as ASSAY_SECTION__KEY.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder that holds everything; made where it does not exist [default: in your home]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A PostgreSQL that many nodes share, `postgres://user@host:port/database`; its password comes from the environment
    /// (`ASSAY_STORE_PASSWORD`) or a file (`store_password_file`) [default: the embedded store in the data folder]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// off, self-signed, or CERTIFICATE,KEY (two PEM files) [default: off]
    #[arg(long, value_name = "MODE")]
    tls: Option<String>,
    /// Listen on a non-loopback address without TLS: only behind a proxy that speaks it
    #[arg(long)]
    insecure_http: bool,
    /// Where the operator's key is written on the first start (mode 0600; the file must not exist)
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

impl Arguments {
    fn load(&self) -> anyhow::Result<Loaded> {
        let mut flags = Vec::new();
        if let Some(data) = &self.data {
            let data = data.to_str().context("the data folder's name is not UTF-8")?;
            flags.push(("data", Value::String(data.to_owned())));
        }
        if let Some(store) = &self.store {
            refuse_password(store)?;
            flags.push(("store", Value::String(store.clone())));
        }
        if let Some(listen) = &self.listen {
            flags.push(("listen", Value::String(listen.clone())));
        }
        if let Some(tls) = &self.tls {
            flags.push(("tls", Value::String(tls.clone())));
        }
        if self.insecure_http {
            flags.push(("insecure_http", Value::Boolean(true)));
        }
        config::load(self.config.as_deref(), &flags)
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Loaded { config, .. } = arguments.load()?;
    let _writes_the_last_lines = telemetry::start(&config.log)?;
    // From here on a signal is a request and not an accident.
    let mut signals = Signals::listen()?;
    let server = compose::start_with(&config, arguments.key_file.as_deref()).await?;
    announce(&server);
    signals.wait().await;
    tracing::info!("stopping: running requests end, jobs are left to their leases");
    server.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// A password on the command line shows in the list of processes.
fn refuse_password(store: &str) -> anyhow::Result<()> {
    if url::Url::parse(store).is_ok_and(|url| url.password().is_some()) || store.contains("password=") {
        anyhow::bail!(
            "a password on the command line is seen by everybody on this machine: leave it out of --store and give it in \
             ASSAY_STORE_PASSWORD or in a file (store_password_file in the configuration)"
        );
    }
    Ok(())
}

/// Tells the person at the terminal what there is to know, once.
fn announce(server: &Server) {
    tracing::info!(address = %server.address, "ready");
    println!("Assay listens on {}", server.base);
    match (&server.operator_key, &server.key_written_to) {
        (Some(_), Some(path)) => println!("The operator's key is in {} (shown nowhere else)", path.display()),
        (Some(key), None) => println!("The operator's key, shown this once:\n\n    {}\n", key.expose_secret()),
        (None, _) => {}
    }
    if let Some(authority) = &server.authority {
        println!("Clients trust it with: export SSL_CERT_FILE={}", authority.display());
    }
}

/// The signals that ask the server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
