//! One or more tests per rule of the engine.

mod page;
mod polling;
mod stream;
