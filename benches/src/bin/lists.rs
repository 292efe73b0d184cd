//! What a list of a million addresses costs: to read, to open again, to look something up.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use assay_benches::arguments::{Arguments, median};
use assay_benches::process;
use assay_engines::config::{LexicalConfig, ListConfig, Meaning, StaticConfig, YaraConfig};
use assay_engines::{Address, EnginesConfig, Panel};
use assay_model::{Timestamp, address};

const HELP: &str = "\
lists: a list of made-up addresses, through a panel with this one engine

A tenth are networks, three tenths URLs, the rest domains, in the form of one a line, and again as URLhaus' CSV with
URLs alone. `read` is the panel's opening with no index there, `open` with one. A look-up goes through the panel, its
guards included: `listed` are addresses of the list, `others` domains of four labels of which none is. Reading is told
in seconds and in processor time, look-ups in processor time: others may use the machine too.

  --entries N   entries of the list (default 1000000)
  --rounds N    rounds of look-ups, 200000 each (default 5)";

const LOOKUPS: usize = 200_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let entries = arguments.value("--entries", 1_000_000_usize)?;
    let rounds = arguments.value("--rounds", 5_usize)?.max(1);
    arguments.done()?;
    let folder = tempfile::tempdir()?;
    for (form, text) in [("one a line", plain(entries)), ("URLhaus", urlhaus(entries))] {
        let path = folder.path().join("list.txt");
        fs::write(&path, &text)?;
        let (began, before) = (Instant::now(), process::own_seconds()?);
        drop(open(&path, folder.path()).await?);
        let (read, used) = (began.elapsed(), process::own_seconds()? - before);
        let began = Instant::now();
        let panel = open(&path, folder.path()).await?;
        println!("{form}: {entries} entries, {:.1} MB", megabytes(text.len()));
        let opened = began.elapsed().as_secs_f64();
        println!("  read {:.2} s ({used:.2} s of CPU), open {opened:.4} s", read.as_secs_f64());
        let listed: Vec<_> =
            (0..entries).step_by((entries / LOOKUPS).max(1)).map(|number| item(form, number)).collect();
        let others: Vec<_> = (0..LOOKUPS).map(|number| domain(&format!("a.b.other{number}.example"))).collect();
        for (name, items, wanted) in [("listed", listed, true), ("others", others, false)] {
            let items: Vec<_> = items.into_iter().map(Address::unvisited).collect();
            let mut figures = Vec::new();
            for _ in 0..rounds {
                figures.push(look_up(&panel, &items, wanted).await?);
            }
            println!("  {name}: {:.2} us a look-up (median of {rounds})", median(&figures));
        }
    }
    Ok(())
}

async fn open(path: &Path, folder: &Path) -> Result<std::sync::Arc<Panel>> {
    let list = ListConfig {
        name: "List".to_owned(),
        path: path.to_owned(),
        meaning: Meaning::Malware,
        category: None,
        subdomains: true,
    };
    let config = EnginesConfig {
        yara: YaraConfig { enabled: false, ..YaraConfig::default() },
        statics: StaticConfig { enabled: false },
        lexical: LexicalConfig { enabled: false, ..LexicalConfig::default() },
        list: vec![list],
        ..EnginesConfig::default()
    };
    Ok(assay_engines::open(&config, &folder.join("cache")).await?)
}

/// Microseconds of processor time a look-up; fails where an answer is not the one that is wanted.
async fn look_up(panel: &Panel, items: &[Address], wanted: bool) -> Result<f64> {
    let (before, mut hits) = (process::own_seconds()?, 0);
    for item in items {
        hits += usize::from(panel.rate(item, Timestamp(0)).await.results["List"].result == "malware");
    }
    let seconds = process::own_seconds()? - before;
    anyhow::ensure!(hits == if wanted { items.len() } else { 0 }, "{hits} of {} are in the list", items.len());
    #[expect(clippy::cast_precision_loss, reason = "a count of look-ups is far below 2^52")]
    Ok(seconds * 1e6 / items.len() as f64)
}

fn plain(entries: usize) -> String {
    (0..entries).fold(String::from("# made up\n"), |mut text, number| {
        writeln!(text, "{}", entry(number)).expect("writing to a string does not fail");
        text
    })
}

fn entry(number: usize) -> String {
    match number % 10 {
        0 => format!("{}.{}.{}.0/24", 11 + number / 655_360, number / 2560 % 256, number / 10 % 256),
        1..=3 => url(number),
        _ => format!("host{number}.example{}.com", number % 1000),
    }
}

fn url(number: usize) -> String {
    format!("http://host{number}.example{}.net/path/{number}/file.exe?id={number}", number % 1000)
}

fn urlhaus(entries: usize) -> String {
    let head = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n".to_owned();
    (0..entries).fold(head, |mut text, number| {
        let url = url(number);
        writeln!(
            text,
            "\"{number}\",\"2025-03-31 10:44:08\",\"{url}\",\"online\",\"2025-03-31 10:44:08\",\"malware_download\",\
             \"elf,mips,Mozi\",\"https://urlhaus.example/url/{number}/\",\"reporter\""
        )
        .expect("writing to a string does not fail");
        text
    })
}

/// The address of an entry as somebody asks for it.
fn item(form: &str, number: usize) -> address::Item {
    let text = if form == "URLhaus" { url(number) } else { entry(number) };
    if let Some(network) = text.strip_suffix(".0/24").map(|network| format!("{network}.0")) {
        return address::Item::IpAddress(network.parse().expect("a made-up address is one"));
    }
    if text.contains('/') {
        return address::Item::Url(text.parse().expect("a made-up URL is one"));
    }
    domain(&text)
}

fn domain(text: &str) -> address::Item {
    address::Item::Domain(text.parse().expect("a made-up domain is one"))
}

#[expect(clippy::cast_precision_loss, reason = "sizes of lists are far below 2^52")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
