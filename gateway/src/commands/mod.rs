//! Commands other than serving.

pub mod doctor;
pub mod healthcheck;
pub mod people;
