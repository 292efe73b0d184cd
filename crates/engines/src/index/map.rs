//! The one place that maps a file into memory: an open file in, its bytes out.

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap};

/// Maps an index file of ours.
#[expect(unsafe_code, reason = "the language cannot know that nobody shortens the file while it is mapped")]
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the file is in a cache folder that only this program writes. It is written under another name,
    // put in place with a rename and never changed after; a newer one takes its name, not its content. Its
    // bytes are only ever read as plain bytes, with every offset checked.
    let map = unsafe { Mmap::map(file)? };
    // A look-up touches a few pages far apart; reading ahead would only fill memory.
    map.advise(Advice::Random)?;
    Ok(map)
}
