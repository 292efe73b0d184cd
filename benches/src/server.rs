//! The server under measurement: the release binary over a folder of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

const READY_WITHIN: Duration = Duration::from_mins(2);

/// The release binary: beside this program, or what `--assay` names.
pub fn binary(named: Option<PathBuf>) -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("assay");
    let binary = named.unwrap_or(beside);
    if !binary.exists() {
        bail!("{} is not there: cargo build --release --bin assay", binary.display());
    }
    if binary.components().any(|part| part.as_os_str() == "debug") {
        eprintln!("warning: {} is a debug build; its figures say nothing", binary.display());
    }
    Ok(binary)
}

/// A running server; ends with this value.
pub struct Server {
    binary: PathBuf,
    folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
    /// How long the start took, from the process to the first answer of `/healthz`.
    pub ready_after: Duration,
}

impl Server {
    /// Starts it over `folder`, which holds its data, its operator's key and its log, with a configuration in TOML.
    pub fn start(binary: &Path, folder: &Path, configuration: &str) -> Result<Self> {
        let address = free_address()?;
        let config = folder.join("assay.toml");
        fs::write(&config, configuration)?;
        let log = File::options().append(true).create(true).open(folder.join("server.log"))?;
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", &address.to_string(), "--config"]).arg(&config);
        command.arg("--data").arg(folder.join("data"));
        let key_file = folder.join("operator.key");
        if !key_file.exists() {
            command.arg("--key-file").arg(&key_file);
        }
        let process = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let began = Instant::now();
        let mut server =
            Self { binary: binary.into(), folder: folder.into(), address, process, ready_after: Duration::ZERO };
        while server.get("/healthz", None).map_or(0, |(status, _)| status) != 200 {
            if let Some(status) = server.process.try_wait()? {
                bail!("the server ended ({status}):\n{}", server.log());
            }
            if began.elapsed() > READY_WITHIN {
                bail!("the server is not ready:\n{}", server.log());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.ready_after = began.elapsed();
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// The file with the operator's key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.join("operator.key")
    }

    /// The operator's key.
    pub fn key(&self) -> Result<String> {
        Ok(fs::read_to_string(self.key_file())?.trim().to_owned())
    }

    /// A key of a new account of this tier.
    pub fn account(&self, name: &str, tier: &str) -> Result<String> {
        let data = self.folder.join("data");
        let user =
            Command::new(&self.binary).args(["user", "create", name, "--tier", tier, "--data"]).arg(&data).output()?;
        if !user.status.success() {
            bail!("assay user create: {}", String::from_utf8_lossy(&user.stderr));
        }
        let mut key = Command::new(&self.binary);
        let key = key.args(["key", "create", "--account", name, "--format", "json", "--data"]).arg(&data).output()?;
        let printed: Value = serde_json::from_slice(&key.stdout).context("assay key create prints JSON")?;
        Ok(printed["key"].as_str().context("assay key create prints the key")?.to_owned())
    }

    /// Runs `assay scan` over a file or folder to its end; what it finds does not matter.
    pub fn scan(&self, path: &Path) -> Result<()> {
        let mut command = Command::new(&self.binary);
        command.args(["scan", "--format", "json"]).arg(path).stdout(Stdio::null()).stdin(Stdio::null());
        command.env("ASSAY_SERVER", format!("http://{}", self.address)).env("ASSAY_API_KEY_FILE", self.key_file());
        let status = command.status()?;
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("assay scan failed ({status})");
        }
        Ok(())
    }

    /// A GET over a connection of its own: status and body.
    pub fn get(&self, path: &str, key: Option<&str>) -> Result<(u16, Vec<u8>)> {
        self.ask("GET", path, key)
    }

    /// A request without a body over a connection of its own: status and body of the answer.
    pub fn ask(&self, method: &str, path: &str, key: Option<&str>) -> Result<(u16, Vec<u8>)> {
        let key = key.map_or(String::new(), |key| format!("x-apikey: {key}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{key}Content-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        let mut connection = TcpStream::connect(self.address)?;
        connection.write_all(head.as_bytes())?;
        answer(&mut connection)
    }

    /// The `data` of a JSON answer.
    pub fn data(&self, path: &str, key: &str) -> Result<Value> {
        let (status, body) = self.get(path, Some(key))?;
        let mut document: Value = serde_json::from_slice(&body).with_context(|| format!("{path} answers no JSON"))?;
        if status != 200 {
            bail!("{path}: {status} {document}");
        }
        Ok(document["data"].take())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended_already = self.process.kill();
        let _nothing_is_left_to_do = self.process.wait();
    }
}

/// A loopback address that nobody listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Reads one answer to the end of the connection: status and body.
pub fn answer(connection: &mut TcpStream) -> Result<(u16, Vec<u8>)> {
    let mut received = Vec::new();
    connection.read_to_end(&mut received)?;
    let end = received.windows(4).position(|window| window == b"\r\n\r\n").context("an answer has a head")?;
    let head = std::str::from_utf8(&received[..end]).context("a head is text")?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).context("a head has a status")?;
    Ok((status, received.split_off(end + 4)))
}
