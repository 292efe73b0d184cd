//! File reports as text, ready to be sent. In goes the record that the store answers now, out comes the text that was
//! made of that same record before, or a new one. A text is for one base address and one view of the attributes.

use std::sync::Arc;

use assay_model::record::Record;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Which attributes a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// Every key.
    Basic,
    /// With `allinfo`.
    Full,
}

type Name = (Arc<str>, View, Box<str>);

struct Rendered {
    record: Arc<Record>,
    text: Bytes,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Name, Arc<Rendered>> for ByBytes {
    fn weight(&self, name: &Name, rendered: &Arc<Rendered>) -> u64 {
        // The record is kept alive too.
        (256 + name.0.len() + name.2.len() + rendered.text.len() + rendered.record.body.len()) as u64
    }
}

/// See the module.
pub(crate) struct Reports(Cache<Name, Arc<Rendered>, ByBytes>);

impl Reports {
    /// Keeps up to `bytes` of texts.
    pub(crate) fn new(bytes: u64) -> Self {
        let entries = usize::try_from(bytes / 8192).unwrap_or(usize::MAX).max(16);
        Self(Cache::with_weighter(entries, bytes, ByBytes))
    }

    /// The text of this record, made by `render` where it was not made before.
    pub(crate) fn text<E>(
        &self,
        record: &Arc<Record>,
        view: View,
        base: &str,
        render: impl FnOnce() -> Result<String, E>,
    ) -> Result<Bytes, E> {
        let name = (record.key.id.clone(), view, base.into());
        if let Some(rendered) = self.0.get(&name).filter(|rendered| Arc::ptr_eq(&rendered.record, record)) {
            return Ok(rendered.text.clone());
        }
        let text = Bytes::from(render()?);
        self.0.insert(name, Arc::new(Rendered { record: record.clone(), text: text.clone() }));
        Ok(text)
    }
}
