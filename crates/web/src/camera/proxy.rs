//! The browser's only way out: a forward proxy on a port of the loopback address, for as long as a picture takes. It
//! resolves and checks what it is asked for as a fetch is checked, and connects to the address that it checked. It speaks
//! `CONNECT` and plain HTTP with absolute addresses, one request a connection, and nothing else.
//!
//! A browser on the command line cannot be given a password for its proxy. Whoever finds the port while the picture is
//! taken can use it; what they reach are addresses that anybody may reach.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Host, Url};

use crate::handshake::connect;
use crate::names::{Unresolved, may_call, resolve};
use crate::{Names, Policy, Unfinished};

mod head;

use head::{Asked, HEAD_MAX, Refused};

/// How many connections a page may have at once.
const AT_ONCE: usize = 64;
/// How many connections a page may make.
const CONNECTIONS: u64 = 1000;
/// How many bytes go through, both ways together.
pub(crate) const BYTES: u64 = 64 << 20;
/// How much is passed on at a time.
const PIECE: usize = 16 << 10;

/// By what the proxy decides.
pub(crate) struct Gate {
    pub(crate) policy: Policy,
    pub(crate) names: Arc<dyn Names>,
}

/// See the module. Dropping it closes the port and every connection.
pub(crate) struct Proxy {
    address: SocketAddr,
    tally: Arc<Tally>,
    _listening: JoinSet<()>,
}

/// What went through, of all connections.
struct Tally {
    page: Option<Url>,
    /// How many bytes still may.
    left: AtomicU64,
    /// Whether the server of the page has answered.
    served: AtomicBool,
}

/// One connection's part in it.
struct Account<'a> {
    tally: &'a Tally,
    /// Whether it leads to the server of the page.
    is_page: bool,
}

impl<'a> Account<'a> {
    fn new(tally: &'a Tally, url: &Url) -> Self {
        let place = |url: &Url| (url.host_str().map(ToOwned::to_owned), url.port_or_known_default());
        Self { tally, is_page: tally.page.as_ref().is_some_and(|page| place(page) == place(url)) }
    }

    /// Takes so many bytes from what is left.
    fn spend(&self, bytes: usize) -> io::Result<()> {
        let (bytes, left) = (bytes as u64, &self.tally.left);
        let spent = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        spent.map(drop).map_err(|_| io::ErrorKind::QuotaExceeded.into())
    }

    /// Notes that the server has answered something.
    fn answered(&self) {
        if self.is_page {
            self.tally.served.store(true, Ordering::Relaxed);
        }
    }
}

impl Proxy {
    /// Listens on a port that is free, and lets so many bytes through. The page is the first thing that will be asked for.
    pub(crate) async fn open(gate: Arc<Gate>, page: Option<Url>, bytes: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let tally = Arc::new(Tally { page, left: AtomicU64::new(bytes), served: AtomicBool::new(false) });
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, gate, tally.clone()));
        Ok(Self { address, tally, _listening: listening })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the server of the page has answered anything.
    pub(crate) fn has_served(&self) -> bool {
        self.tally.served.load(Ordering::Relaxed)
    }
}

async fn listen(listener: TcpListener, gate: Arc<Gate>, tally: Arc<Tally>) {
    let mut under_way = JoinSet::new();
    for _ in 0..CONNECTIONS {
        while under_way.len() >= AT_ONCE {
            under_way.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else { break };
        while under_way.try_join_next().is_some() {}
        let (gate, tally) = (gate.clone(), tally.clone());
        // How a connection of a page ends is of no interest: what matters is in the tally.
        under_way.spawn(async move { serve(stream, &gate, &tally).await.unwrap_or_default() });
    }
    while under_way.join_next().await.is_some() {}
}

/// One connection of the browser's.
async fn serve(mut browser: TcpStream, gate: &Gate, tally: &Tally) -> io::Result<()> {
    let patience = gate.policy.patience;
    let asked = timeout(patience, read_head(&mut browser)).await?;
    let (asked, rest) = match asked? {
        Ok(asked) => asked,
        Err(refused) => return refuse(&mut browser, refused).await,
    };
    let server = match reach(gate, asked.target()).await {
        Ok(server) => server,
        Err(why) => return refuse(&mut browser, Refused::Target(why)).await,
    };
    let account = Account::new(tally, asked.target());
    match asked {
        Asked::Tunnel(_) => {
            browser.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            tunnel(browser, server, rest, &account).await
        }
        Asked::Plain { head, body, .. } => exchange(browser, server, (&head, body, rest), patience, &account).await,
    }
}

/// The head of a request, and what came with it.
async fn read_head(browser: &mut TcpStream) -> io::Result<Result<(Asked, Vec<u8>), Refused>> {
    let (mut bytes, mut looked) = (Vec::with_capacity(2048), 0);
    loop {
        if let Some(end) = head::end(&bytes, looked) {
            let rest = bytes.split_off(end);
            return Ok(Asked::read(&bytes).map(|asked| (asked, rest)));
        }
        if bytes.len() >= HEAD_MAX {
            return Ok(Err(Refused::Malformed));
        }
        looked = bytes.len();
        if browser.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn refuse(browser: &mut TcpStream, refused: Refused) -> io::Result<()> {
    browser.write_all(refused.answer().as_bytes()).await?;
    browser.shutdown().await
}

/// A connection to where a URL leads, if it may be called.
async fn reach(gate: &Gate, url: &Url) -> Result<TcpStream, Unfinished> {
    let Gate { policy, names } = gate;
    policy.check(url)?;
    let port = url.port_or_known_default().ok_or(Unfinished::Port)?;
    let find = async {
        let addresses = match url.host().ok_or(Unfinished::NoName)? {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => resolve(&**names, &policy.rules, name).await.map_err(|why| match why {
                Unresolved::Refused(refusal) => Unfinished::Refused(refusal),
                Unresolved::Unknown(_) => Unfinished::NoName,
            })?,
        };
        addresses.iter().try_for_each(|one| may_call(&policy.rules, *one)).map_err(Unfinished::Refused)?;
        connect(&addresses, port).await
    };
    timeout(policy.patience, find).await.map_err(|_elapsed| Unfinished::Slow)?.map(|(_, server)| server)
}

/// Passes bytes both ways until the server is done. Nobody is waited for here: the picture's own end is the end.
async fn tunnel(mut browser: TcpStream, mut server: TcpStream, rest: Vec<u8>, account: &Account<'_>) -> io::Result<()> {
    let (mut from_browser, mut to_browser) = browser.split();
    let (mut from_server, mut to_server) = server.split();
    account.spend(rest.len())?;
    to_server.write_all(&rest).await?;
    let up = async {
        while pass(&mut from_browser, &mut to_server, u64::MAX, account).await? > 0 {}
        to_server.shutdown().await
    };
    let down = download(&mut from_server, &mut to_browser, account);
    // A browser that has said all may still be waiting for the rest.
    tokio::select! {
        ended = down => ended,
        Err(broken) = up => Err(broken),
    }
}

/// One request of plain HTTP and its answer. What the browser sends after it is not read, so that nothing it means for
/// another server ends up at this one.
async fn exchange(
    mut browser: TcpStream,
    mut server: TcpStream,
    (head, body, rest): (&str, u64, Vec<u8>),
    patience: Duration,
    account: &Account<'_>,
) -> io::Result<()> {
    let (mut from_browser, mut to_browser) = browser.split();
    let (mut from_server, mut to_server) = server.split();
    account.spend(head.len())?;
    to_server.write_all(head.as_bytes()).await?;
    let first = &rest[..rest.len().min(usize::try_from(body).unwrap_or(usize::MAX))];
    account.spend(first.len())?;
    to_server.write_all(first).await?;
    let mut left = body - first.len() as u64;
    while left > 0 {
        match pass(&mut from_browser, &mut to_server, left, account).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            passed => left -= passed,
        }
    }
    let (answer, rest) = timeout(patience, answer_head(&mut from_server)).await??;
    account.spend(answer.len() + rest.len())?;
    account.answered();
    to_browser.write_all(&answer).await?;
    to_browser.write_all(&rest).await?;
    let gone = async {
        // It hangs up when it has all of the answer; a server may keep its end open for ever.
        let mut more = [0; 64];
        while from_browser.read(&mut more).await? > 0 {}
        Ok(())
    };
    tokio::select! {
        ended = download(&mut from_server, &mut to_browser, account) => ended,
        gone = gone => gone,
    }
}

/// The head of an answer, as it is passed on, and what came with it. Interim answers are left out.
async fn answer_head(server: &mut ReadHalf<'_>) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut bytes, mut looked) = (Vec::with_capacity(2048), 0);
    loop {
        if let Some(end) = head::end(&bytes, looked) {
            let rest = bytes.split_off(end);
            let (interim, head) = head::answer(&bytes).ok_or(io::ErrorKind::InvalidData)?;
            if !interim {
                return Ok((head, rest));
            }
            (bytes, looked) = (rest, 0);
            continue;
        }
        if bytes.len() >= HEAD_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        looked = bytes.len();
        if server.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Passes on what a server says, to its end.
async fn download(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, account: &Account<'_>) -> io::Result<()> {
    while pass(from, to, u64::MAX, account).await? > 0 {
        account.answered();
    }
    to.shutdown().await
}

/// Passes on one piece of at most so many bytes; answers how many, 0 at the end.
async fn pass(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, most: u64, account: &Account<'_>) -> io::Result<u64> {
    let mut piece = vec![0; usize::try_from(most).unwrap_or(PIECE).min(PIECE)];
    let read = from.read(&mut piece).await?;
    account.spend(read)?;
    to.write_all(&piece[..read]).await?;
    Ok(read as u64)
}

#[cfg(test)]
mod tests;
