//! A browser that is a script: what it is given, what becomes of what it leaves, that it ends.

use std::os::unix::fs::PermissionsExt as _;

use async_trait::async_trait;

use super::*;

struct Nobody;

#[async_trait]
impl Names for Nobody {
    async fn addresses(&self, _: &str) -> io::Result<Vec<std::net::IpAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A browser that is a script; `$picture` is where the picture is wanted, `$proxy` the proxy, `$out` a folder of the test's.
struct Scripted {
    browser: Browser,
    out: TempDir,
}

fn scripted(script: &str, patience: Duration) -> Scripted {
    let out = tempfile::tempdir().expect("a folder");
    let program = out.path().join("browser");
    let prelude = "for word; do case $word in --screenshot=*) picture=${word#*=};; --proxy-server=*) proxy=${word#*=};; \
                   esac; done";
    let text = format!("#!/bin/sh\nout={}\n{prelude}\n{script}\n", out.path().display());
    std::fs::write(&program, text).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    let settings = BrowserSettings { program, patience, policy: Policy::default(), names: Arc::new(Nobody) };
    Scripted { browser: Browser::new(settings), out }
}

impl Scripted {
    fn left(&self, name: &str) -> String {
        std::fs::read_to_string(self.out.path().join(name)).expect("the script left it")
    }
}

const LONG: Duration = Duration::from_secs(30);
/// The beginning of a picture of one pixel.
const PNG: &str = r#"printf '\211PNG\r\n\032\n\0\0\0\015IHDR\0\0\0\001\0\0\0\001\010\002\0\0\0' > "$picture""#;

#[tokio::test]
async fn a_browser_gets_the_address_last_and_nothing_of_our_environment() {
    let one = scripted(
        &format!(
            r#"for word; do last=$word; done; echo "$last" > $out/last; echo "$@" > $out/all; env > $out/env; {PNG}"#
        ),
        LONG,
    );
    let (picture, served) = one.browser.shoot("http://site.example/?--no-sandbox").await.expect("a picture");
    assert_eq!((picture.width, picture.height, served), (1, 1, false));
    assert_eq!(one.left("last"), "http://site.example/?--no-sandbox\n");
    let all = one.left("all");
    assert!(
        all.contains("--proxy-server=http://127.0.0.1:") && all.contains("--proxy-bypass-list=<-loopback>"),
        "{all}"
    );
    assert!(!all.contains(" --no-sandbox"), "{all}");
    let environment = one.left("env");
    let mut names: Vec<_> = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"));
    names.sort_unstable();
    assert_eq!(names, ["DBUS_SESSION_BUS_ADDRESS", "HOME", "LANG", "PATH", "TMPDIR"]);
}

#[tokio::test]
async fn a_profile_is_thrown_away() {
    let one = scripted(&format!(r#"mkdir -p "$HOME/profile/x"; echo "$HOME" > $out/home; {PNG}"#), LONG);
    one.browser.shoot("about:blank").await.expect("a picture");
    assert!(!Path::new(one.left("home").trim_end()).exists());
}

#[tokio::test]
async fn a_page_that_nobody_answered_for_has_no_picture() {
    let one = scripted(PNG, LONG);
    let taken = one.browser.picture(&"http://site.example/".parse().expect("a URL")).await;
    assert!(matches!(taken, Err(NoPicture::Nothing)), "{taken:?}");
}

#[tokio::test]
async fn what_may_not_be_fetched_is_not_opened() {
    let one = scripted(&format!("echo > $out/ran; {PNG}"), LONG);
    for url in ["http://127.0.0.1/", "http://site.example:25/", "ftp://site.example/", "http://169.254.169.254/"] {
        let taken = one.browser.picture(&url.parse().expect("a URL")).await;
        assert!(matches!(taken, Err(NoPicture::Refused(_))), "{url}: {taken:?}");
    }
    assert!(!one.out.path().join("ran").exists());
}

#[tokio::test]
async fn a_browser_that_does_not_end_is_ended_with_all_that_it_started() {
    let one = scripted("sleep 600 & echo $! > $out/child; sleep 600", Duration::from_millis(500));
    let taken = one.browser.shoot("about:blank").await;
    assert!(matches!(taken, Err(NoPicture::Slow(_))), "{taken:?}");
    let child = one.left("child");
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim_end()));
    let ended = async {
        // Gone, or a zombie that nobody has buried yet.
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, ended).await.expect("it is ended");
}

#[tokio::test]
async fn a_browser_that_fails_says_why() {
    let one = scripted(
        "echo '[1:1:ERROR:dbus/bus.cc:405] no bus' >&2; echo 'Running as root is not supported.' >&2; exit 1",
        LONG,
    );
    let Err(NoPicture::Failed(why)) = one.browser.check().await else { panic!("no failure") };
    assert_eq!(why, "exit status: 1: Running as root is not supported.");
    let one = scripted("exit 0", LONG);
    assert!(matches!(one.browser.check().await, Err(NoPicture::Failed(_))));
    let one = scripted("echo no picture > \"$picture\"", LONG);
    assert!(matches!(one.browser.check().await, Err(NoPicture::Bad("another file"))));
}

#[tokio::test]
async fn a_browser_that_is_not_there_says_so() {
    let settings = BrowserSettings {
        program: "/nowhere/chromium".into(),
        patience: LONG,
        policy: Policy::default(),
        names: Arc::new(Nobody),
    };
    assert!(matches!(Browser::new(settings).check().await, Err(NoPicture::Unstarted(_))));
}

#[tokio::test]
async fn what_is_not_a_file_is_not_read() {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0")
        .expect("written");
    for trick in [
        format!("ln -s {} \"$picture\"", secret.path().display()),
        "mkfifo \"$picture\"".to_owned(),
        "mkdir \"$picture\"".to_owned(),
    ] {
        let one = scripted(&trick, LONG);
        let taken = one.browser.shoot("about:blank").await;
        assert!(matches!(taken, Err(NoPicture::Failed(_))), "{trick}: {taken:?}");
    }
}

#[tokio::test]
async fn a_picture_that_is_too_large_is_not_read_whole() {
    let one = scripted(&format!("{PNG}; head -c 8000000 /dev/zero >> \"$picture\""), LONG);
    let taken = one.browser.shoot("about:blank").await;
    assert!(matches!(taken, Err(NoPicture::Bad("a file that is too large"))), "{taken:?}");
}
