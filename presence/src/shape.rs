//! The drawing of each status: one source for the page and the gateway's picture.

use crate::Status;

/// The side of the square in which the paths are drawn.
pub const SIDE: u8 = 16;

impl Status {
    /// The SVG path (`d`, fill rule `evenodd`) that draws this status in a square of [`SIDE`] units. Shapes differ without colour:
    /// filled disc, half disc in a ring, ring, ring with gaps.
    #[must_use]
    pub const fn shape(self) -> &'static str {
        match self {
            Self::Active => "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z",
            Self::Idle => "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2a4 4 0 0 0 0 8z",
            Self::Offline => "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2.2a3.8 3.8 0 1 0 0 7.6a3.8 3.8 0 0 0 0-7.6z",
            Self::Unknown => {
                "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z"
            }
        }
    }
}
