//! What a fetch does and does not do, against real servers on this machine.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use assay_model::outbound::Rules;
use assay_model::url::CanonicalUrl;
use assay_web::suite::{self, Sites};
use assay_web::{Config, Fetched, Hop, Names, Policy, Recorded, Unfinished, Web, open};
use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const PAGE: &str = "<title>hello</title>";

/// 200 MiB of zeros, packed.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..200 {
        packed.write_all(&[0; 1 << 20]).expect("packed");
    }
    packed.finish().expect("packed")
});

/// The same, packed by brotli.
static BROTLI_BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packed = Vec::new();
    let mut zeros = io::repeat(0).take(200 << 20);
    let parameters = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    brotli::BrotliCompress(&mut zeros, &mut packed, &parameters).expect("packed");
    packed
});

/// A server whose answers are in the path.
struct Site {
    port: u16,
    calls: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let calls = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let counted = calls.clone();
        tasks.spawn(async move {
            let mut under_way = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                under_way.spawn(answer(stream));
            }
        });
        Self { port, calls, _tasks: tasks }
    }

    fn url(&self, path: &str) -> CanonicalUrl {
        format!("http://127.0.0.1:{}{path}", self.port).parse().expect("a URL")
    }

    fn named(&self, path: &str) -> CanonicalUrl {
        format!("http://site.example:{}{path}", self.port).parse().expect("a URL")
    }

    /// May call this server, as this machine, and waits for little.
    fn policy(&self) -> Policy {
        let allow = vec!["127.0.0.1/32".parse().expect("a network")];
        Policy {
            rules: Rules { allow, allow_http: true },
            ports: vec![self.port],
            body: 1 << 20,
            patience: Duration::from_millis(500),
            total: Duration::from_secs(2),
            ..Policy::default()
        }
    }

    async fn fetch(&self, url: &CanonicalUrl) -> Fetched {
        web(self.policy(), Fixed(&[[127, 0, 0, 1]])).fetch(url).await
    }
}

async fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
    let _gone = serve(&mut stream, &path).await;
}

async fn serve(stream: &mut TcpStream, path: &str) -> io::Result<()> {
    let (what, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    match what {
        "to" => {
            let target = percent_decoded(argument);
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        "down" => {
            let next = argument.parse::<u32>().unwrap_or(0) + 1;
            let head = format!("HTTP/1.1 301 Moved\r\nLocation: /down/{next}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 16 << 10]).await?;
            }
        }
        "drip" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        "silent" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(())
        }
        "headers" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(&[b"X-Long: ", &[b'x'; 16 << 10][..], b"\r\n"].concat()).await?;
            }
        }
        "bomb" => {
            let packed = if argument == "br" { &*BROTLI_BOMB } else { &*BOMB };
            let encoding = if argument == "br" { "br" } else { "gzip" };
            let length = packed.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(packed).await
        }
        "not-gzip" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello").await
        }
        "nonsense" => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await,
        _ => {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nContent-Length: {}\r\n\r\n{PAGE}",
                PAGE.len()
            );
            stream.write_all(head.as_bytes()).await
        }
    }
}

fn percent_decoded(text: &str) -> String {
    text.replace("%2F", "/").replace("%3A", ":").replace("%5B", "[").replace("%5D", "]")
}

/// Every name stands for these addresses; `nowhere.example` for none.
struct Fixed(&'static [[u8; 4]]);

#[async_trait]
impl Names for Fixed {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if name == "nowhere.example" {
            return Err(io::Error::other("no such name"));
        }
        Ok(self.0.iter().map(|one| IpAddr::from(*one)).collect())
    }
}

fn web(policy: Policy, names: impl Names) -> Arc<dyn Web> {
    open(Config::Live { policy, names: Arc::new(names) }).expect("a web")
}

#[tokio::test]
async fn the_live_web_keeps_the_contract() {
    let site = Site::start().await;
    let web = web(site.policy(), Fixed(&[[127, 0, 0, 1]]));
    let redirect = site.named(&format!("/to/http:%2F%2Fsite.example:{}%2Fpage", site.port));
    let nowhere = format!("http://nowhere.example:{}/", site.port).parse().expect("a URL");
    suite::run(&*web, &Sites { page: site.named("/page"), redirect, nowhere }).await;
}

#[tokio::test]
async fn a_recorded_web_keeps_the_contract() {
    let url = |text: &str| text.parse::<CanonicalUrl>().expect("a URL");
    let sites = Sites {
        page: url("http://x.example/page"),
        redirect: url("http://x.example/redirect"),
        nowhere: url("http://nowhere.example/"),
    };
    let hop = |url: &CanonicalUrl, status| Hop {
        url: url.clone(),
        address: Some(Ipv4Addr::LOCALHOST.into()),
        status,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        certificate: None,
    };
    let redirected = Fetched {
        hops: vec![hop(&sites.redirect, 302), hop(&sites.page, 200)],
        body: Bytes::from_static(PAGE.as_bytes()),
        unfinished: None,
    };
    let recorded = Recorded::default().with_page(&sites.page, PAGE).with(&sites.redirect, redirected);
    suite::run(&*open(Config::Recorded(recorded)).expect("a web"), &sites).await;
}

#[tokio::test]
async fn an_answer_is_told_with_its_head_and_its_address() {
    let site = Site::start().await;
    let fetched = site.fetch(&site.url("/page")).await;
    let hop = &fetched.hops[0];
    assert_eq!(hop.address, Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(hop.header("set-cookie"), Some("a=b"));
    assert_eq!(fetched.body, PAGE);
}

/// The table of addresses that nobody may be sent to, written in a URL in whatever way.
#[tokio::test]
async fn no_inner_address_is_called_however_it_is_written() {
    let site = Site::start().await;
    let policy = Policy { rules: Rules { allow: Vec::new(), allow_http: true }, ..site.policy() };
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "localhost",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[fd00::1]",
        "[fd00:ec2::254]",
        "[2002:7f00:1::]",
        "①②⑦.0.0.1",
    ] {
        let url: CanonicalUrl = format!("http://{host}:{}/", site.port).parse().unwrap_or_else(|_| panic!("{host}"));
        let fetched = web(policy.clone(), Fixed(&[[127, 0, 0, 1]])).fetch(&url).await;
        assert!(matches!(fetched.unfinished, Some(Unfinished::Refused(_))), "{host}: {:?}", fetched.unfinished);
    }
    assert_eq!(site.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_called_only_if_all_that_it_stands_for_may_be_called() {
    let site = Site::start().await;
    let policy = Policy { rules: Rules { allow: Vec::new(), allow_http: true }, ..site.policy() };
    for addresses in [&[[127, 0, 0, 1]][..], &[[8, 8, 8, 8], [10, 0, 0, 1]], &[[169, 254, 169, 254]]] {
        let fetched = web(policy.clone(), Fixed(addresses)).fetch(&site.named("/page")).await;
        assert!(matches!(fetched.unfinished, Some(Unfinished::Refused(_))), "{:?}", fetched.unfinished);
    }
    assert_eq!(site.calls.load(Ordering::SeqCst), 0);
}

/// Stands for an allowed address when it is first asked, and for an inner one from then on.
struct Rebinding(AtomicUsize);

#[async_trait]
impl Names for Rebinding {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if first { Ipv4Addr::LOCALHOST.into() } else { Ipv4Addr::new(127, 0, 0, 2).into() }])
    }
}

#[tokio::test]
async fn a_name_that_rebinds_is_checked_at_each_call_and_the_checked_address_is_the_one_called() {
    let site = Site::start().await;
    // 127.0.0.1 may be called here and 127.0.0.2 may not: it stands for the inner address.
    let web = web(site.policy(), Rebinding(AtomicUsize::new(0)));
    let first = web.fetch(&site.named("/page")).await;
    assert_eq!((first.unfinished, first.hops[0].address), (None, Some(Ipv4Addr::LOCALHOST.into())));
    let second = web.fetch(&site.named("/page")).await;
    assert!(matches!(second.unfinished, Some(Unfinished::Refused(_))), "{:?}", second.unfinished);
}

#[tokio::test]
async fn a_redirect_is_checked_as_the_first_url_was() {
    let site = Site::start().await;
    for (target, why) in [
        ("http:%2F%2F127.0.0.2:1%2F".to_owned(), Unfinished::Port),
        (format!("http:%2F%2F127.0.0.2:{}%2F", site.port), Unfinished::Refused(loopback())),
        (format!("http:%2F%2F%5B::1%5D:{}%2F", site.port), Unfinished::Refused(loopback())),
        ("file:%2F%2F%2Fetc%2Fpasswd".to_owned(), Unfinished::Scheme),
        ("gopher:%2F%2F127.0.0.1%2F".to_owned(), Unfinished::Scheme),
        ("javascript:alert(1)".to_owned(), Unfinished::Scheme),
        ("http:%2F%2F".to_owned(), Unfinished::BadRedirect),
    ] {
        let fetched = site.fetch(&site.url(&format!("/to/{target}"))).await;
        assert_eq!((fetched.hops.len(), fetched.unfinished), (1, Some(why)), "{target}");
    }
}

fn loopback() -> assay_model::outbound::Refusal {
    assay_model::outbound::Refusal::Address("a loopback address")
}

#[tokio::test]
async fn redirects_end() {
    let site = Site::start().await;
    let fetched = site.fetch(&site.url("/down/0")).await;
    assert_eq!((fetched.hops.len(), fetched.unfinished), (11, Some(Unfinished::Redirects(10))));
    let own = format!("/to/http:%2F%2F127.0.0.1:{}%2Fpage", site.port);
    let fetched = site.fetch(&site.url(&own)).await;
    assert_eq!((fetched.hops.len(), fetched.unfinished), (2, None));
}

#[tokio::test]
async fn a_circle_of_redirects_is_seen() {
    // A server that always redirects to itself.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _read = stream.read(&mut buffer).await;
            let _gone = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let site = Site { port, calls: Arc::default(), _tasks: tasks };
    let fetched = site.fetch(&site.url("/")).await;
    assert_eq!((fetched.hops.len(), fetched.unfinished), (1, Some(Unfinished::Circle)));
}

#[tokio::test]
async fn ten_gigabytes_are_cut_off_at_the_limit() {
    let site = Site::start().await;
    let fetched = site.fetch(&site.url("/endless")).await;
    assert_eq!((fetched.body.len(), fetched.unfinished), (1 << 20, Some(Unfinished::Cut(1 << 20))));
}

#[tokio::test]
async fn a_gzip_bomb_is_cut_off_at_the_limit() {
    // Packing it takes longer than the policy waits.
    LazyLock::force(&BOMB);
    let site = Site::start().await;
    let fetched = site.fetch(&site.url("/bomb")).await;
    assert_eq!((fetched.body.len(), fetched.unfinished), (1 << 20, Some(Unfinished::Cut(1 << 20))));
    let fetched = site.fetch(&site.url("/not-gzip")).await;
    assert!(matches!(fetched.unfinished, Some(Unfinished::Broken(_))), "{:?}", fetched.unfinished);
}

#[tokio::test]
async fn a_brotli_bomb_is_cut_off_at_the_limit() {
    assert!(BROTLI_BOMB.len() < 1 << 20, "it would be cut off for being long");
    let site = Site::start().await;
    let fetched = site.fetch(&site.url("/bomb/br")).await;
    assert_eq!((fetched.body.len(), fetched.unfinished), (1 << 20, Some(Unfinished::Cut(1 << 20))));
}

#[tokio::test]
async fn who_drips_or_is_silent_is_not_waited_for() {
    let site = Site::start().await;
    for (path, longest) in [("/drip", 4), ("/silent", 2)] {
        let started = Instant::now();
        let fetched = site.fetch(&site.url(path)).await;
        assert_eq!(fetched.unfinished, Some(Unfinished::Slow), "{path}");
        assert!(started.elapsed() < Duration::from_secs(longest), "{path}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn endless_headers_and_nonsense_end_the_exchange() {
    let site = Site::start().await;
    for path in ["/headers", "/nonsense"] {
        let fetched = site.fetch(&site.url(path)).await;
        let ended = matches!(fetched.unfinished, Some(Unfinished::Broken(_) | Unfinished::Slow));
        assert!(ended && fetched.hops.is_empty(), "{path}: {:?}", fetched.unfinished);
    }
}

#[tokio::test]
async fn what_the_policy_does_not_name_is_not_called() {
    let site = Site::start().await;
    let policy = Policy { ports: vec![80, 443], ..site.policy() };
    let fetched = web(policy, Fixed(&[[127, 0, 0, 1]])).fetch(&site.url("/page")).await;
    assert_eq!(fetched.unfinished, Some(Unfinished::Port));
    let ftp = "ftp://127.0.0.1/a".parse().expect("a URL");
    assert_eq!(site.fetch(&ftp).await.unfinished, Some(Unfinished::Scheme));
    assert_eq!(site.calls.load(Ordering::SeqCst), 0);
}
