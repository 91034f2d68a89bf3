//! A moment with millisecond precision, and the three texts in which AWS writes moments.

use crate::Malformed;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, negative before.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const DAY_MS: i64 = 86_400_000;
/// The years 0001 to 9999, the range of every text form.
const MIN_MS: i64 = -62_135_596_800_000;
const MAX_MS: i64 = 253_402_300_799_999;

/// Appends a number by so many of its digits. Their number is known where this is compiled, which spares divisions.
fn push_digits<const DIGITS: usize>(text: &mut String, mut number: u32) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits.into_iter().for_each(|digit| text.push(char::from(digit)));
}

/// A year and numbers of two digits, with what stands behind each. Listings write a time for each entry, so it
/// goes without the formatter.
fn year_and(year: i32, behind: &str, parts: [(u8, &str); 5]) -> String {
    let mut text = String::with_capacity(24);
    push_digits::<4>(&mut text, year.unsigned_abs());
    text.push_str(behind);
    for (number, behind) in parts {
        push_digits::<2>(&mut text, number.into());
        text.push_str(behind);
    }
    text
}

impl Timestamp {
    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment of a count of seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1000))
    }

    /// Seconds with their fraction, as the JSON protocols write them.
    pub fn seconds_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This moment plus milliseconds, held within the range of the type.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Timestamp(self.0.saturating_add(millis))
    }

    /// Year, month (1–12), day (1–31), weekday (0 is Sunday), hour, minute, second, millisecond.
    pub fn civil(self) -> (i32, u8, u8, u8, u8, u8, u8, u16) {
        let clamped = self.0.clamp(MIN_MS, MAX_MS);
        let (days, rest) = (clamped.div_euclid(DAY_MS), clamped.rem_euclid(DAY_MS));
        // Days are counted from 0000-03-01 so that the leap day is the last of its year.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let weekday = (days + 4).rem_euclid(7);
        let seconds = rest / 1000;
        (
            year as i32,
            month as u8,
            day as u8,
            weekday as u8,
            (seconds / 3600) as u8,
            (seconds / 60 % 60) as u8,
            (seconds % 60) as u8,
            (rest % 1000) as u16,
        )
    }

    fn from_civil(year: i64, month: i64, day: i64, seconds_of_day: i64, millis: i64) -> Option<Self> {
        let fine = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..=86_400).contains(&seconds_of_day);
        if !fine {
            return None;
        }
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let month_from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Timestamp(days * DAY_MS + seconds_of_day * 1000 + millis))
    }

    /// `2026-01-31T12:00:00Z`, with milliseconds where there are any: `2026-01-31T12:00:00.250Z`.
    pub fn iso8601(self) -> String {
        let (year, month, day, _, hour, minute, second, milli) = self.civil();
        let mut text =
            year_and(year, "-", [(month, "-"), (day, "T"), (hour, ":"), (minute, ":"), (second, "")]);
        if milli != 0 {
            text.push('.');
            push_digits::<3>(&mut text, milli.into());
        }
        text.push('Z');
        text
    }

    /// `2026-01-31T12:00:00.000Z`: always with milliseconds, as S3 and IAM write it.
    pub fn iso8601_millis(self) -> String {
        // Digits and signs are UTF-8.
        std::str::from_utf8(&self.iso8601_millis_form()).unwrap_or_default().to_owned()
    }

    /// What [`Timestamp::iso8601_millis`] gives, in place: listings write a moment for each entry.
    pub fn iso8601_millis_form(self) -> [u8; 24] {
        let (year, month, day, _, hour, minute, second, milli) = self.civil();
        let (year, milli) = (year.unsigned_abs(), u32::from(milli));
        let mut form = *b"0000-00-00T00:00:00.000Z";
        let pairs = [
            (0, year / 100),
            (2, year % 100),
            (5, month.into()),
            (8, day.into()),
            (11, hour.into()),
            (14, minute.into()),
            (17, second.into()),
            (20, milli / 10),
        ];
        for (at, number) in pairs {
            form[at] = b'0' + (number / 10 % 10) as u8;
            form[at + 1] = b'0' + (number % 10) as u8;
        }
        form[22] = b'0' + (milli % 10) as u8;
        form
    }

    /// `20260131T120000Z`: the form of `X-Amz-Date`.
    pub fn basic(self) -> String {
        let (year, month, day, _, hour, minute, second, _) = self.civil();
        year_and(year, "", [(month, ""), (day, "T"), (hour, ""), (minute, ""), (second, "Z")])
    }

    /// `Sat, 31 Jan 2026 12:00:00 GMT`: the form of HTTP headers.
    pub fn http_date(self) -> String {
        let (year, month, day, weekday, hour, minute, second, _) = self.civil();
        let mut text = String::with_capacity(29);
        text.push_str(WEEKDAYS[weekday as usize]);
        text.push_str(", ");
        push_digits::<2>(&mut text, day.into());
        text.push(' ');
        text.push_str(MONTHS[month as usize - 1]);
        text.push(' ');
        push_digits::<4>(&mut text, year.unsigned_abs());
        for (sign, number) in [(' ', hour), (':', minute), (':', second)] {
            text.push(sign);
            push_digits::<2>(&mut text, number.into());
        }
        text.push_str(" GMT");
        text
    }

    /// Reads `YYYYMMDDTHHMMSSZ`.
    pub fn parse_basic(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("basic ISO 8601 timestamp", text);
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' || !text.is_ascii() {
            return Err(malformed());
        }
        let part = |from: usize, to: usize| digits(&text[from..to]).ok_or_else(malformed);
        let seconds = clock(part(9, 11)?, part(11, 13)?, part(13, 15)?).ok_or_else(malformed)?;
        Self::from_civil(part(0, 4)?, part(4, 6)?, part(6, 8)?, seconds, 0).ok_or_else(malformed)
    }

    /// Reads ISO 8601 date-times (`2026-01-31T12:00:00.25+01:00`, `Z` or nothing for UTC) and bare dates.
    pub fn parse_iso8601(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("ISO 8601 timestamp", text);
        if !text.is_ascii() || text.len() > 40 {
            return Err(malformed());
        }
        let (date, time) = match text.find(['T', 't', ' ']) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        };
        let mut fields = date.splitn(3, '-').map(digits);
        let (Some(Some(year)), Some(Some(month)), Some(Some(day))) =
            (fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed());
        };
        let (seconds, millis, offset) = time_of_day(time).ok_or_else(malformed)?;
        let local = Self::from_civil(year, month, day, seconds, millis).ok_or_else(malformed)?;
        Ok(local.plus_millis(-offset * 1000))
    }

    /// Reads `Sat, 31 Jan 2026 12:00:00 GMT` (IMF-fixdate, with or without a fraction of a second).
    pub fn parse_http_date(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("HTTP date", text);
        let rest = text.split_once(", ").map_or(text, |(_, rest)| rest);
        let mut fields = rest.split(' ').filter(|field| !field.is_empty());
        let (Some(day), Some(month), Some(year), Some(time), Some("GMT" | "UTC" | "+0000" | "-0000"), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed());
        };
        let month = MONTHS.iter().position(|name| *name == month).ok_or_else(malformed)? as i64 + 1;
        let (seconds, millis, _) = time_of_day(time).ok_or_else(malformed)?;
        let (day, year) = (digits(day).ok_or_else(malformed)?, digits(year).ok_or_else(malformed)?);
        Self::from_civil(year, month, day, seconds, millis).ok_or_else(malformed)
    }
}

fn digits(text: &str) -> Option<i64> {
    let fine = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fine { text.parse().ok() } else { None }
}

fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let fine = hour < 24 && minute < 60 && second <= 60;
    fine.then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds of the day, milliseconds, and the offset from UTC in seconds.
fn time_of_day(text: &str) -> Option<(i64, i64, i64)> {
    if text.is_empty() {
        return Some((0, 0, 0));
    }
    let zone_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock_text, zone) = text.split_at(zone_at);
    let (whole, fraction) = clock_text.split_once('.').unwrap_or((clock_text, ""));
    let mut fields = whole.splitn(3, ':').map(digits);
    let (hour, minute) = (fields.next()??, fields.next()??);
    let second = fields.next().unwrap_or(Some(0))?;
    let millis = if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<3}")[..3])? };
    let offset = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => 0,
        Some(sign) => {
            let compact: String = zone[1..].chars().filter(|c| *c != ':').collect();
            let (hours, minutes) = (digits(compact.get(..2)?)?, digits(compact.get(2..4)?)?);
            let seconds = clock(hours, minutes, 0)?;
            if *sign == b'-' { -seconds } else { seconds }
        }
    };
    Some((clock(hour, minute, second)?, millis, offset))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_moment() {
        // The date-times of RFC 9110 section 5.6.7 and of the SigV4 documentation.
        let moment = Timestamp::from_seconds(784_111_777);
        assert_eq!(moment.http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(moment.iso8601(), "1994-11-06T08:49:37Z");
        assert_eq!(moment.basic(), "19941106T084937Z");
        assert_eq!(Timestamp(784_111_777_250).iso8601(), "1994-11-06T08:49:37.250Z");
    }

    #[test]
    fn what_is_written_is_read() {
        for millis in [0, 1, -1, 951_782_400_000, 1_709_164_800_123, MIN_MS, MAX_MS] {
            let moment = Timestamp(millis);
            assert_eq!(Timestamp::parse_iso8601(&moment.iso8601_millis()), Ok(moment));
            let whole = Timestamp::from_seconds(moment.seconds());
            assert_eq!(Timestamp::parse_basic(&moment.basic()), Ok(whole));
            assert_eq!(Timestamp::parse_http_date(&moment.http_date()), Ok(whole));
        }
    }

    #[test]
    fn zones_and_fractions() {
        let noon = Timestamp::parse_iso8601("2026-01-31T12:00:00Z").unwrap();
        for text in ["2026-01-31T13:00:00+01:00", "2026-01-31T07:00:00-0500", "2026-01-31 12:00:00"] {
            assert_eq!(Timestamp::parse_iso8601(text), Ok(noon), "{text}");
        }
        assert_eq!(Timestamp::parse_iso8601("2026-01-31T12:00:00.5Z"), Ok(noon.plus_millis(500)));
    }

    #[test]
    fn refused() {
        for text in ["", "2026", "2026-13-01", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00+", "é026-01-01"]
        {
            assert!(Timestamp::parse_iso8601(text).is_err(), "{text}");
        }
        assert!(Timestamp::parse_basic("20260101T000000").is_err());
        assert!(Timestamp::parse_http_date("Sat, 31 Foo 2026 12:00:00 GMT").is_err());
    }
}
