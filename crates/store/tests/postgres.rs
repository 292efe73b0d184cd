//! The store over PostgreSQL: the contract, bare and behind the cache, and what holds when several nodes share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use assay_model::quota::Quota;
use assay_model::record::{Class, Facet, FacetName, Job, Key, Space, StageName};
use assay_model::{Kind, Timestamp};
use assay_store::batch::Ending;
use assay_store::{Batch, Config, Expect, Paced, Range, Rate, Spent, Store, StoreError, Want, open, suite};
use assay_testing::postgres::Server;
use tokio_postgres::{Client, NoTls};

async fn store(url: &str, cache_bytes: u64) -> Arc<dyn Store> {
    let config = Config::Postgres { url: url.to_owned(), password: None, cache_bytes };
    open(&config).await.expect("a store")
}

/// A connection for looking and for doing harm.
async fn operator(url: &str) -> Client {
    let (client, wire) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::task::spawn(wire);
    client
}

fn user(id: &str) -> Key {
    Key::shared(Kind::User, id)
}

fn put(key: &Key, body: &str, expect: Expect) -> Batch {
    let mut batch = Batch::new();
    batch.put(key.clone(), body.as_bytes().into(), expect);
    batch
}

async fn body(store: &dyn Store, key: &Key) -> String {
    let record = store.read(key).await.expect("a read").expect("the record");
    String::from_utf8_lossy(&record.body).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_store_keeps_the_contract() {
    let server = Server::start();
    suite::run(async || store(&server.database(), 0).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_store_keeps_the_contract_behind_the_cache() {
    let server = Server::start();
    suite::run(async || store(&server.database(), 1 << 20).await).await;
}
