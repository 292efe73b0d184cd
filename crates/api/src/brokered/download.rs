//! The bytes of a file that is not here, from upstream where the operator's policy permits it. They are gathered in a file
//! without a name, compared with the hash that was asked for, and gone when the answer was sent.

use assay_broker::Refusal;
use assay_model::digest::Hasher;
use assay_model::{Code, Error, FileHash, Result, Sha256};
use bytes::Bytes;

use super::{canonical, served, unanswered_object};
use crate::app::LARGE_UPLOAD;
use crate::objects::file;
use crate::route::{Call, parse_hash};

/// The file that the path names; none where nobody has it.
pub(crate) async fn of_file(call: &Call) -> Result<Option<(Sha256, Bytes)>> {
    let (Some(asker), Some(id)) = (served(call).await?, canonical(&file::TYPE, call.arguments.path("id"))) else {
        return Ok(None);
    };
    let mut pieces = match call.app.broker.download(&asker, &id).await {
        Ok(Some(pieces)) => pieces,
        Ok(None) => return Ok(None),
        Err(unanswered) => {
            unanswered_object(call, &file::TYPE, unanswered)?;
            return Ok(None);
        }
    };
    let mut incoming = call.app.pipeline.blobs.begin(LARGE_UPLOAD).await?;
    let mut hasher = Hasher::default();
    while let Some(piece) = pieces.next().await.map_err(|error| Error::from(Refusal::from(error)))? {
        hasher.update(&piece);
        incoming.write(piece).await.map_err(|error| match Error::from(error) {
            large if large.code == Code::TooLarge => unfit("a file that is larger than any that this server takes"),
            other => other,
        })?;
    }
    let digests = hasher.finish();
    let is_the_one = match parse_hash(&id)? {
        FileHash::Sha256(sha256) => sha256 == digests.sha256,
        FileHash::Sha1(sha1) => sha1 == digests.sha1,
        FileHash::Md5(md5) => md5 == digests.md5,
    };
    if !is_the_one {
        return Err(unfit("other bytes than those of this file"));
    }
    Ok(Some((digests.sha256, incoming.unkept().await?)))
}

fn unfit(what: &str) -> Error {
    Error::new(Code::FailedDependency, format!("VirusTotal, which this server asks, sent {what}"))
}
