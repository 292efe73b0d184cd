//! What files did in sandboxes, as far as upstream knows it: no sandbox is built in here.

use assay_broker::ask::Unanswered;
use assay_broker::question::{Form, Page};
use assay_broker::{Asker, NotAsked, Question};
use assay_model::{Code, Error, Result, Sha256};

use super::{canonical, served, told, unanswered_object};
use crate::objects::file;
use crate::route::{Arguments, Call, Reply, parse_hash};

/// Digits of a SHA-256.
const SHA256: usize = 64;
/// How many files can be asked for together; `VirusTotal` publishes no figure.
const HASHES_MAX: usize = 100;
/// The longest name of a sandbox, bytes.
const SANDBOX_MAX: usize = 100;

/// `GET /files/{id}/behaviour_summary` and `…/behaviour_mitre_trees`.
pub(crate) async fn of_file(call: Call, name: &'static str) -> Result<Reply> {
    let id = call.arguments.path("id");
    if let (Some(asker), Some(id)) = (served(&call).await?, canonical(&file::TYPE, id))
        && let Some(question) = Question::joined("files", &id, name, Form::Joined, Page::default())
    {
        match call.app.broker.answer(&asker, &question).await {
            Ok(answered) if answered.kept.is_known() => return told(&call, &answered),
            Ok(_) => {}
            Err(unanswered) => {
                if let Some(reply) = unanswered_object(&call, &file::TYPE, unanswered)? {
                    return Ok(reply);
                }
            }
        }
    }
    (file::TYPE.locate)(&call.viewer(), id).await?;
    Err(Error::new(Code::NotFound, format!("File \"{id}\" was run in no sandbox")))
}

/// `GET /files/behaviour_summary`: of several files together.
pub(crate) async fn of_files(call: Call) -> Result<Reply> {
    let nothing = || Error::new(Code::NotFound, "None of these files was run in a sandbox");
    let Some(asker) = served(&call).await? else { return Err(nothing()) };
    let question = Question::summary(&hashes(&call.arguments)?).ok_or_else(nothing)?;
    ask(&call, &asker, &question, nothing()).await
}

/// There are hashes, and not too many.
pub(crate) fn check_hashes(arguments: &Arguments) -> Result<()> {
    hashes(arguments).map(drop)
}

fn hashes(arguments: &Arguments) -> Result<Vec<String>> {
    let hashes = arguments.list("hashes");
    if hashes.is_empty() {
        return Err(Error::invalid_argument(
            "the argument \"hashes\" is missing: hashes of files, separated by commas",
        ));
    }
    if hashes.len() > HASHES_MAX {
        return Err(Error::invalid_argument(format!("more than {HASHES_MAX} hashes")));
    }
    hashes.into_iter().map(|hash| parse_hash(hash).map(|_| hash.to_ascii_lowercase())).collect()
}

/// The id is a SHA-256 and the name of a sandbox.
pub(crate) fn check(arguments: &Arguments) -> Result<()> {
    let is_one = arguments.path("id").split_once('_').is_some_and(|(hash, sandbox)| {
        let plain = |character: char| !character.is_control() && !"/?#".contains(character);
        hash.len() == 64
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && (1..=SANDBOX_MAX).contains(&sandbox.len())
            && sandbox.chars().all(plain)
    });
    let wrong = || Error::invalid_argument("a behaviour report is named by the file's SHA-256, _ and the sandbox");
    is_one.then_some(()).ok_or_else(wrong)
}

/// The id is a SHA-256.
pub(crate) fn check_sha256(arguments: &Arguments) -> Result<()> {
    arguments.path("id").parse::<Sha256>().map(drop).map_err(|cause| {
        Error::invalid_argument("it is named by the 64 hexadecimal digits of a SHA-256").because(cause)
    })
}

/// `GET /file_behaviours/{id}`, `/sigma_analyses/{id}`, `/sigma_rules/{id}`: objects of types that only upstream has.
pub(crate) async fn one(call: Call, collection: &str, title: &str) -> Result<Reply> {
    let id = call.arguments.path("id");
    let unknown = || Error::not_found(title, id);
    let Some(asker) = served(&call).await? else { return Err(unknown()) };
    // The name of a sandbox has capitals.
    let (hash, rest) = id.split_at_checked(SHA256).unwrap_or((id, ""));
    let name = format!("{}{rest}", hash.to_ascii_lowercase());
    let question = Question::object(collection, &name, &[]).ok_or_else(unknown)?;
    ask(&call, &asker, &question, unknown()).await
}

/// What upstream says; `unknown` where it knows nothing or cannot be asked, and then why.
async fn ask(call: &Call, asker: &Asker, question: &Question, mut unknown: Error) -> Result<Reply> {
    match call.app.broker.answer(asker, question).await {
        Ok(answered) if answered.kept.is_known() => told(call, &answered),
        Ok(_) | Err(Unanswered::NotAsked(NotAsked::NoContract)) => Err(unknown),
        Err(Unanswered::NotAsked(why)) => {
            unknown.message = format!("{} ({why})", unknown.message);
            Err(unknown)
        }
        Err(Unanswered::Refused(refusal)) => Err(refusal.into()),
    }
}
