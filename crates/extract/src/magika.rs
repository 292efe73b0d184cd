//! Magika: Google's model that tells file types apart by content, mainly kinds of text. In go bytes, out
//! comes its label where the score reaches that label's threshold. The model and its tables are under
//! `assets/magika/`; see the README there for what must agree with this file.
//!
//! Features (model configuration `standard_v3_3`): the first and the last 1024 bytes of the file, each after
//! white space is stripped from that end of the first and last 4096, padded with 256 to 2048 numbers.

use std::sync::{Arc, OnceLock};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::bytes::{head, tail};

static MODEL: &[u8] = include_bytes!("../assets/magika/model.onnx");
static LABELS: &str = include_str!("../assets/magika/labels.tsv");

const BEGIN: usize = 1024;
const END: usize = 1024;
const BLOCK: usize = 4096;
const PADDING: i32 = 256;
/// With fewer bytes than this in the beginning the model is not asked.
const FEWEST: usize = 8;

/// One output of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Label {
    /// As reported, e.g. `powershell`.
    pub(crate) name: &'static str,
    /// Whether it stands for a kind of text.
    pub(crate) is_text: bool,
    threshold: f32,
}

/// The loaded model.
pub(crate) struct Classifier {
    model: Model,
    input: NodeId,
    output: NodeId,
    labels: Vec<Label>,
    threads: Arc<ThreadPool>,
}

impl Classifier {
    /// Loads the model at the first call; `None` never happens with the model that is built in.
    pub(crate) fn get(cell: &OnceLock<Option<Self>>) -> Option<&Self> {
        cell.get_or_init(Self::load).as_ref()
    }

    fn load() -> Option<Self> {
        let model = ModelOptions::with_all_ops().load_static_slice(MODEL).ok()?;
        let (input, output) = (*model.input_ids().first()?, *model.output_ids().first()?);
        // The caller runs samples in parallel: one file is one thread's work.
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        Some(Self { model, input, output, labels: labels(), threads })
    }

    /// The label that the model is sure of.
    pub(crate) fn classify(&self, bytes: &[u8]) -> Option<Label> {
        let features = features(bytes)?;
        let input = NdTensor::from_data([1, features.len()], features);
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::clone(&self.threads));
        let [scores] = self.model.run_n(vec![(self.input, input.into())], [self.output], Some(options)).ok()?;
        let scores: NdTensor<f32, 2> = scores.try_into().ok()?;
        let (label, score) =
            self.labels.iter().zip(scores.iter()).max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (*score >= label.threshold && label.name != "unknown").then_some(*label)
    }
}

/// The rows of `labels.tsv`, in the order of the model's outputs.
fn labels() -> Vec<Label> {
    let rows = LABELS.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut columns = row.split('\t').skip(1);
        let threshold = columns.next()?.parse().ok()?;
        let name = columns.next()?;
        Some(Label { name, is_text: columns.next()? == "text", threshold })
    })
    .collect()
}

/// What the model sees; `None` for content too short to ask about.
fn features(bytes: &[u8]) -> Option<Vec<i32>> {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let first = head(bytes, BLOCK);
    let start = head(first.get(first.iter().take_while(|byte| blank(byte)).count()..)?, BEGIN);
    let last = tail(bytes, BLOCK);
    let kept = last.len().checked_sub(last.iter().rev().take_while(|byte| blank(byte)).count())?;
    let end = tail(last.get(..kept)?, END);
    if start.len() < FEWEST {
        return None;
    }
    let padding = |have: usize, size: usize| std::iter::repeat_n(PADDING, size.saturating_sub(have));
    let padded = start.iter().copied().map(i32::from).chain(padding(start.len(), BEGIN));
    Some(padded.chain(padding(end.len(), END)).chain(end.iter().copied().map(i32::from)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_label_for_each_output_of_the_model() {
        assert_eq!(labels().len(), 214);
    }

    #[test]
    fn features_are_the_stripped_ends_padded() {
        let found = features(b" \n12345678 ").unwrap_or_default();
        assert_eq!(found.len(), BEGIN + END);
        assert_eq!(found.get(..10), Some([49, 50, 51, 52, 53, 54, 55, 56, 32, 256].as_slice()));
        assert_eq!(found.get(2047), Some(&56));
        assert_eq!(found.get(2037..2040), Some([256, 32, 10].as_slice()));
        assert_eq!(features(b"short"), None);
    }

    #[test]
    fn a_python_script_is_known_as_one() {
        let script = "import os\nimport sys\n\ndef main(argv):\n    for name in argv[1:]:\n        \
                      print(os.path.join('a', name))\n\nif __name__ == '__main__':\n    main(sys.argv)\n";
        let cell = OnceLock::new();
        let label = Classifier::get(&cell).and_then(|model| model.classify(script.as_bytes()));
        assert_eq!(label.map(|label| label.name), Some("python"));
    }
}
