//! Load on one address: `wrk` where it is installed, else a small generator of our own. Both keep connections open and
//! send the next request when the last one was answered.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What is asked, how often at once, and for how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// The path.
    pub path: String,
    /// The key for the header.
    pub key: String,
    /// Connections at once.
    pub connections: usize,
    /// How long.
    pub time: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Answers in a second.
    pub per_second: f64,
    /// 99 of 100 answers came within this, milliseconds.
    pub p99: f64,
}

/// Which generator is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// `wrk` from Debian's packages.
    Wrk,
    /// The one in this file.
    BuiltIn,
}

impl Generator {
    /// `wrk` where it is installed.
    pub fn choose() -> Self {
        if Command::new("wrk").arg("--version").output().is_ok() { Self::Wrk } else { Self::BuiltIn }
    }

    /// Loads an address. Fails when an answer is anything but 200.
    pub fn run(self, address: SocketAddr, load: &Load) -> Result<Figures> {
        match self {
            Self::Wrk => wrk(address, load),
            Self::BuiltIn => {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                runtime.block_on(built_in(address, load))
            }
        }
    }
}

fn wrk(address: SocketAddr, load: &Load) -> Result<Figures> {
    let mut command = Command::new("wrk");
    command.args([
        "--latency",
        "-t2",
        &format!("-c{}", load.connections),
        &format!("-d{}s", load.time.as_secs().max(1)),
    ]);
    command.args(["-H", &format!("x-apikey: {}", load.key), &format!("http://{address}{}", load.path)]);
    let done = command.output()?;
    let printed = String::from_utf8_lossy(&done.stdout);
    if !done.status.success() || printed.contains("Non-2xx") {
        bail!("wrk: {printed}{}", String::from_utf8_lossy(&done.stderr));
    }
    let after = |label: &str| {
        let line = printed.lines().map(str::trim).find(|line| line.starts_with(label));
        line.and_then(|line| line.split_whitespace().last()).with_context(|| format!("wrk printed no {label}"))
    };
    let per_second = after("Requests/sec:")?.parse()?;
    Ok(Figures { per_second, p99: milliseconds(after("99%")?)? })
}

/// wrk's `812.00us`, `1.23ms`, `2.01s`.
fn milliseconds(text: &str) -> Result<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => bail!("wrk printed a time that is not understood: {text}"),
    };
    Ok(number.parse::<f64>()? * factor)
}

async fn built_in(address: SocketAddr, load: &Load) -> Result<Figures> {
    let request = format!("GET {} HTTP/1.1\r\nHost: {address}\r\nx-apikey: {}\r\n\r\n", load.path, load.key);
    let began = Instant::now();
    let end = began + load.time;
    let mut tasks = JoinSet::new();
    for _ in 0..load.connections {
        tasks.spawn(one_connection(address, request.clone().into_bytes(), end));
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    times.sort_unstable();
    let nearest = times.len().saturating_mul(99) / 100;
    let p99 = times.get(nearest.min(times.len().saturating_sub(1))).context("nothing was answered")?;
    #[expect(clippy::cast_precision_loss, reason = "a count of answers, far below 2^53")]
    let per_second = times.len() as f64 / elapsed;
    Ok(Figures { per_second, p99: p99.as_secs_f64() * 1000.0 })
}

/// Asks over one connection until `end`; answers how long each answer took.
async fn one_connection(address: SocketAddr, request: Vec<u8>, end: Instant) -> Result<Vec<Duration>> {
    let mut connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    while Instant::now() < end {
        let asked = Instant::now();
        connection.write_all(&request).await?;
        read_answer(&mut connection, &mut buffer).await?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

async fn read_answer(connection: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    let mut whole = None;
    while whole.is_none_or(|whole| filled < whole) {
        let count = connection.read(&mut buffer[filled..]).await?;
        if count == 0 {
            bail!("the connection was closed, or the answer is larger than {} bytes", buffer.len());
        }
        filled += count;
        if whole.is_none() {
            whole = length(&buffer[..filled])?;
        }
    }
    Ok(())
}

/// How long an answer is with its head, once the head is there.
fn length(received: &[u8]) -> Result<Option<usize>> {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end])?.to_ascii_lowercase();
    if !head.starts_with("http/1.1 200") {
        bail!("not 200: {}", head.lines().next().unwrap_or_default());
    }
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let body: usize = line.context("an answer says its length")?.trim().parse()?;
    Ok(Some(end + 4 + body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_wrk_are_read() {
        assert!((milliseconds("812.00us").unwrap() - 0.812).abs() < 1e-9);
        assert!((milliseconds("2.50s").unwrap() - 2500.0).abs() < 1e-9);
        assert!(milliseconds("fast").is_err());
    }

    #[test]
    fn an_answer_is_measured_by_its_own_length() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Len").unwrap(), None);
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").unwrap(), Some(43));
        assert!(length(b"HTTP/1.1 429 Too Many Requests\r\n\r\n").is_err());
    }
}
