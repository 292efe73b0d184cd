//! The log in a store: entries beside their deeds, lists, and the walk.

use assay_model::Code;
use assay_store::{Memory, StoreError};
use serde_json::json;

use super::*;

fn deed(actor: &str, action: Action, target: &str, group: Option<&str>) -> Deed {
    Deed {
        actor: actor.to_owned(),
        key_id: Some("0123456789ab".to_owned()),
        address: Some([198, 51, 100, 4].into()),
        action,
        target: target.to_owned(),
        group: group.map(ToOwned::to_owned),
        before: Value::Null,
        after: json!({ "label": "siem" }),
    }
}

async fn write_at(store: &dyn Store, deed: Deed, at: i64) {
    let mut batch = Batch::new();
    log(store, &mut batch, vec![deed], Timestamp(at)).await.expect("logged");
    store.commit(batch).await.expect("a commit");
}

/// `count` entries, a hundred seconds apart; every second one by bob, every third one of group `soc`.
async fn filled(count: i64) -> Memory {
    let store = Memory::default();
    for n in 0..count {
        let actor = if n % 2 == 0 { "alice" } else { "bob" };
        let action = if n % 4 < 2 { Action::CreateKey } else { Action::RevokeKey };
        let group = (n % 3 == 0).then_some("soc");
        write_at(&store, deed(actor, action, &format!("user/u{}", n % 5), group), 100 * (n + 1)).await;
    }
    store
}

async fn sequences(store: &Memory, filter: &str, group: Option<&str>, limit: usize) -> Vec<u64> {
    let filter = Filter { group: group.map(ToOwned::to_owned), ..Filter::parse(filter).expect("a filter") };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = find(store, &filter, &Range::after(limit, after)).await.expect("a page");
        assert!(page.items.len() <= limit);
        assert!(page.items.iter().all(|found| found.id == id(found.entry.sequence)));
        all.extend(page.items.iter().map(|found| found.entry.sequence));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

/// What [`sequences`] must answer, by looking at each entry.
fn expected(count: i64, fits: impl Fn(i64) -> bool) -> Vec<u64> {
    (0..count).rev().filter(|n| fits(*n)).map(|n| n.unsigned_abs() + 1).collect()
}

#[tokio::test]
async fn entries_are_listed_newest_first_by_any_combination_of_terms_in_pages_of_any_size() {
    let store = filled(30).await;
    for limit in [1, 3, 40] {
        assert_eq!(sequences(&store, "", None, limit).await, expected(30, |_| true));
        assert_eq!(sequences(&store, "", Some("soc"), limit).await, expected(30, |n| n % 3 == 0));
        assert_eq!(sequences(&store, "user:bob", None, limit).await, expected(30, |n| n % 2 == 1));
        let both = sequences(&store, "user:bob AND action:REVOKE_KEY", None, limit).await;
        assert_eq!(both, expected(30, |n| n % 4 == 3));
        let all =
            sequences(&store, "user:bob action:REVOKE_KEY target:u2 date:700+ date:2900-", Some("soc"), limit).await;
        assert_eq!(all, expected(30, |n| n % 4 == 3 && n % 5 == 2 && n % 3 == 0 && (6..29).contains(&n)));
        assert_eq!(all, [28]);
        assert_eq!(sequences(&store, "target:user/u2", None, limit).await, expected(30, |n| n % 5 == 2));
        assert_eq!(sequences(&store, "target:group/u2", None, limit).await, [0_u64; 0]);
        assert_eq!(sequences(&store, "user:nobody", None, limit).await, [0_u64; 0]);
        assert_eq!(sequences(&store, "date:500+ date:799-", None, limit).await, [7, 6, 5]);
        assert_eq!(sequences(&store, "date:99-", None, limit).await, [0_u64; 0]);
        assert_eq!(sequences(&store, "date:3001+", None, limit).await, [0_u64; 0]);
        assert_eq!(sequences(&store, "date:3000", None, limit).await, [30]);
    }
}

#[tokio::test]
async fn each_page_of_a_list_says_how_many_entries_fit_in_all() {
    let store = filled(30).await;
    for (text, group) in [
        ("", None),
        ("", Some("soc")),
        ("user:bob", None),
        ("user:bob action:REVOKE_KEY", Some("soc")),
        ("target:u2", None),
        ("target:user/u2", None),
        ("target:group/u2", None),
        ("user:nobody", None),
        ("date:700+", None),
        ("date:700+ date:2900-", Some("soc")),
        ("user:bob date:99-", None),
        ("user:bob date:3001+", None),
        ("target:user/u2 date:700+ date:2900-", None),
    ] {
        let listed = sequences(&store, text, group, 7).await.len() as u64;
        let filter = Filter { group: group.map(ToOwned::to_owned), ..Filter::parse(text).expect("a filter") };
        let first = find(&store, &filter, &Range::first(2)).await.expect("a page");
        assert_eq!(first.total, Some(listed), "{text} {group:?}");
        if let Some(next) = first.next {
            let second = find(&store, &filter, &Range::after(2, Some(next))).await.expect("a page");
            assert_eq!(second.total, Some(listed), "{text} {group:?}, its second page");
        }
    }
}

#[tokio::test]
async fn an_entry_is_written_with_its_deed_or_not_at_all() {
    let store = Memory::default();
    let user = Key::shared(Kind::User, "alice");
    let (mut one, mut other) = (Batch::new(), Batch::new());
    one.put(user.clone(), b"{}".as_slice().into(), Expect::Absent);
    other.put(Key::shared(Kind::User, "bob"), b"{}".as_slice().into(), Expect::Absent);
    for batch in [&mut one, &mut other] {
        log(&store, batch, vec![deed("operator", Action::CreateUser, "user/x", None)], Timestamp(1))
            .await
            .expect("logged");
    }
    store.commit(other).await.expect("the first to come");
    // The second was made for a chain that has grown since: neither its deed nor its entry is there.
    assert!(matches!(store.commit(one).await, Err(StoreError::Conflict)));
    assert!(store.read(&user).await.expect("a read").is_none());
    assert_eq!(head(&store).await.expect("a head").map(|head| head.sequence), Some(1));
}

#[tokio::test]
async fn several_deeds_of_one_batch_follow_one_another() {
    let store = Memory::default();
    let mut batch = Batch::new();
    let deeds =
        ["a", "b", "c"].map(|name| deed("operator", Action::AddGroupUser, &format!("user/{name}"), Some("soc")));
    log(&store, &mut batch, deeds.to_vec(), Timestamp(5)).await.expect("logged");
    store.commit(batch).await.expect("a commit");
    assert_eq!(sequences(&store, "", Some("soc"), 2).await, [3, 2, 1]);
    assert!(matches!(verify(&store).await.expect("a walk"), Verdict::Whole { entries: 3, .. }));
}

#[tokio::test]
async fn a_clock_that_is_set_back_leaves_the_dates_in_order() {
    let store = Memory::default();
    for at in [1000, 10, 1001] {
        write_at(&store, deed("alice", Action::UpdateUser, "user/alice", None), at).await;
    }
    assert_eq!(sequences(&store, "date:1000", None, 9).await, [2, 1]);
}

#[tokio::test]
async fn no_secret_gets_into_the_log() {
    let store = Memory::default();
    let key = "a55a".repeat(16);
    let mut deed = deed(&key, Action::CreateKey, &format!("user/{key}"), None);
    deed.before = json!({ "key": &key });
    deed.after = json!({ "webhook": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "password": "hunter2" });
    write_at(&store, deed, 1).await;
    let record = store.read(&super::key(1)).await.expect("a read").expect("the entry");
    let text = String::from_utf8_lossy(&record.body).into_owned();
    assert!(!text.contains(&key) && !text.contains("MfKQ9r8G") && !text.contains("hunter2"), "{text}");
    assert!(matches!(verify(&store).await.expect("a walk"), Verdict::Whole { entries: 1, .. }));
}

async fn tamper(store: &Memory, change: impl FnOnce(&mut Batch)) -> Verdict {
    let mut batch = Batch::new();
    change(&mut batch);
    store.commit(batch).await.expect("a commit");
    verify(store).await.expect("a walk")
}

async fn entry(store: &Memory, sequence: u64) -> Entry {
    read(store, &id(sequence)).await.expect("a read").expect("an entry")
}

#[tokio::test]
async fn the_walk_names_the_first_entry_that_is_not_as_it_was_written() {
    let broken = |sequence, fault| Verdict::Broken { sequence, fault };
    let count = i64::try_from(STRIDE).expect("small") + 5;
    let store = filled(count).await;
    assert!(matches!(verify(&store).await.expect("a walk"), Verdict::Whole { entries, .. } if entries == STRIDE + 5));

    let whole = entry(&store, STRIDE + 2).await;
    let forged = Entry { actor: "mallory".to_owned(), ..whole.clone() };
    let put = |entry: &Entry, at: u64| {
        let body = body(entry);
        move |batch: &mut Batch| _ = batch.put(super::key(at), body, Expect::Any)
    };
    assert_eq!(tamper(&store, put(&forged, STRIDE + 2)).await, broken(STRIDE + 2, Fault::Changed));
    assert!(matches!(tamper(&store, put(&whole, STRIDE + 2)).await, Verdict::Whole { .. }));

    let garbage = |batch: &mut Batch| _ = batch.put(super::key(9), b"{}".as_slice().into(), Expect::Any);
    let ninth = entry(&store, 9).await;
    assert_eq!(tamper(&store, garbage).await, broken(9, Fault::Changed));
    assert_eq!(tamper(&store, put(&entry(&store, 8).await, 9)).await, broken(9, Fault::Reordered));
    assert!(matches!(tamper(&store, put(&ninth, 9)).await, Verdict::Whole { .. }));

    let added = Entry { sequence: STRIDE + 6, ..whole.clone() };
    assert_eq!(tamper(&store, put(&added, STRIDE + 6)).await, broken(STRIDE + 6, Fault::Added));
    let delete = |sequence: u64| move |batch: &mut Batch| _ = batch.delete(super::key(sequence));
    assert!(matches!(tamper(&store, delete(STRIDE + 6)).await, Verdict::Whole { .. }));
    assert_eq!(tamper(&store, delete(STRIDE + 5)).await, broken(STRIDE + 5, Fault::Cut));
    assert_eq!(tamper(&store, delete(3)).await, broken(3, Fault::Missing));
    assert_eq!(tamper(&store, |batch| _ = batch.delete(head_key())).await, broken(1, Fault::Added));
}

#[tokio::test]
async fn an_empty_log_is_whole_and_an_unknown_entry_is_none() {
    let store = Memory::default();
    assert!(matches!(verify(&store).await.expect("a walk"), Verdict::Whole { entries: 0, .. }));
    assert_eq!(read(&store, &id(1)).await.expect("a read"), None);
    assert_eq!(Filter::parse("nonsense").expect_err("no filter").code, Code::InvalidArgument);
}
