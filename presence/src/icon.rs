//! The SVG path and colours of each status, for the page and the gateway's SVG.

use crate::Status;

/// The side of the square in which the paths are drawn.
pub const VIEWBOX_SIZE: u8 = 16;

impl Status {
    /// The SVG path (`d`, fill rule `evenodd`) that draws this status in a square of
    /// [`VIEWBOX_SIZE`] units. The shapes differ even without colour: filled disc, half disc in a
    /// ring, ring, ring with gaps.
    #[must_use]
    pub const fn svg_path(self) -> &'static str {
        match self {
            Self::Active => "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z",
            Self::Idle => "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2a4 4 0 0 0 0 8z",
            Self::Offline => {
                "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2.2a3.8 3.8 0 1 0 0 7.6a3.8 3.8 0 0 0 0-7.6z"
            }
            Self::Unknown => {
                "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z"
            }
        }
    }

    /// The colour, as `#rrggbb`: Zulip's hue, at a lightness that has at least 3:1 to white and to
    /// black (WCAG 1.4.11).
    #[must_use]
    pub const fn colour(self) -> &'static str {
        match self {
            Self::Active => "#2e9150",
            Self::Idle => "#b87a08",
            Self::Offline | Self::Unknown => "#767c90",
        }
    }

    /// The same, lighter, for dark backgrounds. It also has 3:1 to white, for a light page that
    /// declares itself dark.
    #[must_use]
    pub const fn colour_on_dark(self) -> &'static str {
        match self {
            Self::Active => "#43a35e",
            Self::Idle => "#c2831a",
            Self::Offline | Self::Unknown => "#8b91a5",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG 2.2 defines it.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(
                u8::from_str_radix(&colour[at..at + 2], 16).expect("two hexadecimal digits"),
            ) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn colours_have_3_to_1_contrast_on_white_and_black() {
        for status in Status::ALL {
            for colour in [status.colour(), status.colour_on_dark()] {
                let luminance = luminance(colour);
                let (on_white, on_black) = (1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05);
                assert!(
                    on_white >= 3.0 && on_black >= 3.0,
                    "{status} {colour}: {on_white:.2} on white, {on_black:.2} on black"
                );
            }
        }
    }

    #[test]
    fn svg_paths_differ() {
        for (place, status) in Status::ALL.iter().enumerate() {
            assert!(
                Status::ALL[..place].iter().all(|other| other.svg_path() != status.svg_path()),
                "{status}"
            );
        }
    }
}
