//! Usage figures: how often a subject (an account, a key, a group) did what on a day, along one dimension.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

macro_rules! dimensions {
    ($($name:ident = $stored:literal: $counts:literal;)+) => {
        /// Along what is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Dimension { $(#[doc = $counts] #[serde(rename = $stored)] $name,)+ }

        impl Dimension {
            /// Every dimension, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name under which stores keep it; never changes once written.
            pub const fn stored(self) -> &'static str {
                match self { $(Self::$name => $stored,)+ }
            }
        }
    };
}

dimensions! {
    Endpoint = "endpoint": "Calls that cost something, by the endpoint's path.";
    FreeEndpoint = "free_endpoint": "Calls that cost nothing, by the endpoint's path.";
    Key = "key": "Calls by the id of the key that made them.";
    Client = "client": "Calls by the address and the program that made them.";
    Outcome = "outcome": "Calls by what came of them.";
    Account = "account": "Calls by the account that made them.";
    Broker = "broker": "Questions under a contract, by how they were answered.";
    BrokerAccount = "broker_account": "The same, by how and for which account.";
}

impl Dimension {
    /// The inverse of [`Dimension::stored`].
    pub fn named(stored: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dimension| dimension.stored() == stored)
    }
}

/// Something to add to a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Whose figure: an account's, a key's or a group's id.
    pub subject: Arc<str>,
    /// The first second of the UTC day.
    pub day: Timestamp,
    /// Along what is counted.
    pub dimension: Dimension,
    /// What is counted: an endpoint, a key, a client.
    pub value: Arc<str>,
    /// How much to add.
    pub amount: u64,
}

#[cfg(test)]
mod tests {
    use super::Dimension;

    #[test]
    fn every_dimension_is_found_by_its_stored_name() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::named(dimension.stored()), Some(*dimension));
        }
        assert_eq!(Dimension::named("other"), None);
    }
}
