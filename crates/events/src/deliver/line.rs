//! Who is next. In go claimed deliveries, out they come in the order of their claims, but so that no receiver holds up
//! the others: one delivery to a webhook at a time, and never all places for the webhooks of one owner.

use std::collections::{HashMap, VecDeque};

use assay_store::Claimed;
use tokio::task::Id;

/// How many deliveries to one webhook wait here; what is beyond goes back to the store for a while.
const WAITING: usize = 64;

/// For whom a delivery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receiver {
    /// The id of the webhook.
    pub(super) webhook: String,
    /// Its group; none for the operator's.
    pub(super) owner: Option<String>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Line {
    waiting: VecDeque<(Receiver, Claimed)>,
    served: HashMap<Id, Receiver>,
}

impl Line {
    /// Takes a delivery in, or gives it back where too many wait for its receiver.
    pub(super) fn join(&mut self, receiver: Receiver, claimed: Claimed) -> Result<(), Claimed> {
        if self.waiting.iter().filter(|(other, _)| other.webhook == receiver.webhook).count() >= WAITING {
            return Err(claimed);
        }
        self.waiting.push_back((receiver, claimed));
        Ok(())
    }

    /// The next delivery to be made, where one of `places` is free for it.
    pub(super) fn next(&mut self, places: usize) -> Option<(Receiver, Claimed)> {
        if self.served.len() >= places {
            return None;
        }
        let place = self.waiting.iter().position(|(receiver, _)| self.may_go(receiver, places))?;
        self.waiting.remove(place)
    }

    fn may_go(&self, receiver: &Receiver, places: usize) -> bool {
        let of_owner = self.served.values().filter(|other| other.owner == receiver.owner).count();
        of_owner < places.saturating_sub(1).max(1)
            && self.served.values().all(|other| other.webhook != receiver.webhook)
    }

    /// A delivery is under way, as this task.
    pub(super) fn started(&mut self, task: Id, receiver: Receiver) {
        self.served.insert(task, receiver);
    }

    /// That task has ended.
    pub(super) fn ended(&mut self, task: Id) {
        self.served.remove(&task);
    }
}

#[cfg(test)]
mod tests {
    use assay_model::record::{Class, Job, StageName};

    use super::*;
    use crate::webhook::delivery_key;

    fn claimed(id: i64) -> Claimed {
        let subject = delivery_key(&id.to_string());
        Claimed { id, attempt: 1, job: Job { stage: StageName::Deliver, subject, class: Class::Normal } }
    }

    fn receiver(webhook: &str, owner: Option<&str>) -> Receiver {
        Receiver { webhook: webhook.to_owned(), owner: owner.map(ToOwned::to_owned) }
    }

    /// Takes out whoever may go, as tasks that do not end.
    fn go(line: &mut Line, places: usize) -> Vec<i64> {
        let mut gone = Vec::new();
        let mut tasks = tokio::task::JoinSet::new();
        while let Some((receiver, claimed)) = line.next(places) {
            gone.push(claimed.id);
            line.started(tasks.spawn(std::future::pending::<()>()).id(), receiver);
        }
        gone
    }

    #[tokio::test]
    async fn a_webhook_has_one_delivery_at_a_time_and_others_pass_by() {
        let mut line = Line::default();
        for (id, webhook) in [(1, "slow"), (2, "slow"), (3, "slow"), (4, "quick")] {
            line.join(receiver(webhook, None), claimed(id)).expect("room");
        }
        assert_eq!(go(&mut line, 4), [1, 4]);
        let slow = *line.served.iter().find(|(_, one)| one.webhook == "slow").expect("under way").0;
        line.ended(slow);
        assert_eq!(go(&mut line, 4), [2]);
    }

    #[tokio::test]
    async fn one_owner_never_has_all_places() {
        let mut line = Line::default();
        for (id, webhook) in [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")] {
            line.join(receiver(webhook, Some("soc")), claimed(id)).expect("room");
        }
        line.join(receiver("f", None), claimed(6)).expect("room");
        assert_eq!(go(&mut line, 4), [1, 2, 3, 6]);
        assert_eq!(go(&mut line, 4), [0_i64; 0]);
    }

    #[tokio::test]
    async fn a_single_place_is_for_everybody() {
        let mut line = Line::default();
        line.join(receiver("a", None), claimed(1)).expect("room");
        assert_eq!(go(&mut line, 1), [1]);
    }

    #[test]
    fn a_line_that_is_long_enough_gives_back() {
        let mut line = Line::default();
        for id in 1..=64 {
            line.join(receiver("a", None), claimed(id)).expect("room");
        }
        assert_eq!(line.join(receiver("a", None), claimed(65)).expect_err("no room").id, 65);
        line.join(receiver("b", None), claimed(66)).expect("room for another webhook");
    }
}
