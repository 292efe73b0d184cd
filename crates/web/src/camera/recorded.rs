//! Pictures out of memory, for tests.

use std::collections::HashMap;

use assay_model::url::CanonicalUrl;
use async_trait::async_trait;

use super::{Camera, NoPicture, Picture};

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct RecordedCamera {
    pictures: HashMap<CanonicalUrl, Picture>,
}

impl RecordedCamera {
    /// Records what a page looks like.
    #[must_use]
    pub fn with(mut self, url: &CanonicalUrl, picture: Picture) -> Self {
        self.pictures.insert(url.clone(), picture);
        self
    }
}

#[async_trait]
impl Camera for RecordedCamera {
    fn name(&self) -> &'static str {
        "Recorded"
    }

    async fn picture(&self, url: &CanonicalUrl) -> Result<Picture, NoPicture> {
        self.pictures.get(url).cloned().ok_or(NoPicture::Nothing)
    }
}
