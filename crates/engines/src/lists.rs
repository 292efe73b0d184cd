//! For the tests of engines that read lists: a temporary folder with lists in it.

use std::fs;
use std::path::PathBuf;

/// Lists in a folder that goes when they do.
pub(crate) struct Lists {
    folder: tempfile::TempDir,
}

impl Lists {
    /// Lists of these names with these texts.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let lists = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for (name, text) in files {
            lists.write(name, text);
        }
        lists
    }

    /// Where a list is, or would be.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a list, its folders included.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder is made");
        fs::write(path, text).expect("the list is written");
    }
}
