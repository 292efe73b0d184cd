//! What is done with files: uploading, analysing again, downloading.

pub(crate) mod analyse;
pub(crate) mod download;
pub(crate) mod multipart;
pub(crate) mod parts;
pub(crate) mod upload;
pub mod upload_url;
