//! A headless Chromium, a process for each picture: in an empty environment, with a profile that is thrown away, with no way
//! out but the proxy, within a limit of time, in its own sandbox.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use assay_model::url::CanonicalUrl;
use async_trait::async_trait;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;
use url::Url;

use super::proxy::{BYTES, Gate, Proxy};
use super::{Camera, NoPicture, PICTURE_MAX, Picture};
use crate::{Names, Policy};

/// How much is read of what a browser says.
const SAID: u64 = 64 << 10;
/// How many of its lines are told.
const LINES: usize = 3;
/// How often a profile is tried to be thrown away, as long as what was ended still writes into it.
const TRIES: usize = 10;
/// How long it is waited between, and for the last words of a browser that has ended.
const BETWEEN: Duration = Duration::from_millis(100);

/// How pages are pictured.
pub struct BrowserSettings {
    /// Where the program is: a Chromium, or what starts one with the arguments that it was given.
    pub program: PathBuf,
    /// How long a picture may take.
    pub patience: Duration,
    /// What may be loaded.
    pub policy: Policy,
    /// How names are resolved.
    pub names: Arc<dyn Names>,
}

/// See the module.
pub struct Browser {
    program: PathBuf,
    patience: Duration,
    gate: Arc<Gate>,
}

/// How the browser looks and behaves. The picture is of the upper part of the page.
const LOOK: &[&str] = &[
    "--headless",
    "--window-size=1280,800",
    "--hide-scrollbars",
    "--mute-audio",
    "--disable-gpu",
    "--incognito",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--password-store=basic",
    // As a fetch does: a page with a bad certificate is worth looking at.
    "--ignore-certificate-errors",
    "--js-flags=--max-old-space-size=512",
];

/// What keeps it from going anywhere but through the proxy: not to this machine either, not by name servers, not by UDP.
const ONLY_THROUGH_THE_PROXY: &[&str] = &[
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
];

/// What keeps it from asking its maker for anything: pictures are nobody's business.
const QUIET: &[&str] = &[
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--component-updater=url-source=http://updates.invalid/",
    "--disable-domain-reliability",
    "--disable-field-trial-config",
    "--disable-sync",
    "--gaia-url=http://accounts.invalid",
    "--google-url=http://search.invalid",
    "--metrics-recording-only",
    "--no-pings",
    // `HttpsUpgrades` would ask for another URL than the one that is to be pictured.
    "--disable-features=AutofillServerCommunication,CertificateTransparencyComponentUpdater,DialMediaRouteProvider,\
     DnsOverHttpsUpgrade,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,MediaRouter,NetworkTimeServiceQuerying,\
     OptimizationGuideModelDownloading,OptimizationHints,Translate",
];

/// What the program's environment holds beside the folder: enough for a script to find the system's programs.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("LANG", "C.UTF-8"),
    ("DBUS_SESSION_BUS_ADDRESS", "disabled:"),
];

impl Browser {
    /// The operator's browser; it is not started before it is needed.
    pub fn new(settings: BrowserSettings) -> Self {
        let BrowserSettings { program, patience, policy, names } = settings;
        Self { program, patience, gate: Arc::new(Gate { policy, names }) }
    }

    /// Pictures an empty page, so that a browser that cannot work here is known before it is needed.
    pub async fn check(&self) -> Result<(), NoPicture> {
        self.shoot("about:blank").await.map(drop)
    }

    /// Runs the browser once. Answers the picture, and whether the server of the page has answered anything.
    async fn shoot(&self, address: &str) -> Result<(Picture, bool), NoPicture> {
        let page = Url::parse(address).ok();
        let proxy = Proxy::open(self.gate.clone(), page, BYTES).await.map_err(NoPicture::Unprepared)?;
        let folder = tempfile::Builder::new().prefix("assay-picture-").tempdir().map_err(NoPicture::Unprepared)?;
        let mut running = self.start(folder.path(), proxy.address(), address).map_err(NoPicture::Unstarted)?;
        let ended = timeout(self.patience, running.end()).await;
        running.kill().await;
        let picture = match ended {
            Err(_elapsed) => Err(NoPicture::Slow(self.patience)),
            Ok(Err(error)) => Err(NoPicture::Failed(error.to_string())),
            Ok(Ok((status, said))) => found(&folder.path().join(PICTURE), status, &said),
        };
        throw_away(folder).await;
        picture.map(|picture| (picture, proxy.has_served()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the operator names the program; what strangers write is its last argument only"
    )]
    fn start(&self, folder: &Path, proxy: SocketAddr, address: &str) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(LOOK).args(ONLY_THROUGH_THE_PROXY).args(QUIET);
        command.arg(format!("--user-agent={}", self.gate.policy.user_agent));
        command.arg(format!("--proxy-server=http://{proxy}"));
        command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
        command.arg(format!("--screenshot={}", folder.join(PICTURE).display()));
        // A page that goes on loading is pictured as it is then.
        command.arg(format!("--timeout={}", self.patience.as_millis() / 2));
        command.arg(address);
        command.current_dir(folder).env_clear().envs(ENVIRONMENT.iter().copied());
        command.env("HOME", folder).env("TMPDIR", folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let said = child.stderr.take();
        Ok(Running { child, said, group })
    }
}

/// The name of the picture in its folder.
const PICTURE: &str = "picture.png";

#[async_trait]
impl Camera for Browser {
    fn name(&self) -> &'static str {
        "Chromium"
    }

    async fn picture(&self, url: &CanonicalUrl) -> Result<Picture, NoPicture> {
        // Its text begins with `http`, so that it is neither an option nor a file.
        self.gate.policy.check(&url.parsed()).map_err(NoPicture::Refused)?;
        match self.shoot(url.as_str()).await? {
            (picture, true) => Ok(picture),
            // What the browser says of a page that it did not get is no picture of the page.
            (_, false) => Err(NoPicture::Nothing),
        }
    }
}

/// A browser at work. Dropping it ends everything that it started.
struct Running {
    child: Child,
    said: Option<ChildStderr>,
    group: Option<Pid>,
}

impl Running {
    /// Waits for its end; answers how it ended and what it said.
    async fn end(&mut self) -> io::Result<(ExitStatus, Vec<u8>)> {
        let (mut stream, mut said, mut heard) = (self.said.take(), Vec::new(), false);
        let status = {
            let listen = async {
                let Some(stream) = &mut stream else { return };
                // What cannot be read is not told; what is beyond it is read so that the browser does not wait.
                let _ = stream.take(SAID).read_to_end(&mut said).await;
                let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
            };
            tokio::pin!(listen);
            let status = loop {
                tokio::select! {
                    status = self.child.wait() => break status,
                    () = &mut listen, if !heard => heard = true,
                }
            };
            if !heard {
                let _ = timeout(BETWEEN, &mut listen).await;
            }
            status
        };
        status.map(|status| (status, said))
    }

    /// Ends it, and what it started.
    async fn kill(&mut self) {
        self.kill_group();
        // It may have ended by itself.
        let _ = self.child.kill().await;
    }

    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// The picture that a browser left, or why there is none.
fn found(path: &Path, status: ExitStatus, said: &[u8]) -> Result<Picture, NoPicture> {
    let failed = |what: String| {
        let said = String::from_utf8_lossy(said);
        // Chromium complains of a missing message bus wherever there is none.
        let lines: Vec<_> = said.lines().filter(|line| !line.contains("/dbus/") && !line.contains(":dbus/")).collect();
        let lines = lines[lines.len().saturating_sub(LINES)..].join("; ");
        NoPicture::Failed(if lines.is_empty() { what } else { format!("{what}: {lines}") })
    };
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    match read(path) {
        Ok(bytes) => Picture::read(bytes.into()),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Reads what is a file and nothing else: whoever writes here may be another user, who could point at what is not theirs.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(PICTURE_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a profile; what was ended a moment ago may still be writing into it.
async fn throw_away(folder: TempDir) {
    let path = folder.keep();
    for _ in 0..TRIES {
        match tokio::fs::remove_dir_all(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => tokio::time::sleep(BETWEEN).await,
            _ => return,
        }
    }
    tracing::warn!(folder = %path.display(), "a browser's profile could not be removed");
}

#[cfg(test)]
mod tests;
