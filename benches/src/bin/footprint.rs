//! What the server takes while it does nothing, how soon it is ready, and what a large upload adds.

use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use assay_benches::arguments::{Arguments, median};
use assay_benches::process::{self, Memory, megabytes};
use assay_benches::server::{self, Server};
use serde_json::Value;

const HELP: &str = "\
footprint: memory at rest with the built-in rules, time to ready, and what a 650 MB upload adds

Ready is the first 200 of /healthz, counted from the start of the process; memory is /proc/PID/status: all resident pages
and, of these, those that belong to no file (a mapped sample counts among files, which the kernel takes back at will).
The upload goes by upload_url from this program in pieces; memory is sampled every 10 ms until the answer, and again
until the analysis is completed.

  --starts N      how often it is started for the time to ready (default 7)
  --megabytes N   size of the upload, in 10^6 bytes (default 650)
  --assay PATH    the server (default: `assay` beside this program)";

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let starts = arguments.value("--starts", 7_usize)?.max(1);
    let size = arguments.value("--megabytes", 650_u64)? * 1_000_000;
    let assay: PathBuf = server::binary(arguments.optional("--assay")?)?;
    arguments.done()?;

    let folder = tempfile::tempdir()?;
    let mut ready = Vec::new();
    for _ in 1..starts {
        ready.push(Server::start(&assay, folder.path(), "")?.ready_after.as_secs_f64());
    }
    let server = Server::start(&assay, folder.path(), "")?;
    ready.push(server.ready_after.as_secs_f64());
    println!("ready after: {:.3} s the first time, {:.3} s (median of {starts} starts)", ready[0], median(&ready));

    std::thread::sleep(Duration::from_secs(5));
    let idle = process::memory(server.id())?;
    println!("at rest:     {}", shown(idle));

    let sampler = Sampler::start(server.id());
    let began = Instant::now();
    let analysis = upload(&server, size)?;
    let seconds = began.elapsed().as_secs_f64();
    let peak = sampler.stop()?;
    println!("\nupload of {:.0} MB in {seconds:.1} s", megabytes(size));
    println!("at its peak: {}", shown(peak));
    println!("it adds:     {}", grown(idle, peak));

    let sampler = Sampler::start(server.id());
    let began = Instant::now();
    while server.data(&format!("/api/v3/analyses/{analysis}"), &server.key()?)?["attributes"]["status"] != "completed" {
        if began.elapsed() > Duration::from_mins(10) {
            bail!("the analysis does not end:\n{}", server.log());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let peak = sampler.stop()?;
    println!("\nits analysis took {:.1} s more", began.elapsed().as_secs_f64());
    println!("it adds:     {}", grown(idle, peak));
    Ok(())
}

fn shown(memory: Memory) -> String {
    format!(
        "{:.1} MB resident ({:.1} MB of its own, {:.1} MB of files)",
        megabytes(memory.whole),
        megabytes(memory.anonymous),
        megabytes(memory.files)
    )
}

fn grown(before: Memory, after: Memory) -> String {
    shown(Memory {
        whole: after.whole.saturating_sub(before.whole),
        anonymous: after.anonymous.saturating_sub(before.anonymous),
        files: after.files.saturating_sub(before.files),
    })
}

/// Streams `size` bytes to an upload address and answers the id of the analysis.
fn upload(server: &Server, size: u64) -> Result<String> {
    let key = server.key()?;
    let address = server.data("/api/v3/files/upload_url", &key)?;
    let address = address.as_str().context("upload_url is a string")?;
    let path = address.find("/api/").map(|at| &address[at..]).context("upload_url has a path of ours")?;
    let start = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let length = size + u64::try_from(start.len() + end.len())?;
    let mut connection = TcpStream::connect(server.address)?;
    write!(
        connection,
        "POST {path} HTTP/1.1\r\nHost: {}\r\nx-apikey: {key}\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{start}",
        server.address
    )?;
    let mut left = size;
    let mut noise = Noise(size);
    while left > 0 {
        let piece = noise.piece();
        let count = usize::try_from(left)?.min(piece.len());
        connection.write_all(&piece[..count])?;
        left -= u64::try_from(count)?;
    }
    connection.write_all(end.as_bytes())?;
    let (status, body) = server::answer(&mut connection)?;
    let document: Value = serde_json::from_slice(&body).context("the upload is answered with JSON")?;
    if status != 200 {
        bail!("upload: {status} {document}");
    }
    Ok(document["data"]["id"].as_str().context("the upload is answered with an analysis")?.to_owned())
}

/// Bytes that do not compress (xorshift).
struct Noise(u64);

impl Noise {
    fn piece(&mut self) -> Vec<u8> {
        let words = std::iter::repeat_with(|| {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0.to_le_bytes()
        });
        words.take(8 * 1024).flatten().collect()
    }
}

/// Watches the memory of a process and keeps the highest figures.
struct Sampler {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Memory>>,
}

impl Sampler {
    fn start(process: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = std::thread::spawn(move || {
            let mut highest = Memory::default();
            while !seen.load(Ordering::Relaxed) {
                let now = process::memory(process)?;
                highest.whole = highest.whole.max(now.whole);
                highest.anonymous = highest.anonymous.max(now.anonymous);
                highest.files = highest.files.max(now.files);
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(highest)
        });
        Self { over, thread }
    }

    fn stop(self) -> Result<Memory> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the sampler panicked"))?
    }
}
