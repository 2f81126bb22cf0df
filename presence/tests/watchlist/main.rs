//! One or more tests per rule of the engine.

mod messages;
mod page;
mod polling;
mod stream;
