//! The files that an archive holds, those of archives inside it included: bytes in, digests and names out, within limits.

use std::collections::HashSet;
use std::ops::ControlFlow;

use assay_model::Sha256;

use crate::archive;

/// How deep archives may be nested.
const DEPTH: u32 = 3;
/// Files of all archives together.
const MEMBERS: u64 = 2000;
/// Bytes of one file; a larger one is left out.
const MEMBER_BYTES: u64 = 32 << 20;
/// Bytes of all of them.
const TOTAL_BYTES: u64 = 64 << 20;
/// Unpacked to packed.
const RATIO: u64 = 1000;
/// Bytes of a name; the end of a longer one is left out.
const NAME: usize = 1024;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is.
    pub sha256: Sha256,
    /// Its path in the archive that holds it, as written there: data, never used as a path.
    pub name: String,
    /// The archive that holds it, where that is inside the one that was looked into.
    pub within: Option<Sha256>,
}

/// Every file in the archive `bytes`, in the order of the archive, once for each archive that holds it. Empty files are
/// left out: they are all the same one. So is what is encrypted. Bytes that are no archive hold nothing.
pub fn contents(bytes: &[u8]) -> Vec<Content> {
    let limits = archive::Limits {
        depth: DEPTH,
        members: MEMBERS,
        member_bytes: MEMBER_BYTES,
        total_bytes: TOTAL_BYTES,
        ratio: RATIO,
    };
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    // The files that the walk is inside of, the outermost first, with the lengths of their paths.
    let mut around: Vec<(Sha256, usize)> = Vec::new();
    archive::walk(bytes, None, &limits, &mut |member| {
        around.truncate(usize::try_from(member.depth).unwrap_or(usize::MAX).saturating_sub(1));
        let outer = around.last().copied();
        let sha256 = Sha256::of(member.bytes);
        around.push((sha256, member.path.len()));
        let within = outer.map(|(outer, _)| outer);
        if !member.bytes.is_empty() && known.insert((within, sha256)) {
            // Behind the archive's own path there is a slash.
            let own = outer.map_or(0, |(_, length)| length.saturating_add(1));
            let mut name = member.path.get(own..).unwrap_or_default().to_owned();
            name.truncate(name.floor_char_boundary(NAME));
            found.push(Content { sha256, name, within });
        }
        ControlFlow::Continue(())
    });
    found
}
