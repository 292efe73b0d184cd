//! Look-ups of API v2, whose key is an argument: what is not known here is asked upstream in v3, and told in v2 by whoever
//! asked for it.

use assay_broker::ask::Unanswered;
use assay_broker::{NotAsked, Question};
use assay_model::Result;
use serde_json::Value;

use super::{asker_of, canonical, dressed, narrow};
use crate::gate::Paid;
use crate::objects::ObjectType;
use crate::route::Call;

/// What upstream says of an object.
pub(crate) enum Told {
    /// The object, as v3 has it.
    Object(Value),
    /// It does not know it, or nobody was to be asked.
    Nothing,
    /// It was not asked, by rule.
    NotAsked(NotAsked),
}

/// Asks for an object that is not known here.
pub(crate) async fn object(call: &Call, paid: &Paid, object_type: &ObjectType, id: &str) -> Result<Told> {
    let (Some(asker), Some(id)) = (asker_of(call, paid), canonical(object_type, id)) else { return Ok(Told::Nothing) };
    let Some(question) = Question::object(object_type.kind.collection(), &id, &[]) else { return Ok(Told::Nothing) };
    match call.app.broker.answer(&asker, &question).await {
        Ok(answered) if answered.kept.is_known() => {
            let mut document = dressed(call, &answered)?;
            narrow(paid, &mut document["data"]);
            Ok(Told::Object(document["data"].take()))
        }
        Ok(_) | Err(Unanswered::NotAsked(NotAsked::NoContract)) => Ok(Told::Nothing),
        Err(Unanswered::NotAsked(why)) => Ok(Told::NotAsked(why)),
        Err(Unanswered::Refused(refusal)) => Err(refusal.into()),
    }
}

/// Counts an answer from what is known here.
pub(crate) fn answered_locally(call: &Call, paid: &Paid) {
    if let Some(asker) = asker_of(call, paid) {
        call.app.broker.answered_locally(&asker);
    }
}
