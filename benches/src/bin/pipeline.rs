//! The whole pipeline against bare scanning: processor seconds of the server for a folder of real binaries, beside
//! YARA-X's own scanner over the same files with the same rules plus one SHA-256 pass.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use assay_benches::arguments::Arguments;
use assay_benches::corpus::{self, Corpus};
use assay_benches::process::{self, megabytes};
use assay_benches::rules;
use assay_benches::server::{self, Server};
use serde_json::Value;

const HELP: &str = "\
pipeline: processor seconds of the server for a folder of real binaries, beside bare scanning of the same files

The server is started fresh for each set of rules and gets every file by `assay scan FOLDER`; counted are the processor
seconds of the server's process from the first upload to the last completed analysis: receiving, storing, all hashes,
identification, all engines, all commits (not those of the client). The peer is YARA-X's own scanner with its defaults and
the same rules, one thread, plus one SHA-256 pass: `yr` where it is on the PATH (its rules compiled beforehand), else
`yara-baseline` beside this program. The ratio is the peer's seconds over the server's: 1.00 is as fast as bare scanning.
Compiling the rules counts on neither side: a server does it once, at its start; what it took the peer is told beside it.

  --files N        binaries (default 2000)
  --rules A,B,C    rule sets: 0 is the built-in pack alone, N is the built-in pack and N made-up rules
                   (default 0,1000,5000)
  --roots A,B      folders to take binaries from (default /usr,/opt and the home folder)
  --builtin PATH   the built-in pack (default crates/engines/rules)
  --assay PATH     the server (default: `assay` beside this program)";

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let wanted = arguments.value("--files", 2000)?;
    let sets: String = arguments.value("--rules", "0,1000,5000".to_owned())?;
    let roots: Option<String> = arguments.optional("--roots")?;
    let builtin: PathBuf = arguments.value("--builtin", PathBuf::from("crates/engines/rules"))?;
    let assay = server::binary(arguments.optional("--assay")?)?;
    arguments.done()?;
    let sets = sets.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>().context("--rules wants numbers")?;

    let folder = tempfile::tempdir()?;
    let roots = roots.map_or_else(own_roots, |roots| roots.split(',').map(PathBuf::from).collect());
    let corpus = corpus::gather(&roots, wanted, &folder.path().join("corpus"))?;
    let scanner = if program("yr").arg("--version").output().is_ok() { "yr" } else { "yara-baseline" };
    println!("{} binaries, {:.0} MB; peer: {scanner} and a SHA-256 pass", corpus.files, megabytes(corpus.bytes));
    let hashing = baseline(&corpus, "hash", "")?.scanning;
    println!("SHA-256 pass: {hashing:.2} s\n");
    println!("rules            scan s   scan+hash s   assay s   ratio   assay wall s   (compile s)");
    for made_up in sets {
        let own = folder.path().join(format!("rules-{made_up}"));
        rules::write(&own, made_up)?;
        let both = format!("{},{}", builtin.display(), own.display());
        let Peer { scanning, compiling } =
            if scanner == "yr" { yr(&corpus, &both)? } else { baseline(&corpus, "scan", &both)? };
        let (seconds, wall) = measure(&assay, &folder.path().join(format!("server-{made_up}")), &own, &corpus)?;
        let bare = scanning + hashing;
        println!(
            "built-in +{made_up:<5} {scanning:>8.2} {bare:>13.2} {seconds:>9.2} {:>7.2} {:>14.1} {compiling:>13.2}",
            bare / seconds,
            wall.as_secs_f64()
        );
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement is run by hand, in the person's own environment")]
fn own_roots() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    [Some("/usr".into()), Some("/opt".into()), home].into_iter().flatten().collect()
}

#[expect(clippy::disallowed_methods, reason = "the peer is a program")]
fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    command.stdin(Stdio::null());
    command
}

/// Processor seconds of the server for the whole corpus, and how long it took.
fn measure(assay: &Path, folder: &Path, rules: &Path, corpus: &Corpus) -> Result<(f64, Duration)> {
    std::fs::create_dir_all(folder)?;
    let configuration =
        format!("[[engines.yara.folder]]\npath = {:?}\nsource = \"made up\"\n", rules.display().to_string());
    let server = Server::start(assay, folder, &configuration)?;
    wait_until_idle(&server)?;
    let (before, began) = (process::processor_seconds(server.id())?, Instant::now());
    server.scan(&corpus.folder)?;
    let wall = began.elapsed();
    wait_until_idle(&server)?;
    let seconds = process::processor_seconds(server.id())? - before;
    Ok((seconds, wall))
}

/// Waits until the server uses no processor time for a second: rules are compiled, nothing is left to do.
fn wait_until_idle(server: &Server) -> Result<()> {
    for _ in 0..300 {
        let before = process::processor_seconds(server.id())?;
        std::thread::sleep(Duration::from_secs(1));
        if process::processor_seconds(server.id())? - before < 0.02 {
            return Ok(());
        }
    }
    bail!("the server does not come to rest:\n{}", server.log())
}

/// Processor seconds of the peer.
struct Peer {
    scanning: f64,
    compiling: f64,
}

fn baseline(corpus: &Corpus, pass: &str, rules: &str) -> Result<Peer> {
    let mut command = program(std::env::current_exe()?.with_file_name("yara-baseline"));
    let done = command.args(["--pass", pass, "--rules", rules, "--folder"]).arg(&corpus.folder).output()?;
    if !done.status.success() {
        bail!("yara-baseline: {}", String::from_utf8_lossy(&done.stderr));
    }
    let printed: Value = serde_json::from_slice(&done.stdout)?;
    let of = |name: &str| printed[name].as_f64().context("yara-baseline prints its seconds");
    Ok(Peer { scanning: of("seconds")?, compiling: of("compiling")? })
}

/// YARA-X's own command line, with rules compiled beforehand.
fn yr(corpus: &Corpus, rules: &str) -> Result<Peer> {
    let compiled = corpus.folder.with_file_name("compiled-rules");
    let mut compile = program("yr");
    compile.arg("compile").args(rules.split(',').filter(|place| has_files(place))).arg("--output").arg(&compiled);
    let start = process::children_seconds()?;
    run(&mut compile)?;
    let before = process::children_seconds()?;
    let mut scan = program("yr");
    run(scan.args(["scan", "--threads", "1", "--count", "--compiled-rules"]).arg(&compiled).arg(&corpus.folder))?;
    Ok(Peer { scanning: process::children_seconds()? - before, compiling: before - start })
}

fn has_files(place: &str) -> bool {
    std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some())
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.output()?;
    if !done.status.success() {
        bail!("{:?}: {}", command, String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
