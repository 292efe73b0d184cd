//! What an account may do and use: its own, its group's and its tiers' rights as one. In go records, out come a
//! [`Standing`] that holds until the next of their dates, and what is shown of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use crate::Timestamp;
use crate::account::{Allowance, ApiKey, Group, Tier, User};
use crate::privilege::{Privilege, Privileges};
use crate::quota::{Limits, Quota, UNLIMITED};
use crate::record::Class;

/// An account with the records that its rights come from.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The account.
    pub user: &'a User,
    /// The tier of its own that holds now.
    pub tier: &'a Tier,
    /// Its group, by name, with the tier of the group that holds now.
    pub group: Option<(&'a str, &'a Group, &'a Tier)>,
}

/// A privilege that is held, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Until when; for good where it is not set.
    pub until: Option<Timestamp>,
    /// The group or privilege that it comes from, and by which way (VirusTotal's words).
    pub inherited: Option<(String, &'static str)>,
}

/// By way of the group that pays for API requests.
pub const VIA_GROUP: &str = "api_quota_group";
/// By way of another privilege.
pub const VIA_PRIVILEGE: &str = "privilege";

impl Holder<'_> {
    /// What the account may do, and why. What it has itself counts before what it inherits.
    pub fn privileges(&self, now: Timestamp) -> BTreeMap<Privilege, Held> {
        let mut all = BTreeMap::new();
        let own = self.tier.privileges.iter().map(|privilege| (*privilege, None));
        for (privilege, until) in own.chain(self.user.privileges.at(now)) {
            keep(&mut all, privilege, Held { until, inherited: None });
        }
        if let Some((name, group, tier)) = self.group {
            let theirs = tier.privileges.iter().map(|privilege| (*privilege, None));
            for (privilege, until) in theirs.chain(group.privileges.at(now)) {
                keep(&mut all, privilege, Held { until, inherited: Some((name.to_owned(), VIA_GROUP)) });
            }
        }
        let sources: Vec<_> = all.iter().map(|(privilege, held)| (*privilege, held.until)).collect();
        for (source, until) in sources {
            for implied in source.implies() {
                keep(&mut all, *implied, Held { until, inherited: Some((source.wire().to_owned(), VIA_PRIVILEGE)) });
            }
        }
        all
    }

    /// What the account itself may use. In a group its own limit is a cap on its share of the pool.
    pub fn own_limits(&self, now: Timestamp) -> Limits {
        if self.group.is_none() {
            return with(self.tier.limits.clone(), &self.user.allowances, now);
        }
        let mut limits = Limits::NONE.with_others(UNLIMITED);
        for (quota, cap) in &self.user.caps {
            let raised = self.user.raised.get(quota).filter(|raised| raised.until.is_none_or(|until| until > now));
            limits.set(*quota, raised.map_or(*cap, |raised| raised.allowed.max(*cap)));
        }
        limits
    }

    /// What the account's group may use together.
    pub fn pool(&self, now: Timestamp) -> Option<Limits> {
        self.group.map(|(_, group, tier)| with(tier.limits.clone(), &group.allowances, now))
    }

    /// Who the account waits behind under load.
    pub fn class(&self) -> Class {
        let tiers = [Some(self.tier.class), self.group.map(|(_, _, tier)| tier.class)];
        self.user.class.or_else(|| tiers.into_iter().flatten().min()).unwrap_or(Class::Bulk)
    }

    /// The next moment at which any of this changes by itself.
    pub fn changes(&self, now: Timestamp) -> Option<Timestamp> {
        let user = self.user;
        let mut moments: Vec<Option<Timestamp>> = vec![user.tier.until];
        moments.extend(user.privileges.0.values().copied());
        let allowances = user.allowances.values().chain(user.raised.values());
        moments.extend(allowances.map(|allowance| allowance.until));
        if let Some((_, group, _)) = self.group {
            moments.push(group.tier.until);
            moments.extend(group.privileges.0.values().copied());
            moments.extend(group.allowances.values().map(|allowance| allowance.until));
        }
        moments.into_iter().flatten().filter(|moment| *moment > now).min()
    }
}

/// Keeps the way to a privilege that lasts longest; the earlier one among equals.
fn keep(all: &mut BTreeMap<Privilege, Held>, privilege: Privilege, held: Held) {
    let lasts = |held: &Held| held.until.map_or(i64::MAX, |until| until.0);
    match all.get(&privilege) {
        Some(present) if lasts(present) >= lasts(&held) => {}
        _ => _ = all.insert(privilege, held),
    }
}

fn with(mut limits: Limits, allowances: &BTreeMap<Quota, Allowance>, now: Timestamp) -> Limits {
    for (quota, allowance) in allowances {
        if allowance.until.is_none_or(|until| until > now) {
            limits.set(*quota, allowance.allowed);
        }
    }
    limits
}

/// What a group's members use together.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The group.
    pub group: Arc<str>,
    /// The name of its ledger.
    pub ledger: Arc<str>,
    /// How much.
    pub limits: Limits,
}

/// The name of a group's ledger. No account can have it.
pub fn ledger_of_group(group: &str) -> Arc<str> {
    format!("group:{group}").into()
}

/// What a request is judged by.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What the key may do.
    pub privileges: Privileges,
    /// What the account may use.
    pub limits: Limits,
    /// The group that pays, and what it may use.
    pub pool: Option<Pool>,
    /// Who it waits behind.
    pub class: Class,
    /// From where it may call: an address must be in one network of each list.
    pub networks: Vec<Vec<IpNet>>,
    /// When this is to be worked out anew.
    pub until: Option<Timestamp>,
}

impl Standing {
    /// Of an account by one of its keys.
    pub fn of(holder: &Holder<'_>, key: Option<&ApiKey>, now: Timestamp) -> Self {
        let mut privileges: Privileges = holder.privileges(now).into_keys().collect();
        if let Some(subset) = key.and_then(|key| key.privileges.as_ref()) {
            privileges = privileges.and(subset.iter().copied().collect());
        }
        let pool = |(name, ..): (&str, &Group, &Tier)| {
            let (group, ledger) = (Arc::from(name), ledger_of_group(name));
            holder.pool(now).map(|limits| Pool { group, ledger, limits })
        };
        let lists = [
            key.map(|key| &key.allowed_networks),
            Some(&holder.user.allowed_networks),
            holder.group.map(|(_, group, _)| &group.allowed_networks),
        ];
        let ends = [
            holder.changes(now),
            key.and_then(|key| key.expiration_date).filter(|end| *end > now),
            key.and_then(|key| key.retirement.as_ref()).map(|retirement| retirement.deadline).filter(|end| *end > now),
        ];
        Self {
            privileges,
            limits: holder.own_limits(now),
            pool: holder.group.and_then(pool),
            class: holder.class(),
            networks: lists.into_iter().flatten().filter(|list| !list.is_empty()).cloned().collect(),
            until: ends.into_iter().flatten().min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::TierTerm;
    use crate::privilege::Grants;

    fn tier(privileges: &[Privilege], day: u64, class: Class) -> Tier {
        Tier {
            privileges: privileges.iter().copied().collect(),
            limits: Limits { day, ..Limits::PUBLIC },
            class,
            changed: false,
        }
    }

    #[test]
    fn a_privilege_comes_from_the_account_its_group_or_another_privilege() {
        let (own, theirs) = (tier(&[], 500, Class::Bulk), tier(&[Privilege::Intelligence], 9_000, Class::Normal));
        let mut user = User::new("public", Timestamp(0));
        user.privileges = Grants([(Privilege::FileFeed, Some(Timestamp(50)))].into());
        let group = Group::new("premium", Timestamp(0));
        let holder = Holder { user: &user, tier: &own, group: Some(("soc", &group, &theirs)) };
        let held = holder.privileges(Timestamp(49));
        assert_eq!(held[&Privilege::FileFeed], Held { until: Some(Timestamp(50)), inherited: None });
        assert_eq!(held[&Privilege::Intelligence].inherited, Some(("soc".to_owned(), VIA_GROUP)));
        assert_eq!(held[&Privilege::Livehunt].inherited, Some(("intelligence".to_owned(), VIA_PRIVILEGE)));
        assert!(!holder.privileges(Timestamp(50)).contains_key(&Privilege::FileFeed));
        assert_eq!(holder.changes(Timestamp(49)), Some(Timestamp(50)));
        assert_eq!(holder.class(), Class::Normal);
    }

    #[test]
    fn in_a_group_the_own_limit_is_a_cap_and_the_pool_is_the_groups() {
        let (own, theirs) = (tier(&[], 500, Class::Bulk), tier(&[], 9_000, Class::Normal));
        let mut user = User::new("public", Timestamp(0));
        let mut group = Group::new("premium", Timestamp(0));
        group.allowances =
            [(Quota::ApiRequestsDaily, Allowance { allowed: 20_000, until: Some(Timestamp(10)) })].into();
        let alone = Holder { user: &user, tier: &own, group: None };
        assert_eq!((alone.own_limits(Timestamp(0)).day, alone.pool(Timestamp(0))), (500, None));
        let member = Holder { user: &user, tier: &own, group: Some(("soc", &group, &theirs)) };
        assert_eq!(member.own_limits(Timestamp(0)).day, UNLIMITED);
        assert_eq!(member.pool(Timestamp(0)).map(|pool| pool.day), Some(20_000));
        assert_eq!(member.pool(Timestamp(10)).map(|pool| pool.day), Some(9_000));
        user.caps = [(Quota::ApiRequestsDaily, 10)].into();
        let capped = Holder { user: &user, tier: &own, group: Some(("soc", &group, &theirs)) };
        assert_eq!(capped.own_limits(Timestamp(0)).day, 10);
        user.raised = [(Quota::ApiRequestsDaily, Allowance { allowed: 30, until: Some(Timestamp(5)) })].into();
        let raised = Holder { user: &user, tier: &own, group: Some(("soc", &group, &theirs)) };
        assert_eq!((raised.own_limits(Timestamp(4)).day, raised.own_limits(Timestamp(5)).day), (30, 10));
        assert_eq!(raised.changes(Timestamp(0)), Some(Timestamp(5)));
    }

    #[test]
    fn a_key_has_at_most_what_its_account_has_and_ends_with_its_own_dates() {
        let own = tier(&[Privilege::AllInfo], 500, Class::Bulk);
        let mut user = User::new("public", Timestamp(0));
        user.tier = TierTerm { name: "x".into(), until: Some(Timestamp(90)), then: Some("y".into()) };
        let holder = Holder { user: &user, tier: &own, group: None };
        let mut key = ApiKey::new(String::new(), "a", Timestamp(0));
        key.privileges = Some([Privilege::AllInfo, Privilege::Admin].into());
        key.expiration_date = Some(Timestamp(70));
        let standing = Standing::of(&holder, Some(&key), Timestamp(0));
        assert!(standing.privileges.contains(Privilege::AllInfo) && !standing.privileges.contains(Privilege::Admin));
        assert_eq!(standing.until, Some(Timestamp(70)));
    }
}
