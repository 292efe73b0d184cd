//! Intelligence: what privileged accounts search for. There is no index of our own yet; under a contract that has it,
//! `VirusTotal` is asked.

use assay_model::{Error, Result};

use crate::brokered::searches;
use crate::route::{Arguments, Call, Reply};

/// The longest query, and order, bytes.
const LONGEST: usize = 4_096;
const ORDER_MAX: usize = 100;
/// Items of a page where the client does not say, and at the most.
const LIMIT: usize = 10;
const LIMIT_MAX: usize = 300;

/// There is a query, and nothing is too long.
pub(crate) fn check(arguments: &Arguments) -> Result<()> {
    match arguments.query("query").map(str::trim) {
        None | Some("") => return Err(Error::invalid_argument("the argument \"query\" is missing")),
        Some(query) if query.len() > LONGEST => {
            return Err(Error::invalid_argument(format!("the query is longer than {LONGEST} bytes")));
        }
        Some(_) => {}
    }
    if arguments.query("order").is_some_and(|order| order.len() > ORDER_MAX) {
        return Err(Error::invalid_argument(format!("the order is longer than {ORDER_MAX} bytes")));
    }
    limit(arguments).map(drop)
}

/// How many items a page shall have.
pub(crate) fn limit(arguments: &Arguments) -> Result<usize> {
    let Some(text) = arguments.query("limit") else { return Ok(LIMIT) };
    match text.parse::<usize>() {
        Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
        _ => Err(Error::invalid_argument(format!("limit must be a whole number from 1 to {LIMIT_MAX}"))),
    }
}

/// `GET /intelligence/search`.
pub(crate) async fn search(call: Call) -> Result<Reply> {
    let query = call.arguments.query("query").unwrap_or_default().trim().to_owned();
    searches::intelligence(&call, &query).await
}
