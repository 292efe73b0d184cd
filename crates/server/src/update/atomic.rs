//! Files put in the place of others: whole or not at all, with the same owner, mode and extended attributes, and with the
//! old file kept beside it under another name until nobody needs it any more.
//!
//! Names of a run are `.NAME.RUN.new` and `.NAME.RUN.old`: hidden, so that programs that load whole folders pass them over,
//! and with the mode of the file itself.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use assay_model::Sha256;
use rustix::fs::XattrFlags;
use zeroize::Zeroizing;

use super::fault;
use super::secret::fingerprint;

/// No configuration is longer; what is, is not read.
const LONGEST: u64 = 8 << 20;

/// A file as it was found.
pub(super) struct Found {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) about: Metadata,
}

impl Found {
    /// What tells its content from others.
    pub(super) fn fingerprint(&self) -> Sha256 {
        fingerprint(&self.bytes)
    }
}

/// Reads a regular file.
pub(super) fn read(path: &Path) -> io::Result<Found> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {} MiB", LONGEST >> 20)));
    }
    Ok(Found { bytes, about })
}

/// The names that a run has for a file.
pub(super) struct Names {
    pub(super) new: PathBuf,
    pub(super) old: PathBuf,
}

impl Names {
    /// Beside the file; a path without a name has none.
    pub(super) fn of(path: &Path, run: &str) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let beside = |end: &str| path.with_file_name(format!(".{name}.{run}.{end}"));
        Ok(Self { new: beside("new"), old: beside("old") })
    }
}

/// Puts `bytes` in the place of what was found, and keeps the old file under its name of this run. A file that was changed
/// since it was found is left alone.
pub(super) fn put(path: &Path, found: &Found, bytes: &[u8], names: &Names) -> io::Result<()> {
    remove(&names.new)?;
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&names.new)?;
    let made = dress(&new, path, &found.about).and_then(|()| new.write_all(bytes)).and_then(|()| new.sync_all());
    fault::point();
    let kept = made.and_then(|()| keep(path, found, &names.old));
    fault::point();
    let placed = kept.and_then(|()| unchanged(path, found)).and_then(|()| std::fs::rename(&names.new, path));
    fault::point();
    if let Err(error) = placed {
        remove(&names.new)?;
        return Err(error);
    }
    synchronise_folder(path)
}

/// Puts the kept file back in its place.
pub(super) fn put_back(path: &Path, names: &Names) -> io::Result<()> {
    std::fs::rename(&names.old, path)?;
    fault::point();
    synchronise_folder(path)
}

/// Removes what a run has beside a file.
pub(super) fn tidy(path: &Path, names: &Names) -> io::Result<()> {
    remove(&names.new)?;
    remove(&names.old)?;
    fault::point();
    synchronise_folder(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Owner, group, extended attributes (labels and access lists among them) and mode of the old file.
fn dress(new: &File, path: &Path, about: &Metadata) -> io::Result<()> {
    let own = new.metadata()?;
    if (own.uid(), own.gid()) != (about.uid(), about.gid()) {
        std::os::unix::fs::fchown(new, Some(about.uid()), Some(about.gid())).map_err(|error| {
            io::Error::new(error.kind(), format!("its owner {}:{} cannot be kept: {error}", about.uid(), about.gid()))
        })?;
    }
    copy_attributes(path, new);
    new.set_permissions(Permissions::from_mode(about.mode() & 0o7777))
}

/// As far as the file system and the rights of this user allow.
fn copy_attributes(path: &Path, new: &File) {
    let mut names = vec![0_u8; 64 << 10];
    let Ok(length) = rustix::fs::listxattr(path, &mut names[..]) else { return };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0_u8; 64 << 10];
        if let Ok(length) = rustix::fs::getxattr(path, name, &mut value[..]) {
            let _ = rustix::fs::fsetxattr(new, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// The old file under another name: another link to it, or a copy where the file system has no links.
fn keep(path: &Path, found: &Found, old: &Path) -> io::Result<()> {
    if old.exists() {
        // From before a kill; it is what the file was before the first write of this run.
        return Ok(());
    }
    if std::fs::hard_link(path, old).is_ok() {
        return synchronise_folder(path);
    }
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(old)?;
    dress(&copy, path, &found.about)?;
    copy.write_all(&found.bytes)?;
    copy.sync_all()?;
    synchronise_folder(path)
}

fn unchanged(path: &Path, found: &Found) -> io::Result<()> {
    let now = read(path)?;
    let same = now.bytes == found.bytes && now.about.ino() == found.about.ino() && now.about.dev() == found.about.dev();
    if same { Ok(()) } else { Err(io::Error::other("it was changed by somebody else in between")) }
}

/// A rename is on the disk when its folder is.
pub(super) fn synchronise_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_attributes_and_its_old_self_comes_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        std::fs::write(&path, "old").expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
        let labelled = rustix::fs::setxattr(&path, "user.label", b"x", XattrFlags::empty()).is_ok();
        let before = read(&path).expect("read");
        let names = Names::of(&path, "0001").expect("names");
        put(&path, &before, b"new", &names).expect("put");
        let after = read(&path).expect("read");
        assert_eq!((after.bytes.as_slice(), after.about.mode() & 0o777), (b"new".as_slice(), 0o640));
        let mut value = [0_u8; 8];
        assert_eq!(rustix::fs::getxattr(&path, "user.label", &mut value[..]).is_ok(), labelled);
        assert_eq!(read(&names.old).expect("kept").about.mode() & 0o777, 0o640);
        put_back(&path, &names).expect("put back");
        let back = read(&path).expect("read");
        assert_eq!((back.bytes.as_slice(), back.about.ino()), (b"old".as_slice(), before.about.ino()));
        tidy(&path, &names).expect("tidy");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_somebody_else_changed_in_between_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "old").expect("written");
        let found = read(&path).expect("read");
        std::fs::write(&path, "theirs").expect("written");
        let names = Names::of(&path, "0001").expect("names");
        let refusal = put(&path, &found, b"new", &names).expect_err("changed").to_string();
        assert!(refusal.contains("in between"), "{refusal}");
        assert_eq!(std::fs::read(&path).expect("read"), b"theirs");
        assert!(!names.new.exists());
    }
}
