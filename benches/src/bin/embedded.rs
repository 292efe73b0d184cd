//! What the search for addresses in files costs beside identification.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use assay_benches::arguments::Arguments;
use assay_benches::process;
use assay_extract::{AddressLimits, Identifier, Magika, Options, addresses};
use walkdir::WalkDir;

const HELP: &str = "\
embedded: processor time of the search for addresses in files, beside that of their identification, one thread

  --folder PATH   the files (default /usr/bin); what is unpacked counts for the search, not for the megabytes
  --most N        megabytes that are read at the most (default 500)";

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let folder: PathBuf = arguments.value("--folder", "/usr/bin".into())?;
    let most = arguments.value("--most", 500_usize)? * 1_000_000;
    arguments.done()?;
    let identifier = Identifier::new(Options { magika: Magika::Undecided });
    let limits = AddressLimits::default();
    // The model is loaded before the clock runs.
    identifier.identify(b"some text", &[]);
    let (mut bytes, mut files, mut found) = (0, 0_usize, [0_usize; 3]);
    let (mut identifying, mut searching) = (0.0, 0.0);
    for entry in WalkDir::new(&folder).sort_by_file_name().into_iter().flatten() {
        if !entry.file_type().is_file() || bytes >= most {
            continue;
        }
        let Ok(content) = fs::read(entry.path()) else { continue };
        let before = process::own_seconds()?;
        identifier.identify(&content, &[]);
        let between = process::own_seconds()?;
        let named = addresses(&content, &limits);
        searching += process::own_seconds()? - between;
        identifying += between - before;
        found = [found[0] + named.urls.len(), found[1] + named.domains.len(), found[2] + named.ips.len()];
        (bytes, files) = (bytes + content.len(), files + 1);
    }
    #[expect(clippy::cast_precision_loss, reason = "sizes of folders are far below 2^52")]
    let megabytes = bytes as f64 / 1e6;
    println!("{files} files, {megabytes:.0} MB: {} URLs, {} domains, {} IP addresses", found[0], found[1], found[2]);
    println!("identification {:.3} ms a MB", identifying * 1e3 / megabytes);
    println!(
        "search         {:.3} ms a MB, {:.1} % of it",
        searching * 1e3 / megabytes,
        searching * 100.0 / identifying
    );
    Ok(())
}
