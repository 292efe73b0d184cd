//! What is to be scanned: from the words of a command line (files, folders, `-`, URLs) to files on disk and URLs.

use std::io;
use std::path::{Path, PathBuf};

use assay_model::url::CanonicalUrl;
use tempfile::TempPath;
use walkdir::WalkDir;

use super::problem::Problem;

/// How words begin that are URLs, whatever files there are.
const SCHEMES: &[&str] = &["http://", "https://", "ftp://"];

/// Something on its way to the server.
#[derive(Debug)]
pub(crate) enum Target {
    /// A file.
    File(Sample),
    /// A URL, and how it was written.
    Url(CanonicalUrl, String),
}

/// A file on its way to the server.
#[derive(Debug)]
pub(crate) struct Sample {
    /// How it is shown: the path as it was given or found.
    pub(crate) shown: String,
    /// The name that the server is told: no folders, no control characters.
    pub(crate) name: String,
    content: Content,
}

/// Where the bytes are.
#[derive(Debug)]
enum Content {
    /// In somebody's file.
    At(PathBuf),
    /// In a copy that goes when the sample does.
    Copy(TempPath),
}

/// A path that could not be turned into samples, or a URL that is none.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// The path.
    pub(crate) shown: String,
    /// Why.
    pub(crate) problem: Problem,
}

impl Sample {
    /// The file at a path.
    pub(crate) fn at(path: PathBuf) -> Self {
        let shown = path.display().to_string();
        let name = path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
        Self { shown, name: sendable(&name), content: Content::At(path) }
    }

    /// Where its bytes are.
    pub(crate) fn path(&self) -> &Path {
        match &self.content {
            Content::At(path) => path,
            Content::Copy(path) => path,
        }
    }

    /// Standard input, copied to disk: its length has to be known, and it may have to be sent twice.
    fn from_stdin() -> io::Result<Self> {
        let mut copy = tempfile::NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), &mut copy)?;
        Ok(Self { shown: "-".to_owned(), name: "stdin".to_owned(), content: Content::Copy(copy.into_temp_path()) })
    }
}

/// All files behind the paths, in their order; folders in the order of their names. Inside folders, links are not
/// followed and what is no regular file is passed over. URLs stand among them as they are.
pub(crate) fn gather(paths: &[PathBuf]) -> Vec<Result<Target, Unreadable>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let sample = Sample::from_stdin().map_err(|error| unreadable(path, &error.to_string()));
            found.push(sample.map(Target::File));
            continue;
        }
        if let Some(text) = path.to_str().filter(|text| is_url(text)) {
            found.push(match text.parse() {
                Ok(url) => Ok(Target::Url(url, text.to_owned())),
                Err(why) => {
                    Err(Unreadable { shown: text.to_owned(), problem: Problem::local(format!("no URL: {why}")) })
                }
            });
            continue;
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => found.extend(walk(path)),
            Ok(metadata) if metadata.is_file() => found.push(Ok(Target::File(Sample::at(path.clone())))),
            Ok(_) => found.push(Err(unreadable(path, "neither a regular file nor a folder"))),
            Err(error) => found.push(Err(unreadable(path, &error.to_string()))),
        }
    }
    found
}

/// Whether a word is meant as a URL. `./http:/x` is a file.
pub(super) fn is_url(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
}

fn walk(folder: &Path) -> impl Iterator<Item = Result<Target, Unreadable>> {
    WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(|entry| match entry {
        Ok(entry) => entry.file_type().is_file().then(|| Ok(Target::File(Sample::at(entry.into_path())))),
        Err(error) => {
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Some(Err(unreadable(error.path().unwrap_or(Path::new("?")), &reason)))
        }
    })
}

fn unreadable(path: &Path, reason: &str) -> Unreadable {
    Unreadable { shown: path.display().to_string(), problem: Problem::local(format!("cannot be read: {reason}")) }
}

/// A name that cannot end a header line: controls percent-encoded, as browsers do with line ends and quotes
/// (WHATWG HTML, "multipart/form-data encoding algorithm").
fn sendable(name: &str) -> String {
    let escape = |character: char| match character {
        '"' => "%22".to_owned(),
        control if control.is_control() => format!("%{:02X}", u32::from(control)),
        other => other.to_string(),
    };
    name.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_gives_its_regular_files_in_order_and_follows_no_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join("b/c")).expect("folders");
        for name in ["z", "b/c/deep", "a"] {
            fs::write(root.join(name), name).expect("written");
        }
        std::os::unix::fs::symlink("/etc", root.join("out")).expect("a link");
        std::os::unix::fs::symlink("/etc/passwd", root.join("b/passwd")).expect("a link");
        let found = gather(&[root.to_owned()]);
        let name = |target: &Result<Target, Unreadable>| match target {
            Ok(Target::File(sample)) => sample.name.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(found.iter().map(name).collect::<Vec<_>>(), ["a", "deep", "z"]);
    }

    #[test]
    fn a_url_is_taken_as_one_and_what_only_begins_like_one_is_told() {
        let found = gather(&["HTTPS://Example.com/a#b".into(), "http://".into(), "./http:".into()]);
        let Ok(Target::Url(url, shown)) = &found[0] else { panic!("{found:?}") };
        assert_eq!((url.as_str(), shown.as_str()), ("https://example.com/a", "HTTPS://Example.com/a#b"));
        let wrong = found[1].as_ref().expect_err("no URL");
        assert!(wrong.problem.message.contains("no URL"), "{wrong:?}");
        assert!(found[2].as_ref().expect_err("no file").problem.message.contains("cannot be read"));
    }

    #[test]
    fn a_missing_path_and_a_device_are_told_and_do_not_stop_the_rest() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let found = gather(&["/no/such".into(), "/dev/null".into(), file.path().to_owned()]);
        let reason = |at: usize| found[at].as_ref().expect_err("unreadable").problem.message.clone();
        assert!(reason(0).contains("No such file"), "{}", reason(0));
        assert!(reason(1).contains("neither a regular file"), "{}", reason(1));
        assert!(found[2].is_ok());
    }

    #[test]
    fn a_name_cannot_end_a_header_line() {
        assert_eq!(sendable("a\r\nX: \"b\".exe"), "a%0D%0AX: %22b%22.exe");
        assert_eq!(Sample::at("x/Käse\n.exe".into()).name, "Käse%0A.exe");
    }
}
