//! What people say about objects: comments and votes, and the search that finds objects by whatever names them.
//!
//! | module | what |
//! |---|---|
//! | [`items`] | a row per kind that is commented on, voted on, gathered; what a client wrote as an item |
//! | [`comments`], [`remarks`] | comments; the text of one: tags, mentions, words, HTML |
//! | [`named`] | objects as clients name them in bodies and texts |
//! | [`votes`] | votes and reputation |
//! | [`search`] | `GET /search` |
//! | [`categories`] | `GET /popular_threat_categories` |

pub(crate) mod categories;
pub(crate) mod comments;
pub(crate) mod items;
pub(crate) mod named;
pub(crate) mod remarks;
pub(crate) mod search;
pub(crate) mod votes;
