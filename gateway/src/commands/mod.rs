//! Commands that end: what the program does besides serving.

pub mod doctor;
pub mod healthcheck;
pub mod people;
