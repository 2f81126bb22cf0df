//! Parses HTTP dates.

use crate::Timestamp;

/// Parses an IMF-fixdate (RFC 9110 §5.6.7), the format of all current servers: `Sun, 06 Nov 1994
/// 08:49:37 GMT`.
pub(crate) fn parse(date: &str) -> Option<Timestamp> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut parts = date.trim_ascii().strip_suffix(" GMT")?.split(' ');
    let _weekday = parts.next()?;
    let day = number(parts.next()?)?;
    let month = parts.next()?;
    let month = MONTHS.chunks_exact(3).position(|name| name == month.as_bytes())?;
    let year = number(parts.next()?)?;
    let mut time = parts.next()?.split(':');
    let (hour, minute, second) =
        (number(time.next()?)?, number(time.next()?)?, number(time.next()?)?);
    if day == 0
        || day > 31
        || !(1970..=9999).contains(&year)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    // Days since 1970-01-01 in the proleptic Gregorian calendar, the year taken to begin in March.
    let month = i64::try_from(month).ok()?;
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day
        - 1
        - 719_468;
    Some(Timestamp::from_ms((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000))
}

/// At most four decimal digits.
fn number(digits: &str) -> Option<i64> {
    let plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_imf_fixdate() {
        for (date, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Mon, 23 Nov 2026 19:30:00 GMT", 1_795_462_200),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(parse(date), Some(Timestamp::from_ms(seconds * 1000)), "{date}");
        }
    }

    #[test]
    fn rejects_malformed_dates() {
        for date in [
            "",
            "GMT",
            "0",
            "-1",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(date), None, "{date}");
        }
    }
}
