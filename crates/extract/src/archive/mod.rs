//! Unpacking in memory, within limits. In goes an archive, out come its members one by one, those of nested
//! archives included; nothing is ever written, and a member's path is never used as one.
//!
//! Read are ZIP (and what is built on it: JAR, APK, OOXML), gzip, bzip2 and xz, and tar, plain or inside one
//! of these three. A compressed tar counts as one archive: its files are its members, the tar itself is not.

mod stream;
mod zip;

use std::io::{self, Read};
use std::ops::ControlFlow;

pub(crate) use stream::gzip_name;
pub(crate) use zip::plain;
pub use zip::{ProtectedError, single_protected_member};

use crate::bytes::{at, len64};

/// Output up to this size is never called a bomb, whatever its ratio.
const RATIO_FREE: u64 = 1 << 20;
/// How much is read at once, and so how far a limit may be overstepped before it is seen.
const CHUNK: u64 = 64 << 10;

/// What an archive may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How deep archives may be nested: 1 opens the outermost only.
    pub depth: u32,
    /// Members, those that cannot be read included, in all archives together.
    pub members: u64,
    /// Bytes of one member; a larger one is left out, the walk goes on.
    pub member_bytes: u64,
    /// Bytes of all members together, those left out included. A member that is an archive stays in memory
    /// while it is walked, so memory never passes this.
    pub total_bytes: u64,
    /// Unpacked to packed size of one member; tested once a member has passed 1 MiB.
    pub ratio: u64,
}

impl Default for Limits {
    /// 5 levels, 10 000 members, 64 MiB each, 256 MiB together, 1000 to 1.
    fn default() -> Self {
        Self { depth: 5, members: 10_000, member_bytes: 64 << 20, total_bytes: 256 << 20, ratio: 1000 }
    }
}

/// One file in an archive.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// As written in the archive, invalid UTF-8 replaced; in a nested archive `outer/inner`. Data: it may hold
    /// `..`, absolute paths, anything. A compressed stream that does not say its name is called `content`.
    pub path: String,
    /// The unpacked content.
    pub bytes: &'a [u8],
    /// 1 in the outermost archive.
    pub depth: u32,
}

/// Why a walk did not show everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// [`Limits::depth`]
    Depth,
    /// [`Limits::members`]
    Members,
    /// [`Limits::member_bytes`]
    MemberBytes,
    /// [`Limits::total_bytes`]
    TotalBytes,
    /// [`Limits::ratio`]
    Ratio,
    /// Something could not be unpacked: damaged, or packed by a method that is not read here.
    Damaged,
}

/// What a walk came across.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Members shown.
    pub members: u64,
    /// Bytes unpacked.
    pub bytes: u64,
    /// Whether any member is encrypted, read or not.
    pub encrypted: bool,
    /// The first reason why something was left out, if anything was (other than for want of a password).
    pub cut: Option<Cut>,
}

/// What kind of archive bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Zip,
    Tar,
    Gzip,
    Bzip2,
    Xz,
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Self> {
        if crate::zipdir::begins(bytes) {
            return Some(Self::Zip);
        }
        if at(bytes, 0, b"\x1f\x8b\x08") {
            return Some(Self::Gzip);
        }
        if at(bytes, 0, b"BZh") && at(bytes, 4, b"1AY&SY") {
            return Some(Self::Bzip2);
        }
        if at(bytes, 0, b"\xfd7zXZ\0") {
            return Some(Self::Xz);
        }
        crate::sniff::is_tar(bytes).then_some(Self::Tar)
    }
}

/// Whether [`walk`] can open `bytes`.
pub fn is_archive(bytes: &[u8]) -> bool {
    Format::of(bytes).is_some()
}

/// Shows every member of an archive to `visit`, outer before inner, until it breaks. A `password` is tried on
/// encrypted members; without the right one they are left out. Bytes that are no archive have no members.
pub fn walk(
    bytes: &[u8],
    password: Option<&str>,
    limits: &Limits,
    visit: &mut dyn FnMut(&Member) -> ControlFlow<()>,
) -> Walk {
    let mut walker = Walker { limits, password, visit, walk: Walk::default(), tried: 0 };
    let _ = walker.open(bytes, "", 1);
    walker.walk
}

/// A walk under way. Its methods break when the walk is over.
struct Walker<'w> {
    limits: &'w Limits,
    password: Option<&'w str>,
    visit: &'w mut dyn FnMut(&Member) -> ControlFlow<()>,
    walk: Walk,
    /// Members met, shown or not.
    tried: u64,
}

impl Walker<'_> {
    fn open(&mut self, bytes: &[u8], prefix: &str, depth: u32) -> ControlFlow<()> {
        let Some(format) = Format::of(bytes) else { return ControlFlow::Continue(()) };
        if depth > self.limits.depth {
            self.cut(Cut::Depth);
            return ControlFlow::Continue(());
        }
        match format {
            Format::Zip => zip::walk(self, bytes, prefix, depth),
            Format::Tar => stream::walk_tar(self, bytes, prefix, depth),
            Format::Gzip | Format::Bzip2 | Format::Xz => stream::walk_compressed(self, bytes, format, prefix, depth),
        }
    }

    /// Shows one member, then what is in it.
    fn show(&mut self, path: String, bytes: &[u8], depth: u32) -> ControlFlow<()> {
        self.walk.members = self.walk.members.saturating_add(1);
        let member = Member { path, bytes, depth };
        (self.visit)(&member)?;
        self.open(bytes, &member.path, depth.saturating_add(1))
    }

    /// Counts a member before it is read.
    fn admit(&mut self) -> ControlFlow<()> {
        if self.tried >= self.limits.members {
            self.cut(Cut::Members);
            return ControlFlow::Break(());
        }
        self.tried = self.tried.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn cut(&mut self, cut: Cut) {
        self.walk.cut.get_or_insert(cut);
    }

    /// Unpacks one member of `packed` bytes; `None` where it is left out.
    fn read(&mut self, mut source: impl Read, packed: u64) -> ControlFlow<(), Option<Vec<u8>>> {
        let mut content = Vec::new();
        loop {
            let before = len64(&content);
            let result = source.by_ref().take(CHUNK).read_to_end(&mut content);
            let size = len64(&content);
            self.walk.bytes = self.walk.bytes.saturating_add(size.saturating_sub(before));
            if self.walk.bytes > self.limits.total_bytes {
                self.cut(Cut::TotalBytes);
                return ControlFlow::Break(());
            }
            let left_out = if size > self.limits.member_bytes {
                Some(Cut::MemberBytes)
            } else if size > RATIO_FREE && size > packed.saturating_mul(self.limits.ratio) {
                Some(Cut::Ratio)
            } else {
                result.as_ref().err().map(cut_of)
            };
            if let Some(cut) = left_out {
                self.cut(cut);
                return ControlFlow::Continue(None);
            }
            if size == before {
                return ControlFlow::Continue(Some(content));
            }
        }
    }
}

/// The limit that a bounded reader hit, or damage.
fn cut_of(error: &io::Error) -> Cut {
    error.get_ref().and_then(|inner| inner.downcast_ref::<stream::Bound>()).map_or(Cut::Damaged, |bound| bound.0)
}

/// `outer/inner`, or `inner` in the outermost archive.
fn joined(prefix: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") }
}
