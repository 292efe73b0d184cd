//! Nothing panics, whatever the bytes: arbitrary ones, and samples that are cut and changed.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

use assay_extract::archive::{self, Limits};
use assay_extract::{Identifier, Magika, Options};
use proptest::prelude::*;

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("testdata is there").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
    paths.iter().map(|path| fs::read(path).expect("a sample can be read")).collect()
});

fn examine(bytes: &[u8]) {
    let facts = Identifier::new(Options { magika: Magika::Never }).identify(bytes, &[]);
    assert!(!facts.magic.is_empty() && !facts.type_tag.is_empty());
    let limits = Limits { total_bytes: 1 << 20, member_bytes: 1 << 18, ..Limits::default() };
    let mut seen = 0;
    let walk = archive::walk(bytes, Some("infected"), &limits, &mut |member| {
        seen += member.bytes.len() as u64;
        ControlFlow::Continue(())
    });
    assert!(seen <= walk.bytes && seen <= limits.total_bytes);
    let _ = archive::single_protected_member(bytes, "infected", 1 << 18);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        examine(&bytes);
    }

    #[test]
    fn arbitrary_bytes_behind_any_magic_do_not_panic(
        sample in any::<prop::sample::Index>(),
        kept in 2_usize..64,
        bytes in proptest::collection::vec(any::<u8>(), 0..1024),
    ) {
        let start = sample.get(&SAMPLES);
        let mut hostile = start[..kept.min(start.len())].to_vec();
        hostile.extend(bytes);
        examine(&hostile);
    }

    #[test]
    fn changed_and_cut_samples_do_not_panic(
        sample in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut hostile = sample.get(&SAMPLES).clone();
        if !hostile.is_empty() {
            for (place, byte) in changes {
                let place = place.index(hostile.len());
                hostile[place] = byte;
            }
            if !whole {
                hostile.truncate(cut.index(hostile.len()));
            }
        }
        examine(&hostile);
    }
}
