//! Look-up against a bare handler: `GET /files/{sha256}` with authentication and metering on, beside an axum handler that
//! returns the same bytes and does nothing else.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use assay_benches::arguments::{Arguments, median};
use assay_benches::load::{Figures, Generator, Load};
use assay_benches::server::{self, Server};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;

/// Limits that are counted but not reached.
const LIMITS: &str = "[tiers.premium]\nminute = 10000000\nday = 900000000\nmonth = 900000000\n";

const HELP: &str = "\
lookup: GET /api/v3/files/{sha256} beside a bare axum handler that returns the same bytes

The report is that of a real binary, scanned first. Both servers are processes of their own with tokio's default number of
threads; both get the same requests, key header included, from the same generator (wrk where it is installed), in turn:
A, B, A, B, ... The ratio of each round is taken within the round; printed is the median.

  --rounds N        rounds (default 5, at least 3)
  --seconds N       seconds a run (default 10)
  --connections N   connections at once (default 32)
  --sample PATH     the binary to scan (default: this program)
  --accounts N      other accounts in the store, of two keys each (default 0)
  --tier NAME       operator, or a tier for a fresh account (default premium)
  --assay PATH      the server (default: `assay` beside this program)";

fn main() -> Result<()> {
    // The bare handler is this program, started again.
    let words: Vec<String> = std::env::args().collect();
    if let [_, command, address, body] = words.as_slice()
        && command == "bare"
    {
        return bare(address.parse()?, Path::new(body));
    }
    let mut arguments = Arguments::read(HELP);
    let rounds = arguments.value("--rounds", 5_usize)?.max(3);
    let seconds = arguments.value("--seconds", 10)?;
    let connections = arguments.value("--connections", 32)?;
    let sample: PathBuf = arguments.value("--sample", std::env::current_exe()?)?;
    let tier = arguments.value("--tier", "premium".to_owned())?;
    let accounts = arguments.value("--accounts", 0_usize)?;
    let assay = server::binary(arguments.optional("--assay")?)?;
    arguments.done()?;

    let folder = tempfile::tempdir()?;
    if accounts > 0 {
        drop(Server::start(&assay, folder.path(), LIMITS)?);
        let data = folder.path().join("data");
        let pepper = std::fs::read_to_string(data.join("pepper"))?;
        let pepper = assay_model::apikey::Pepper::from_hex(&pepper).context("the pepper is 64 hexadecimal digits")?;
        tokio::runtime::Runtime::new()?.block_on(async {
            let store = assay_benches::accounts::store(&data).await?;
            assay_benches::accounts::fill(&*store, &pepper, accounts, "public").await
        })?;
    }
    let server = Server::start(&assay, folder.path(), LIMITS)?;
    let key = if tier == "operator" { server.key()? } else { server.account("bench", &tier)? };
    server.scan(&sample)?;
    let path = format!("/api/v3/files/{}", sha256(&sample)?);
    let (status, body) = server.get(&path, Some(&key))?;
    if status != 200 {
        bail!("{path}: {status} {}", String::from_utf8_lossy(&body));
    }
    let bare = Bare::start(folder.path(), &body, &path)?;

    let generator = Generator::choose();
    let load = Load { path, key, connections, time: Duration::from_secs(seconds) };
    println!(
        "report: {} bytes; {generator:?}, {connections} connections, {seconds} s a run; account: {tier}; {accounts} others",
        body.len()
    );
    let short = Load { time: Duration::from_secs(2), ..load.clone() };
    generator.run(server.address, &short)?;
    generator.run(bare.address, &short)?;

    println!("round   assay/s    bare/s    ratio   assay p99   bare p99   ratio");
    let mut figures: Vec<(Figures, Figures)> = Vec::new();
    for round in 1..=rounds {
        let (ours, theirs) = (generator.run(server.address, &load)?, generator.run(bare.address, &load)?);
        println!(
            "{round:>5} {:>9.0} {:>9.0} {:>8.2} {:>9.2} ms {:>7.2} ms {:>7.2}",
            ours.per_second,
            theirs.per_second,
            ours.per_second / theirs.per_second,
            ours.p99,
            theirs.p99,
            ours.p99 / theirs.p99
        );
        figures.push((ours, theirs));
    }
    let of = |figure: fn(&(Figures, Figures)) -> f64| median(&figures.iter().map(figure).collect::<Vec<_>>());
    println!("\nrequests/s: {:.2} of the bare handler's", of(|(ours, theirs)| ours.per_second / theirs.per_second));
    println!("p99:        {:.2} times the bare handler's", of(|(ours, theirs)| ours.p99 / theirs.p99));
    Ok(())
}

fn sha256(path: &Path) -> Result<String> {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// The peer's process; ends with this value.
struct Bare {
    process: Child,
    address: SocketAddr,
}

impl Bare {
    #[expect(clippy::disallowed_methods, reason = "the peer is a process of its own, as the server is")]
    fn start(folder: &Path, body: &[u8], path: &str) -> Result<Self> {
        let file = folder.join("body.json");
        std::fs::write(&file, body)?;
        let address = server::free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", &address.to_string()]).arg(&file).stdin(Stdio::null());
        let bare = Self { process: command.spawn()?, address };
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = std::net::TcpStream::connect(address) {
                let request = format!("GET {path} HTTP/1.1\r\nHost: bare\r\nConnection: close\r\n\r\n");
                std::io::Write::write_all(&mut connection, request.as_bytes())?;
                let (status, answered) = server::answer(&mut connection)?;
                if status != 200 || answered != body {
                    bail!("the bare handler does not return the same bytes");
                }
                return Ok(bare);
            }
            if began.elapsed() > Duration::from_secs(10) {
                bail!("the bare handler does not start");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _it_may_have_ended_already = self.process.kill();
        let _nothing_is_left_to_do = self.process.wait();
    }
}

/// Serves the bytes of a file as JSON and nothing else.
fn bare(address: SocketAddr, body: &Path) -> Result<()> {
    let body = Bytes::from(std::fs::read(body).context("the body to serve")?);
    let answer = get(async move || ([(CONTENT_TYPE, "application/json")], body.clone()));
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(listener, Router::new().route("/api/v3/files/{id}", answer)).await?;
        Ok(())
    })
}
