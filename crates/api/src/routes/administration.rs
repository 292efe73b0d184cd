//! The rows that manage accounts, groups, keys, tiers, requests and webhooks. None of them costs a request. Who may do
//! what is in `accounts::rights`; the table of who may what is tested row by row.

use assay_model::Code;
use axum::http::Method;

use super::{Action, FILTERED, PAGE};
use crate::route::{Answers, Cost, Feature, Handler, Route, Takes};
use crate::{accounts, upstreams};

const CHANGE: &[Code] = &[Code::NotFound, Code::Forbidden, Code::AlreadyExists, Code::TooLarge];
const ONE: &[Code] = &[Code::NotFound, Code::Forbidden];
const STAFF: &[Code] = &[Code::Forbidden];
const UPSTREAM: &[Code] =
    &[Code::NotFound, Code::Forbidden, Code::AlreadyExists, Code::TooLarge, Code::FailedDependency];
const NONE_MORE: &[Code] = &[];
const REPORT_DAYS: &[(&str, &str)] = &[("days", "How many UTC days, today included, 1 to 93; 7 where it is not said")];
const DAYS: &[(&str, &str)] = &[
    ("start_date", "The first day, YYYYMMDD; 30 days ago where it is not said"),
    ("end_date", "The last day, YYYYMMDD; today where it is not said"),
];
const CONSUMING: &[(&str, &str)] = &[
    ("period", "A month (YYYY-MM) or a day (YYYY-MM-DD)"),
    ("order", "asc or desc, by what was consumed"),
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
];

/// A row in short.
type Short = (
    Method,
    &'static str,
    &'static str,
    &'static str,
    Option<Feature>,
    Takes,
    Answers,
    &'static [Code],
    &'static [(&'static str, &'static str)],
    Handler,
);

/// Every row, in the order of the documentation.
pub(super) fn rows() -> Vec<Route> {
    table().into_iter().map(route).collect()
}

fn route((method, path, operation, summary, feature, takes, answers, errors, query, run): Short) -> Route {
    let action = Action {
        row: (method, path),
        feature,
        cost: Cost::Free,
        takes,
        answers,
        errors,
        query,
        ..Action::get(path, operation, summary, run)
    };
    action.route()
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<Short> {
    const NO_QUERY: &[(&str, &str)] = &[];
    vec![
        (Method::GET, "/users", "users_list", "All accounts; for the operator",
            None, Takes::Nothing, Answers::Objects("user"), STAFF, PAGE, |call| Box::pin(accounts::users::list(call))),
        (Method::POST, "/users", "users_create", "Make an account; for the operator",
            None, Takes::Document, Answers::Object("user"), CHANGE, NO_QUERY, |call| Box::pin(accounts::users::create(call))),
        (Method::PATCH, "/users/{id}", "users_update", "Change an account: what may be written depends on who writes",
            None, Takes::Document, Answers::Object("user"), CHANGE, NO_QUERY, |call| Box::pin(accounts::users::update(call))),
        (Method::DELETE, "/users/{id}", "users_delete", "Remove an account with its keys",
            None, Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::users::delete(call))),
        (Method::GET, "/users/{id}/overall_quotas", "users_overall_quotas", "What an account and its group may use and have used",
            None, Takes::Nothing, Answers::Dictionary, ONE, NO_QUERY, |call| Box::pin(accounts::figures::overall_quotas(call))),
        (Method::GET, "/users/{id}/api_usage", "users_api_usage", "What an account used, by day and endpoint",
            None, Takes::Nothing, Answers::Dictionary, ONE, DAYS, |call| Box::pin(accounts::figures::of_account(call))),
        (Method::POST, "/users/{id}/api_keys", "users_api_keys_create", "Make a key, shown this once; or import one that was made elsewhere",
            Some(Feature::KeyManagement), Takes::MaybeDocument, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::create(call))),
        (Method::POST, "/users/{id}/requests", "users_requests_create", "Ask for a tier, a privilege or a higher limit",
            Some(Feature::Requests), Takes::Document, Answers::Object("request"), CHANGE, NO_QUERY, |call| Box::pin(accounts::requests::create(call))),
        (Method::PATCH, "/service_accounts/{id}", "service_accounts_update", "Change an account: what may be written depends on who writes",
            None, Takes::Document, Answers::Object("service_account"), CHANGE, NO_QUERY, |call| Box::pin(accounts::users::update(call))),
        (Method::DELETE, "/service_accounts/{id}", "service_accounts_delete", "Remove an account with its keys",
            None, Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::users::delete(call))),
        (Method::GET, "/service_accounts/{id}/overall_quotas", "service_accounts_overall_quotas", "What an account and its group may use and have used",
            None, Takes::Nothing, Answers::Dictionary, ONE, NO_QUERY, |call| Box::pin(accounts::figures::overall_quotas(call))),
        (Method::GET, "/service_accounts/{id}/api_usage", "service_accounts_api_usage", "What an account used, by day and endpoint",
            None, Takes::Nothing, Answers::Dictionary, ONE, DAYS, |call| Box::pin(accounts::figures::of_account(call))),
        (Method::POST, "/service_accounts/{id}/api_keys", "service_accounts_api_keys_create", "Make a key, shown this once; or import one that was made elsewhere",
            Some(Feature::KeyManagement), Takes::MaybeDocument, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::create(call))),
        (Method::POST, "/service_accounts/{id}/requests", "service_accounts_requests_create", "Ask for a tier, a privilege or a higher limit",
            Some(Feature::Requests), Takes::Document, Answers::Object("request"), CHANGE, NO_QUERY, |call| Box::pin(accounts::requests::create(call))),
        (Method::GET, "/groups", "groups_list", "All groups; for the operator",
            None, Takes::Nothing, Answers::Objects("group"), STAFF, PAGE, |call| Box::pin(accounts::groups::list(call))),
        (Method::POST, "/groups", "groups_create", "Make a group; for the operator",
            Some(Feature::Groups), Takes::Document, Answers::Object("group"), CHANGE, NO_QUERY, |call| Box::pin(accounts::groups::create(call))),
        (Method::PATCH, "/groups/{id}", "groups_update", "Change a group",
            Some(Feature::Groups), Takes::Document, Answers::Object("group"), CHANGE, NO_QUERY, |call| Box::pin(accounts::groups::update(call))),
        (Method::DELETE, "/groups/{id}", "groups_delete", "Remove a group without members; for the operator",
            Some(Feature::Groups), Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::groups::delete(call))),
        (Method::GET, "/groups/{id}/api_usage", "groups_api_usage", "What a group used, by day and endpoint",
            None, Takes::Nothing, Answers::Dictionary, ONE, DAYS, |call| Box::pin(accounts::figures::of_group(call))),
        (Method::GET, "/groups/{id}/users_consuming_quota/{quota}", "groups_users_consuming_quota", "The members of a group, by what they took of its pool",
            None, Takes::Nothing, Answers::Objects("user"), ONE, CONSUMING, |call| Box::pin(accounts::figures::users_consuming_quota(call))),
        (Method::POST, "/groups/{id}/relationships/users", "groups_users_add", "Add accounts by their e-mail addresses; unknown ones are invited",
            Some(Feature::Groups), Takes::Document, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::add_users(call))),
        (Method::PATCH, "/groups/{id}/relationships/users", "groups_users_update", "Set roles and daily caps of members",
            Some(Feature::Groups), Takes::Document, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::update_users(call))),
        (Method::GET, "/groups/{id}/relationships/users/{member}", "groups_users_member", "Whether an account is among them",
            None, Takes::Nothing, Answers::Truth, ONE, NO_QUERY, |call| Box::pin(accounts::members::is_member(call))),
        (Method::DELETE, "/groups/{id}/relationships/users/{member}", "groups_users_remove", "Remove one of them",
            Some(Feature::Groups), Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::remove_user(call))),
        (Method::POST, "/groups/{id}/relationships/administrators", "groups_administrators_add", "Make accounts administrators, by their e-mail addresses",
            Some(Feature::Groups), Takes::Document, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::add_administrators(call))),
        (Method::GET, "/groups/{id}/relationships/administrators/{member}", "groups_administrators_member", "Whether an account is among them",
            None, Takes::Nothing, Answers::Truth, ONE, NO_QUERY, |call| Box::pin(accounts::members::is_member(call))),
        (Method::DELETE, "/groups/{id}/relationships/administrators/{member}", "groups_administrators_remove", "Remove one of them",
            Some(Feature::Groups), Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::remove_administrator(call))),
        (Method::POST, "/groups/{id}/relationships/service_accounts", "groups_service_accounts_add", "Make service accounts",
            Some(Feature::Groups), Takes::Document, Answers::Objects("service_account"), CHANGE, NO_QUERY, |call| Box::pin(accounts::members::add_service_accounts(call))),
        (Method::PATCH, "/groups/{id}/relationships/service_accounts", "groups_service_accounts_update", "Set roles and daily caps of members",
            Some(Feature::Groups), Takes::Document, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::update_service_accounts(call))),
        (Method::GET, "/groups/{id}/relationships/service_accounts/{member}", "groups_service_accounts_member", "Whether an account is among them",
            None, Takes::Nothing, Answers::Truth, ONE, NO_QUERY, |call| Box::pin(accounts::members::is_member(call))),
        (Method::DELETE, "/groups/{id}/relationships/service_accounts/{member}", "groups_service_accounts_remove", "Remove one of them",
            Some(Feature::Groups), Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::members::remove_service_account(call))),
        (Method::PATCH, "/api_keys/{id}", "api_keys_update", "Change label, end, networks or privileges of a key",
            Some(Feature::KeyManagement), Takes::Document, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::update(call))),
        (Method::DELETE, "/api_keys/{id}", "api_keys_delete", "Revoke a key",
            Some(Feature::KeyManagement), Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::delete(call))),
        (Method::POST, "/api_keys/{id}/rotate", "api_keys_rotate", "Make a successor, shown this once; the old key works on until its deadline",
            Some(Feature::KeyManagement), Takes::MaybeDocument, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::rotate(call))),
        (Method::POST, "/api_keys/{id}/restore", "api_keys_restore", "Make a rotated key active again and revoke its successor",
            Some(Feature::KeyManagement), Takes::MaybeDocument, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::restore(call))),
        (Method::POST, "/api_keys/{id}/revoke", "api_keys_revoke", "Refuse a key from now on",
            Some(Feature::KeyManagement), Takes::MaybeDocument, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::revoke(call))),
        (Method::POST, "/api_keys/{id}/exposed", "api_keys_exposed", "Tell that a key was found where others can read it",
            Some(Feature::KeyManagement), Takes::MaybeDocument, Answers::Object("api_key"), CHANGE, NO_QUERY, |call| Box::pin(accounts::api_keys::exposed(call))),
        (Method::GET, "/api_keys/{id}/clients", "api_keys_clients", "Who used a key, by client and day",
            None, Takes::Nothing, Answers::List, ONE, NO_QUERY, |call| Box::pin(accounts::api_keys::clients(call))),
        (Method::GET, "/tiers", "tiers_list", "All tiers",
            None, Takes::Nothing, Answers::Objects("tier"), NONE_MORE, PAGE, |call| Box::pin(accounts::tiers::list(call))),
        (Method::POST, "/tiers", "tiers_create", "Make a tier; for the operator",
            None, Takes::Document, Answers::Object("tier"), CHANGE, NO_QUERY, |call| Box::pin(accounts::tiers::create(call))),
        (Method::PATCH, "/tiers/{id}", "tiers_update", "Change a tier; for the operator",
            None, Takes::Document, Answers::Object("tier"), CHANGE, NO_QUERY, |call| Box::pin(accounts::tiers::update(call))),
        (Method::DELETE, "/tiers/{id}", "tiers_delete", "Remove a tier that nobody has; for the operator",
            None, Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::tiers::delete(call))),
        (Method::GET, "/requests", "requests_list", "Requests, for those who decide them",
            Some(Feature::Requests), Takes::Nothing, Answers::Objects("request"), STAFF, FILTERED, |call| Box::pin(accounts::requests::list(call))),
        (Method::POST, "/requests/{id}/grant", "requests_grant", "Grant a request, for good or until a date",
            Some(Feature::Requests), Takes::MaybeDocument, Answers::Object("request"), CHANGE, NO_QUERY, |call| Box::pin(accounts::requests::grant(call))),
        (Method::POST, "/requests/{id}/decline", "requests_decline", "Decline a request",
            Some(Feature::Requests), Takes::MaybeDocument, Answers::Object("request"), CHANGE, NO_QUERY, |call| Box::pin(accounts::requests::decline(call))),
        (Method::GET, "/activity_log_entries", "activity_log_entries_list", "The audit log, newest first; for the operator",
            None, Takes::Nothing, Answers::Objects("activity_log_entry"), STAFF, FILTERED, |call| Box::pin(accounts::audit_log::list(call))),
        (Method::GET, "/groups/{id}/activity_log_entries", "groups_activity_log_entries", "What was done in a group, newest first",
            None, Takes::Nothing, Answers::Objects("activity_log_entry"), ONE, FILTERED, |call| Box::pin(accounts::audit_log::of_group(call))),
        (Method::GET, "/webhooks", "webhooks_list", "Webhooks: all for the operator, the group's for its administrators",
            Some(Feature::Webhooks), Takes::Nothing, Answers::Objects("webhook"), STAFF, PAGE, |call| Box::pin(accounts::webhooks::list(call))),
        (Method::POST, "/webhooks", "webhooks_create", "Make a webhook; its signing secret is shown this once",
            Some(Feature::Webhooks), Takes::Document, Answers::Object("webhook"), CHANGE, NO_QUERY, |call| Box::pin(accounts::webhooks::create(call))),
        (Method::PATCH, "/webhooks/{id}", "webhooks_update", "Change a webhook",
            Some(Feature::Webhooks), Takes::Document, Answers::Object("webhook"), CHANGE, NO_QUERY, |call| Box::pin(accounts::webhooks::update(call))),
        (Method::DELETE, "/webhooks/{id}", "webhooks_delete", "Remove a webhook",
            Some(Feature::Webhooks), Takes::Nothing, Answers::Done, CHANGE, NO_QUERY, |call| Box::pin(accounts::webhooks::delete(call))),
        (Method::POST, "/webhook_deliveries/{id}/replay", "webhook_deliveries_replay", "Send a delivery again",
            Some(Feature::Webhooks), Takes::MaybeDocument, Answers::Object("webhook_delivery"), CHANGE, NO_QUERY, |call| Box::pin(accounts::webhooks::replay(call))),
        (Method::GET, "/upstreams", "upstreams_list", "Contracts with VirusTotal; for the operator",
            Some(Feature::Broker), Takes::Nothing, Answers::Objects("upstream"), STAFF, PAGE, |call| Box::pin(upstreams::list(call))),
        (Method::POST, "/upstreams", "upstreams_create", "Try a key and register its contract; for the operator",
            Some(Feature::Broker), Takes::Document, Answers::Object("upstream"), UPSTREAM, NO_QUERY, |call| Box::pin(upstreams::create(call))),
        (Method::DELETE, "/upstreams/{id}", "upstreams_delete", "End a contract and remove what it has brought; for the operator",
            Some(Feature::Broker), Takes::Nothing, Answers::Dictionary, UPSTREAM, NO_QUERY, |call| Box::pin(upstreams::end(call))),
        (Method::POST, "/upstreams/{id}/keys", "upstreams_keys_create", "Try and stage a second key of the same contract",
            Some(Feature::Broker), Takes::Document, Answers::Object("upstream"), UPSTREAM, NO_QUERY, |call| Box::pin(upstreams::stage(call))),
        (Method::POST, "/upstreams/{id}/activate", "upstreams_activate", "Use the staged key from now on; the old one drains",
            Some(Feature::Broker), Takes::MaybeDocument, Answers::Object("upstream"), UPSTREAM, NO_QUERY, |call| Box::pin(upstreams::activate(call))),
        (Method::DELETE, "/upstreams/{id}/keys/{key}", "upstreams_keys_delete", "Remove a key that is not in use any more",
            Some(Feature::Broker), Takes::Nothing, Answers::Object("upstream"), UPSTREAM, NO_QUERY, |call| Box::pin(upstreams::remove_key(call))),
        (Method::POST, "/upstreams/{id}/reconcile", "upstreams_reconcile", "Read VirusTotal's own count of a contract now",
            Some(Feature::Broker), Takes::MaybeDocument, Answers::Object("upstream"), UPSTREAM, NO_QUERY, |call| Box::pin(upstreams::reconcile(call))),
        (Method::GET, "/upstreams/{id}/report", "upstreams_report", "Who asked for what under a contract, and what was saved",
            Some(Feature::Broker), Takes::Nothing, Answers::Dictionary, ONE, REPORT_DAYS, |call| Box::pin(upstreams::report(call))),
    ]
}
