//! Instants. Spans are [`Duration`]; instants are newtypes, so that a server's time never meets a local one by mistake.

use core::ops::{Add, Sub};
use core::time::Duration;

/// An instant on the UNIX time line, in milliseconds since 1970-01-01T00:00:00Z.
///
/// All claims, answers and statuses are dated by the **server's** clock; see [`Clock`](crate::Clock).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// The last millisecond of the year 9999, the end of what HTTP dates can say.
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// From UNIX seconds as Zulip writes them, whole or fractional. What lies outside the years 1970 to 9999 is moved to their edge.
    #[must_use]
