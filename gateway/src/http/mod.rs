//! What pages get: the API, badges as pictures, the built files.

pub(crate) mod cors;
pub(crate) mod error;
pub(crate) mod query;
pub(crate) mod response_cache;
pub(crate) mod routes;
pub(crate) mod static_files;
pub(crate) mod svg;
