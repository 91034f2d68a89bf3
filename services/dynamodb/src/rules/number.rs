//! DynamoDB's number: up to 38 significant decimal digits, magnitude from 1E-130 to 9.99…E+125, exact.
//!
//! Its bytes are a sign-and-exponent byte followed by base-100 digits. They compare as the numbers do,
//! count as the number's size in an item, and are what a partition key of type N is hashed by.

use std::cmp::Ordering;
use std::fmt;

/// The most significant digits.
const MAX_DIGITS: u32 = 38;
/// The greatest power of ten of a number's first digit.
const MAX_POWER: i64 = 125;
/// The least power of ten of a number's first digit.
const MIN_POWER: i64 = -130;
/// The longest form as bytes: the exponent and twenty base-100 digits, or nineteen and an end mark.
const MAX_BYTES: usize = 22;
/// Ends a negative number, so that a shorter one is the greater.
const NEGATIVE_END: u8 = 102;

/// A number. Equal numbers are equal values, however they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    /// The digits without trailing zeros; 0 for zero alone.
    digits: u128,
    /// The power of ten of the last digit.
    scale: i16,
}

/// Why a text or a result is not a number of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotANumber {
    /// The text is empty.
    Empty,
    /// The text is no decimal number.
    Malformed(String),
    /// More than 38 significant digits.
    TooPrecise,
    /// Too large.
    Overflow,
    /// Too close to zero.
    Underflow,
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotANumber::Empty => f.write_str("The parameter cannot be converted to a numeric value"),
            NotANumber::Malformed(text) => {
                write!(f, "The parameter cannot be converted to a numeric value: {text}")
            }
            NotANumber::TooPrecise => {
                f.write_str("Attempting to store more than 38 significant digits in a Number")
            }
            NotANumber::Overflow => f.write_str(
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            ),
            NotANumber::Underflow => f.write_str(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            ),
        }
    }
}

impl std::error::Error for NotANumber {}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::trimmed(false, u128::from(value), 0)
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number { negative: false, digits: 0, scale: 0 };

    /// The number of a decimal text: `-12.50`, `1e3`.
    ///
    /// # Errors
    /// Where it is no number, or out of range.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        if text.is_empty() {
            return Err(NotANumber::Empty);
        }
        let malformed = || NotANumber::Malformed(text.to_owned());
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let exponent_at = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, exponent) = match exponent_at {
            Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..]).ok_or_else(malformed)?),
            None => (unsigned, 0),
        };
        let read = Mantissa::read(mantissa).ok_or_else(malformed)?;
        // Zero is judged by the exponent that it is written with (conformance suite of paritysuite,
        // tests/tier3/limits/numberExponent.test.ts, run on AWS).
        let power = exponent.saturating_add(read.power());
        if power > MAX_POWER {
            Err(NotANumber::Overflow)
        } else if power < MIN_POWER {
            Err(NotANumber::Underflow)
        } else if read.first.is_none() {
            Ok(Number::ZERO)
        } else if read.significant() > i64::from(MAX_DIGITS) {
            Err(NotANumber::TooPrecise)
        } else {
            let scale = exponent + read.last_power();
            Ok(Number::trimmed(negative, read.digits, i16::try_from(scale).unwrap_or(i16::MIN)))
        }
    }

    fn trimmed(negative: bool, mut digits: u128, mut scale: i16) -> Self {
        if digits == 0 {
            return Number::ZERO;
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
            scale += 1;
        }
        Number { negative, digits, scale }
    }

    fn count(self) -> u32 {
        self.digits.checked_ilog10().map_or(1, |log| log + 1)
    }

    /// The power of ten of the first digit.
    fn power(self) -> i64 {
        i64::from(self.scale) + i64::from(self.count()) - 1
    }

    fn checked(self) -> Result<Self, NotANumber> {
        if self.digits == 0 {
            Ok(self)
        } else if self.power() > MAX_POWER {
            Err(NotANumber::Overflow)
        } else if self.power() < MIN_POWER {
            Err(NotANumber::Underflow)
        } else if self.count() > MAX_DIGITS {
            Err(NotANumber::TooPrecise)
        } else {
            Ok(self)
        }
    }

    /// The exact sum.
    ///
    /// # Errors
    /// Where the sum is out of range or needs more digits.
    pub fn plus(self, other: Number) -> Result<Number, NotANumber> {
        if self.digits == 0 {
            return Ok(other);
        }
        if other.digits == 0 {
            return Ok(self);
        }
        let (high, low) = if self.scale >= other.scale { (self, other) } else { (other, self) };
        let shift = u32::from(high.scale.abs_diff(low.scale));
        // The last digit of `low` is not zero: where `high` does not fit, the sum has too many digits.
        let aligned = 10u128.checked_pow(shift).and_then(|factor| high.digits.checked_mul(factor));
        let aligned = aligned.ok_or(NotANumber::Overflow)?;
        let (negative, digits) = if high.negative == low.negative {
            (high.negative, aligned.checked_add(low.digits).ok_or(NotANumber::Overflow)?)
        } else if aligned >= low.digits {
            (high.negative, aligned - low.digits)
        } else {
            (low.negative, low.digits - aligned)
        };
        // DynamoDB tells of a sum with too many digits as of one that is too large.
        Number::trimmed(negative, digits, low.scale).checked().map_err(|refusal| match refusal {
            NotANumber::TooPrecise => NotANumber::Overflow,
            refusal => refusal,
        })
    }

    /// The exact difference.
    ///
    /// # Errors
    /// Where the difference is out of range or needs more digits.
    pub fn minus(self, other: Number) -> Result<Number, NotANumber> {
        let negative = !other.negative && other.digits != 0;
        self.plus(Number { negative, ..other })
    }

    /// Its bytes, which compare as the numbers do.
    pub fn to_bytes(self) -> NumberBytes {
        let mut bytes = NumberBytes { bytes: [0; MAX_BYTES], length: 1 };
        if self.digits == 0 {
            bytes.bytes[0] = 0x80;
            return bytes;
        }
        // How many digits stand before the decimal point, made even by a leading zero.
        let before = self.power() + 1;
        let padded = before.rem_euclid(2);
        let head = (192 + (before + padded) / 2) as u8;
        bytes.bytes[0] = if self.negative { !head } else { head };
        let count = self.count();
        let pairs = (i64::from(count) + padded + 1) / 2;
        let trailing = pairs * 2 - padded - i64::from(count);
        let mut rest = self.digits;
        let pair = |rest: &mut u128, factor: u128| {
            let value = (*rest % factor) as u8;
            *rest /= factor;
            value
        };
        for at in (1..=pairs as usize).rev() {
            let last = at == pairs as usize && trailing == 1;
            let value = if last { pair(&mut rest, 10) * 10 } else { pair(&mut rest, 100) };
            bytes.bytes[at] = if self.negative { 101 - value } else { value + 1 };
        }
        bytes.length = pairs as usize + 1;
        if self.negative && pairs < 20 {
            bytes.bytes[bytes.length] = NEGATIVE_END;
            bytes.length += 1;
        }
        bytes
    }

    /// The number of its bytes; `None` where they are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Number> {
        let (&head, rest) = bytes.split_first()?;
        if rest.is_empty() {
            return (head == 0x80).then_some(Number::ZERO);
        }
        let negative = head < 0x80;
        let pairs = if negative { rest.strip_suffix(&[NEGATIVE_END]).unwrap_or(rest) } else { rest };
        if pairs.len() > 20 {
            return None;
        }
        let head = i64::from(if negative { !head } else { head });
        let mut digits: u128 = 0;
        let mut shift = (head - 192) * 2;
        for (at, byte) in pairs.iter().enumerate() {
            let value = if negative { 101u8.checked_sub(*byte)? } else { byte.checked_sub(1)? };
            if value > 99 {
                return None;
            }
            // Only the twentieth pair can end in a zero that does not fit beside 39 digits.
            if at == 19 && value % 10 == 0 {
                digits = digits.checked_mul(10)?.checked_add(u128::from(value / 10))?;
                shift -= 1;
            } else {
                digits = digits.checked_mul(100)?.checked_add(u128::from(value))?;
                shift -= 2;
            }
        }
        Number::trimmed(negative, digits, i16::try_from(shift).ok()?).checked().ok()
    }
}

/// The digits of a text as they are read.
struct Mantissa {
    digits: u128,
    /// Where the first digit that is not zero stands among all digits, and the last one.
    first: Option<i64>,
    last: i64,
    /// How many digits stand before the point.
    before: i64,
    /// How many digits there are.
    places: i64,
}

impl Mantissa {
    fn read(bytes: &[u8]) -> Option<Mantissa> {
        let mut read = Mantissa { digits: 0, first: None, last: 0, before: 0, places: 0 };
        let (mut place, mut point) = (0i64, false);
        // Zeros are held back until another digit follows: trailing ones do not count.
        let mut zeros = 0u32;
        for byte in bytes {
            match byte {
                b'.' if !point => {
                    point = true;
                    read.before = place;
                }
                b'0' => {
                    zeros = zeros.saturating_add(u32::from(read.first.is_some()));
                    place += 1;
                }
                b'1'..=b'9' => {
                    read.first.get_or_insert(place);
                    read.last = place;
                    let factor = 10u128.checked_pow(zeros.saturating_add(1));
                    // Beyond 38 digits the value does not matter any more: the count refuses it.
                    read.digits = factor
                        .and_then(|factor| read.digits.checked_mul(factor))
                        .and_then(|digits| digits.checked_add(u128::from(byte - b'0')))
                        .unwrap_or(u128::MAX);
                    zeros = 0;
                    place += 1;
                }
                _ => return None,
            }
        }
        if place == 0 {
            return None;
        }
        if !point {
            read.before = place;
        }
        read.places = place;
        Some(read)
    }

    fn significant(&self) -> i64 {
        self.last - self.first.unwrap_or(self.last) + 1
    }

    /// The power of ten of the first digit that is not zero; of zero, that of its last digit.
    fn power(&self) -> i64 {
        self.before - 1 - self.first.unwrap_or(self.places - 1)
    }

    fn last_power(&self) -> i64 {
        self.before - 1 - self.last
    }
}

/// The exponent behind the `e`, where it is one of 64 bits; far beyond any range it stays there.
fn exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    let value = value.min(1 << 40);
    Some(if negative { -value } else { value })
}

/// The bytes of a number.
#[derive(Debug, Clone, Copy)]
pub struct NumberBytes {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl std::ops::Deref for NumberBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_bytes().cmp(&other.to_bytes())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Plain decimal digits without an exponent, as DynamoDB prints them.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        if self.scale >= 0 {
            return write!(f, "{}{}", self.digits, "0".repeat(usize::from(self.scale.unsigned_abs())));
        }
        let fraction = usize::from(self.scale.unsigned_abs());
        let digits = format!("{:0>width$}", self.digits, width = fraction + 1);
        let (whole, fraction) = digits.split_at(digits.len() - fraction);
        write!(f, "{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn texts() {
        let nines = "9".repeat(38);
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("+5", "5"),
            ("00012.3400", "12.34"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("-1.5E-2", "-0.015"),
            ("0e125", "0"),
            ("0e-130", "0"),
            (&nines, &nines),
            ("1000000000000000000000000000000000000000000", "1000000000000000000000000000000000000000000"),
            ("100200300.00400", "100200300.004"),
        ];
        for (text, printed) in cases {
            assert_eq!(number(text).to_string(), printed, "{text}");
        }
        assert_eq!(number("1e125").to_string().len(), 126);
        assert_eq!(number("1e-130").to_string().len(), 132);
    }

    /// The texts and their order are those that dynalite recorded on DynamoDB (test/putItem.js).
    #[test]
    fn refusals() {
        let cases = [
            ("", NotANumber::Empty),
            ("b", NotANumber::Malformed("b".into())),
            ("1e", NotANumber::Malformed("1e".into())),
            (".", NotANumber::Malformed(".".into())),
            ("1.2.3", NotANumber::Malformed("1.2.3".into())),
            (" 1", NotANumber::Malformed(" 1".into())),
            ("NaN", NotANumber::Malformed("NaN".into())),
            ("123456789012345678901234567890123456789", NotANumber::TooPrecise),
            ("-1.23456789012345678901234567890123456789", NotANumber::TooPrecise),
            ("1e126", NotANumber::Overflow),
            ("-1e126", NotANumber::Overflow),
            ("1e-131", NotANumber::Underflow),
            ("-1e-131", NotANumber::Underflow),
            ("0e126", NotANumber::Overflow),
            ("0e-131", NotANumber::Underflow),
            ("1e99999999", NotANumber::Overflow),
            ("1e9223372036854775808", NotANumber::Malformed("1e9223372036854775808".into())),
        ];
        for (text, refusal) in cases {
            assert_eq!(Number::parse(text), Err(refusal), "{text}");
        }
        let long = format!("1{}1", "0".repeat(1_000_000));
        assert_eq!(Number::parse(&long), Err(NotANumber::Overflow));
        assert_eq!(Number::parse(&format!("0.{}", "0".repeat(1_000_000))), Err(NotANumber::Underflow));
    }

    #[test]
    fn sums() {
        let cases = [
            ("1", "2", "3"),
            ("0.1", "0.2", "0.3"),
            ("99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000"),
            ("100000000000000000000000000000000000000", "-1", "99999999999999999999999999999999999999"),
            ("5", "-5", "0"),
            ("-3", "1", "-2"),
            ("1e125", "-1e125", "0"),
            ("1.5", "-2", "-0.5"),
        ];
        for (a, b, sum) in cases {
            assert_eq!(number(a).plus(number(b)).unwrap(), number(sum), "{a} + {b}");
            assert_eq!(number(sum).minus(number(b)).unwrap(), number(a), "{sum} - {b}");
        }
        assert_eq!(number("1e125").plus(number("1")), Err(NotANumber::Overflow));
        assert_eq!(number("9e125").plus(number("9e125")), Err(NotANumber::Overflow));
        assert_eq!(number("1.1e-130").minus(number("1e-130")), Err(NotANumber::Underflow));
    }

    #[test]
    fn bytes_are_sign_exponent_and_base_100_digits() {
        let cases: [(&str, &[u8]); 8] = [
            ("0", &[0x80]),
            ("1", &[193, 2]),
            ("100", &[194, 2]),
            ("12.34", &[193, 13, 35]),
            ("-1", &[62, 100, 102]),
            ("0.01", &[192, 2]),
            ("5e125", &[255, 51]),
            ("-123", &[61, 100, 78, 102]),
        ];
        for (text, bytes) in cases {
            assert_eq!(&*number(text).to_bytes(), bytes, "{text}");
        }
        assert_eq!(Number::from_bytes(&[]), None);
        assert_eq!(Number::from_bytes(&[200, 0]), None);
        assert_eq!(Number::from_bytes(&[9; 40]), None);
    }

    fn any_number() -> impl Strategy<Value = Number> {
        (any::<bool>(), 0..=10u128.pow(38) - 1, -130i16..=125, 1u32..38).prop_map(
            |(negative, digits, power, keep)| {
                let digits = digits / 10u128.pow(38 - keep.max(1));
                let count = digits.checked_ilog10().map_or(1, |log| log + 1) as i16;
                Number::trimmed(negative, digits, power - count + 1).checked().unwrap_or(Number::ZERO)
            },
        )
    }

    proptest! {
        #[test]
        fn printed_and_stored_numbers_are_read_again(number in any_number()) {
            prop_assert_eq!(Number::parse(&number.to_string()), Ok(number));
            prop_assert_eq!(Number::from_bytes(&number.to_bytes()), Some(number));
        }

        #[test]
        fn bytes_compare_as_values(a in any_number(), b in any_number()) {
            if let Ok(difference) = a.minus(b) {
                let order = match (difference.digits, difference.negative) {
                    (0, _) => Ordering::Equal,
                    (_, true) => Ordering::Less,
                    (_, false) => Ordering::Greater,
                };
                prop_assert_eq!(a.to_bytes().cmp(&b.to_bytes()), order);
            }
        }

        #[test]
        fn small_numbers_compare_and_add_as_integers_do(a in -5000i64..5000, b in -5000i64..5000) {
            let (x, y) = (number(&a.to_string()), number(&b.to_string()));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.plus(y).unwrap().to_string(), (a + b).to_string());
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = Number::from_bytes(&bytes);
        }
    }
}
