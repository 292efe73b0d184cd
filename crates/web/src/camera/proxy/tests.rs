//! The proxy over real sockets: what it passes on, and what it does not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use assay_model::outbound::Rules;
use async_trait::async_trait;

use super::*;

/// A server that answers each connection with the same, and remembers what it was asked.
struct Site {
    port: u16,
    calls: Arc<AtomicUsize>,
    asked: Arc<Mutex<String>>,
    _tasks: JoinSet<()>,
}

impl Site {
    async fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (calls, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let mut tasks = JoinSet::new();
        let (counted, kept) = (calls.clone(), asked.clone());
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = Vec::new();
                while head::end(&head, 0).is_none() && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {}
                kept.lock().expect("nobody panicked").push_str(&String::from_utf8_lossy(&head));
                // Whoever hung up has had enough.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, calls, asked, _tasks: tasks }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Names that stand for what the test says, one answer after the other; the last one for ever.
struct Told(Mutex<HashMap<&'static str, Vec<[u8; 4]>>>);

#[async_trait]
impl Names for Told {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut known = self.0.lock().expect("nobody panicked");
        let answers = known.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        Ok(vec![next.into()])
    }
}

/// A proxy that may call 127.0.0.1 at these ports; the page is at the first of them.
async fn proxy(ports: &[u16], names: &[(&'static str, &[[u8; 4]])], bytes: u64) -> Proxy {
    let allow = vec!["127.0.0.1/32".parse().expect("a network")];
    let patience = Duration::from_secs(5);
    let policy =
        Policy { rules: Rules { allow, allow_http: true }, ports: ports.to_vec(), patience, ..Policy::default() };
    let names = names.iter().map(|(name, answers)| (*name, answers.to_vec())).collect();
    let page = Url::parse(&format!("http://127.0.0.1:{}/", ports[0])).expect("a URL");
    let gate = Gate { policy, names: Arc::new(Told(Mutex::new(names))) };
    Proxy::open(Arc::new(gate), Some(page), bytes).await.expect("a proxy")
}

/// Everything that comes back.
async fn ask(proxy: &Proxy, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // Being cut off is an answer too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";

#[tokio::test]
async fn a_permitted_page_is_loaded() {
    let site = Site::start(PAGE.to_vec()).await;
    let proxy = proxy(&[site.port], &[("site.example", &[[127, 0, 0, 1]])], BYTES).await;
    let address = format!("http://site.example:{}/page?x", site.port);
    let answer =
        ask(&proxy, &format!("GET {address} HTTP/1.1\r\nHost: x\r\nProxy-Connection: keep-alive\r\n\r\n")).await;
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    let asked = site.asked.lock().expect("nobody panicked").clone();
    assert_eq!(asked, format!("GET /page?x HTTP/1.1\r\nHost: site.example:{}\r\nConnection: close\r\n\r\n", site.port));
}

#[tokio::test]
async fn it_is_known_whether_the_server_of_the_page_has_answered() {
    let (page, other) = (Site::start(PAGE.to_vec()).await, Site::start(PAGE.to_vec()).await);
    let proxy = proxy(&[page.port, other.port], &[], BYTES).await;
    ask(&proxy, &format!("GET http://127.0.0.1:{}/ HTTP/1.1\r\n\r\n", other.port)).await;
    ask(&proxy, &format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\nx\r\n\r\n", other.port)).await;
    assert!(!proxy.has_served());
    ask(&proxy, &format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\nx\r\n\r\n", page.port)).await;
    assert!(proxy.has_served());
}

#[tokio::test]
async fn a_tunnel_passes_bytes_both_ways() {
    let site = Site::start(b"whatever TLS says".to_vec()).await;
    let proxy = proxy(&[site.port], &[("site.example", &[[127, 0, 0, 1]])], BYTES).await;
    let answer = ask(&proxy, &format!("CONNECT site.example:{} HTTP/1.1\r\n\r\nhello\r\n\r\n", site.port)).await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\nwhatever TLS says");
    assert_eq!(*site.asked.lock().expect("nobody panicked"), "hello\r\n\r\n");
}

#[tokio::test]
async fn inner_addresses_are_refused_however_they_are_written() {
    let site = Site::start(PAGE.to_vec()).await;
    let port = site.port;
    let names: &[(_, &[_])] = &[("inner.example", &[[127, 0, 0, 2]]), ("cloud.example", &[[169, 254, 169, 254]])];
    let proxy = proxy(&[port], names, BYTES).await;
    let hosts = [
        "127.0.0.2",
        "0x7f.0.0.2",
        "2130706434",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "inner.example",
        "cloud.example",
        "0.0.0.0",
    ];
    for host in hosts {
        for request in
            [format!("GET http://{host}:{port}/ HTTP/1.1\r\n\r\n"), format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n")]
        {
            let answer = ask(&proxy, &request).await;
            assert_eq!(status(&answer), "403", "{request}{answer}");
        }
    }
    assert_eq!(status(&ask(&proxy, &format!("CONNECT nowhere.example:{port} HTTP/1.1\r\n\r\n")).await), "502");
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn a_name_is_resolved_once_for_check_and_connection() {
    let site = Site::start(PAGE.to_vec()).await;
    // Answers well once, then with an inner address: what was checked is what is called.
    let rebinding: &[_] = &[[127, 0, 0, 1], [127, 0, 0, 2]];
    let proxy = proxy(&[site.port], &[("rebinding.example", rebinding)], BYTES).await;
    let request = format!("GET http://rebinding.example:{}/ HTTP/1.1\r\n\r\n", site.port);
    assert_eq!(status(&ask(&proxy, &request).await), "200");
    assert_eq!(status(&ask(&proxy, &request).await), "403");
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_here_and_its_target_is_checked_when_it_is_asked_for() {
    let inner = Site::start(PAGE.to_vec()).await;
    let target = format!("http://127.0.0.2:{}/", inner.port);
    let site = Site::start(format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\n\r\n").into_bytes()).await;
    let proxy = proxy(&[site.port, inner.port], &[], BYTES).await;
    let answer = ask(&proxy, &format!("GET http://127.0.0.1:{}/ HTTP/1.1\r\n\r\n", site.port)).await;
    assert!(answer.contains(&format!("Location: {target}\r\n")), "{answer}");
    assert_eq!(status(&ask(&proxy, &format!("GET {target} HTTP/1.1\r\n\r\n")).await), "403");
    assert_eq!(inner.calls(), 0);
}

#[tokio::test]
async fn ports_that_are_not_listed_are_refused() {
    let site = Site::start(PAGE.to_vec()).await;
    let proxy = proxy(&[80, 443], &[], BYTES).await;
    for request in [
        format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\n", site.port),
        format!("GET http://127.0.0.1:{}/ HTTP/1.1\r\n\r\n", site.port),
        "CONNECT 127.0.0.1:25 HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        assert_eq!(status(&ask(&proxy, &request).await), "403", "{request}");
    }
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn what_is_meant_for_another_server_does_not_end_up_at_this_one() {
    let (site, other) = (Site::start(PAGE.to_vec()).await, Site::start(PAGE.to_vec()).await);
    let proxy = proxy(&[site.port, other.port], &[], BYTES).await;
    let request =
        |site: &Site| format!("GET http://127.0.0.1:{}/ HTTP/1.1\r\nCookie: {}\r\n\r\n", site.port, site.port);
    let answer = ask(&proxy, &[request(&site), request(&other)].concat()).await;
    assert_eq!(answer.matches("hello").count(), 1);
    assert_eq!((site.calls(), other.calls()), (1, 0));
    assert_eq!(site.asked.lock().expect("nobody panicked").matches("Cookie").count(), 1);
}

#[tokio::test]
async fn a_page_is_cut_off_when_it_has_had_its_bytes() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(1 << 20, b'x');
    let site = Site::start(endless).await;
    let proxy = proxy(&[site.port], &[], 100_000).await;
    let request = format!("GET http://127.0.0.1:{}/ HTTP/1.1\r\n\r\n", site.port);
    let got = ask(&proxy, &request).await.len();
    assert!((50_000..=100_100).contains(&got), "{got}");
    // The bytes are the picture's, not the connection's.
    let tunnel = ask(&proxy, &format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\nx\r\n\r\n", site.port)).await;
    assert!(got + tunnel.len() <= 100_200, "{got} and {}", tunnel.len());
}

#[tokio::test]
async fn nothing_is_left_of_a_proxy_that_is_dropped() {
    let site = Site::start(PAGE.to_vec()).await;
    let proxy = proxy(&[site.port], &[], BYTES).await;
    let mut open = TcpStream::connect(proxy.address()).await.expect("a connection");
    open.write_all(b"GET ").await.expect("sent");
    let address = proxy.address();
    drop(proxy);
    let ended = open.read(&mut [0; 8]).await;
    assert!(!ended.is_ok_and(|read| read > 0));
    let again = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), again).await.expect("the port is closed");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let proxy = proxy(&[80], &[], BYTES).await;
    let answer = ask(&proxy, &format!("GET http://a.example/ HTTP/1.1\r\nX: {}", "x".repeat(HEAD_MAX))).await;
    assert!(answer.is_empty() || status(&answer) == "400", "{answer}");
}
