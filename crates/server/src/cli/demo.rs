//! `assay demo`: the whole of Assay in a minute. On a temporary folder it starts the real server on a free port of
//! this machine, scans a few harmless files through the v3 API as any client would, and shows the reports.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use zip::write::SimpleFileOptions;

use crate::client::object::{File, Object};
use crate::client::scan::{self, Plan};
use crate::client::{Client, Sample, Target, Verdict, Watch as _};
use crate::compose::{self, Server};
use crate::config::Config;
use crate::show::onward::{self, Staying};
use crate::show::output::print;
use crate::show::{Colours, Progress, matrix};
use crate::telemetry;

/// The EICAR test string (<https://www.eicar.org/download-anti-malware-testfile/>) in two halves, each written
/// backwards: neither this source nor the program may hold it, or they would be found to be it.
const EICAR_BACKWARDS: [&str; 2] = [r"}7)CC7)^P(45XZP\4[PA@%P!O5X", "*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$"];

/// How long one file may take; the program itself is large where it was built for debugging.
const PATIENCE: Duration = Duration::from_mins(5);

/// Exit status: the engines came to the expected verdicts.
const AS_IT_MUST_BE: u8 = 0;

/// Exit status: they did not.
const NOT_AS_IT_MUST_BE: u8 = 1;

/// Exit status: what a shell reports of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// What `--help` ends with.
const NOTES: &str = "It needs no configuration, no other service, no root and no network but this machine's own.

  assay demo
  assay demo --keep                                         # and go on with curl and vt-py

Exit status:
  0  the verdicts are as they must be: the EICAR test file and an archive that holds it malicious, the rest not
  1  they are not
  2  the demonstration could not be run";

/// Start a server on a temporary folder, scan a few harmless files, show the reports
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Keep the server until Ctrl-C, and show its address and key
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    colours: Colours,
}

/// Runs the command. The folder is removed at the end, however that comes.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let folder =
        tempfile::Builder::new().prefix("assay-demo-").tempdir().context("a temporary folder cannot be made")?;
    let outcome = demonstrate(&arguments, folder.path()).await;
    folder.close().context("the temporary folder cannot be removed")?;
    outcome
}

async fn demonstrate(arguments: &Arguments, folder: &Path) -> anyhow::Result<ExitCode> {
    let config = Config { data: folder.join("data"), listen: "127.0.0.1:0".to_owned(), ..Config::default() };
    telemetry::start_metrics()?;
    let server = tokio::select! {
        server = compose::start(&config) => server?,
        () = interrupted() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let outcome = tokio::select! {
        outcome = show(arguments, &server, folder) => outcome,
        () = interrupted() => Ok(INTERRUPTED),
    };
    if arguments.keep && matches!(outcome, Ok(AS_IT_MUST_BE)) {
        interrupted().await;
    }
    let stopped = server.stop().await;
    let status = outcome?;
    stopped?;
    Ok(ExitCode::from(status))
}

/// Scans, shows the reports, judges them, and tells how to go on. The exit status.
async fn show(arguments: &Arguments, server: &Server, folder: &Path) -> anyhow::Result<u8> {
    let key = server.operator_key.as_ref().context("a server on an empty folder has made no operator's key")?;
    let pieces = pieces(&folder.join("samples"))?;
    let reports = scan_all(server, key, &pieces).await?;
    print(&format!("\n{}\n", matrix::render(&reports, arguments.colours.look())))?;
    let wrong = wrong(&pieces, &reports);
    for sentence in &wrong {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "assay: {sentence}");
    }
    if !wrong.is_empty() {
        return Ok(NOT_AS_IT_MUST_BE);
    }
    let program = std::env::args().next().unwrap_or_else(|| "assay".to_owned());
    let sha256 = reports.first().map_or("", |(_, report)| report.id.as_str());
    let staying = arguments.keep.then_some(Staying { base: &server.base, key });
    print(&format!("\n{}", onward::lines(staying.as_ref(), &program, sha256)))?;
    Ok(AS_IT_MUST_BE)
}

/// Uploads every piece as a client does; its report under the piece's name.
async fn scan_all(
    server: &Server,
    key: &SecretString,
    pieces: &[Piece],
) -> anyhow::Result<Vec<(String, Object<File>)>> {
    let progress = Arc::new(Progress::new());
    let address = server.base.parse().map_err(anyhow::Error::msg)?;
    let client = Client::new(address, key.clone(), Vec::new(), Arc::clone(&progress) as _)?;
    progress.notice(&format!("A server on a temporary folder is ready at {}.", server.base));
    progress.notice("Scanning the EICAR test file, an archive that holds it, this very program, and a text:");
    progress.start(pieces.len());
    let samples = pieces.iter().map(|piece| Ok(Target::File(Sample::at(piece.path.clone())))).collect();
    let scan = scan::all(&client, samples, Plan { jobs: pieces.len(), wait: Some(PATIENCE) }).await;
    let mut reports = Vec::new();
    for (piece, scanned) in pieces.iter().zip(scan.files) {
        if let Some(error) = scanned.error {
            bail!("{} could not be scanned: {error}", piece.name);
        }
        let data = client.file(&scanned.sha256.unwrap_or_default()).await?;
        reports.push((piece.name.to_owned(), Object::read(&data)?));
    }
    progress.finish();
    Ok(reports)
}

/// A sentence for each report that is not as it must be.
fn wrong(pieces: &[Piece], reports: &[(String, Object<File>)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (piece, (name, report)) in pieces.iter().zip(reports) {
        let stats = &report.attributes.last_analysis_stats;
        let verdict = Verdict::of(stats);
        if piece.malicious != (verdict == Verdict::Malicious) {
            let must = if piece.malicious { "must be malicious" } else { "must not be malicious" };
            wrong.push(format!("{name} {must}, but the engines say: {}", verdict.with_count(stats)));
        }
    }
    wrong
}

/// A harmless file to show something with.
struct Piece {
    name: &'static str,
    path: PathBuf,
    /// What must come out of it.
    malicious: bool,
}

/// Puts the files together; this program is taken where it stands.
fn pieces(folder: &Path) -> anyhow::Result<[Piece; 4]> {
    std::fs::create_dir_all(folder)?;
    let [eicar, parcel, notes] = ["eicar.com", "parcel.zip", "notes.txt"].map(|name| folder.join(name));
    std::fs::write(&eicar, self::eicar())?;
    write_parcel(&parcel)?;
    std::fs::write(&notes, "Nothing to see here: a text of the demonstration.\n")?;
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    Ok([
        Piece { name: "eicar.com", path: eicar, malicious: true },
        Piece { name: "parcel.zip (eicar.com inside)", path: parcel, malicious: true },
        Piece { name: "assay (this program)", path: program, malicious: false },
        Piece { name: "notes.txt", path: notes, malicious: false },
    ])
}

fn eicar() -> String {
    EICAR_BACKWARDS.iter().flat_map(|half| half.chars().rev()).collect()
}

fn write_parcel(path: &Path) -> anyhow::Result<()> {
    let mut parcel = zip::ZipWriter::new(std::fs::File::create(path)?);
    for (name, content) in [("readme.txt", "A harmless parcel.\n".to_owned()), ("eicar.com", eicar())] {
        parcel.start_file(name, SimpleFileOptions::default())?;
        parcel.write_all(content.as_bytes())?;
    }
    parcel.finish()?;
    Ok(())
}

/// Returns when the process is asked to end: Ctrl-C or SIGTERM.
async fn interrupted() {
    let interrupt = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = interrupt(SignalKind::interrupt()) => {}
        () = interrupt(SignalKind::terminate()) => {}
    }
}

#[cfg(test)]
mod tests {
    use assay_model::Digests;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_halves_come_to_the_eicar_test_file() {
        let digests = Digests::of(eicar().as_bytes());
        assert_eq!(digests.sha256.to_string(), "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f");
    }

    #[test]
    fn the_archive_holds_the_test_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parcel.zip");
        write_parcel(&path).expect("written");
        let mut archive = zip::ZipArchive::new(std::fs::File::open(path).expect("opened")).expect("an archive");
        let mut content = String::new();
        let mut member = archive.by_name("eicar.com").expect("the member");
        std::io::Read::read_to_string(&mut member, &mut content).expect("read");
        assert_eq!(content, eicar());
    }

    #[test]
    fn a_verdict_that_is_not_as_it_must_be_is_named() {
        let pieces = [("bad", true), ("missed", true), ("good", false), ("accused", false)]
            .map(|(name, malicious)| Piece { name, path: PathBuf::new(), malicious });
        let counts = [("bad", 1, 1), ("missed", 0, 2), ("good", 0, 2), ("accused", 1, 1)];
        let reports = counts.map(|(name, malicious, undetected)| {
            let stats = json!({"malicious": malicious, "undetected": undetected});
            let object = json!({"id": name, "attributes": {"last_analysis_stats": stats}});
            (name.to_owned(), Object::read(&object).expect("a file"))
        });
        let wrong = wrong(&pieces, &reports);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(
            wrong[0].starts_with("missed must be malicious") && wrong[1].starts_with("accused must not"),
            "{wrong:?}"
        );
    }
}
