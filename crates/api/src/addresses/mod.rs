//! Actions on URLs, domains and IP addresses: submitted, analysed again.

pub(crate) mod analyse;
mod form;
pub(crate) mod submit;
