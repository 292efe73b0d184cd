//! A PostgreSQL server for one test: made with `initdb` in a temporary folder, reached over 127.0.0.1 and a socket in
//! that folder, fast because nothing has to survive a crash of the machine. Whatever is missing is a panic that says so.
//!
//! PostgreSQL refuses to run as root; a test that does starts it as the user `postgres`, or `nobody`.
#![expect(clippy::disallowed_methods, reason = "tests start the database that they need")]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);
/// The superuser of the database.
const ROLE: &str = "assay";
/// Runs the server until a line or the end of its input comes. Without the line, who started it is gone, and so is the
/// folder.
const GUARD: &str = r#"
    "$1/postgres" -D "$2/data" </dev/null &
    server=$!
    read -r word
    kill -QUIT "$server"
    wait "$server"
    [ "$word" = stop ] || rm -rf "$2""#;

/// A server that runs until it is dropped.
pub struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    guard: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server without TLS.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server that speaks TLS, with a certificate and its key in PEM.
    pub fn with_tls(certificate: &str, key: &str) -> Self {
        Self::with(&[("server.crt", certificate), ("server.key", key)])
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("assay-postgres-").tempdir().expect("a temporary folder");
        hand_over(folder.path());
        let port = free_port();
        let server = Self { programs, folder, port, guard: Mutex::default(), databases: AtomicU32::new(0) };
        let mut initdb = server.command("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions", "--username"]);
        run(initdb.arg(ROLE).arg("--pgdata").arg(server.data()));
        for (name, text) in files {
            let path = server.data().join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of ours");
            hand_over(&path);
        }
        let settings = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nssl = {}\n\
             fsync = off\nfull_page_writes = off\nshared_buffers = 32MB\nmax_connections = 80\nlog_statement = none\n",
            server.folder.path().display(),
            if files.is_empty() { "off" } else { "on" },
        );
        let path = server.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("the settings");
        file.write_all(settings.as_bytes()).expect("the settings");
        server.start_again();
        server
    }

    /// Starts a server that was stopped.
    pub fn start_again(&self) {
        let log = fs::File::create(self.log()).expect("a log");
        let mut guard = as_user("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(&self.programs).arg(self.folder.path()).current_dir(self.folder.path());
        guard.stdin(Stdio::piped()).stdout(log.try_clone().expect("a log")).stderr(log);
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard.spawn().expect("a shell"));
        let started = Instant::now();
        while !self.command("pg_isready").args(self.place()).output().is_ok_and(|done| done.status.success()) {
            let log = || fs::read_to_string(self.log()).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "PostgreSQL does not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops the server as a crash would.
    pub fn stop(&self) {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut guard) = guard {
            if let Some(mut input) = guard.stdin.take() {
                let _it_may_be_gone = input.write_all(b"stop\n");
            }
            let _it_is_gone = guard.wait();
        }
    }

    /// Makes an empty database; answers its URL.
    pub fn database(&self) -> String {
        let name = format!("fresh_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        run(self.command("createdb").args(self.place()).args(["--username", ROLE, &name]));
        self.url(&name)
    }

    /// The URL of a database. Its host is a name, for the sake of certificates.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@localhost:{}/{database}?hostaddr=127.0.0.1", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn place(&self) -> [String; 4] {
        ["--host".into(), self.folder.path().display().to_string(), "--port".into(), self.port.to_string()]
    }

    fn command(&self, program: &str) -> Command {
        let mut command = as_user(self.programs.join(program));
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where the server's programs are.
fn programs() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    // A link in the path leads to where all of them are.
    let named = std::env::split_paths(&on_path).filter_map(|folder| folder.join("initdb").canonicalize().ok());
    let mut folders: Vec<PathBuf> = named.filter_map(|program| Some(program.parent()?.to_owned())).collect();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    folders.extend(debian);
    let whole = |folder: &&PathBuf| {
        ["initdb", "postgres", "pg_isready", "createdb"].iter().all(|name| folder.join(name).exists())
    };
    let found = folders.iter().find(whole);
    found.expect("no PostgreSQL on this machine; on Debian: apt-get install postgresql").clone()
}

/// A user that the server may run as, where we are root.
fn user() -> Option<(u32, u32)> {
    let ours = fs::metadata("/proc/self").map_or(0, |about| about.uid());
    if ours != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users");
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map_while(|field| field.parse().ok());
        Some((fields.next()?, fields.next()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user postgres or nobody"))
}

fn as_user(program: impl AsRef<Path>) -> Command {
    let Some((user, group)) = user() else { return Command::new(program.as_ref()) };
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups", "--"]);
    command.arg(program.as_ref());
    command
}

fn hand_over(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|cause| panic!("{} cannot be started: {cause}", command.get_program().display()));
    assert!(done.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&done.stderr));
}
