//! An AWS account id: twelve decimal digits.

use crate::Malformed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An account id. Stored as a number, always printed with its twelve digits.
///
/// ```
/// use names::AccountId;
/// let account: AccountId = "000000000042".parse().unwrap();
/// assert_eq!(account.to_string(), "000000000042");
/// assert!("42".parse::<AccountId>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(u64);

impl AccountId {
    /// The account of callers that name no other: 000000000000, as LocalStack's users know it.
    pub const DEFAULT: AccountId = AccountId(0);

    /// The id as a number below 10^12, for keys.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Its twelve digits, in ASCII.
    pub(crate) fn digits(self) -> [u8; 12] {
        let mut left = self.0;
        let mut digits = [b'0'; 12];
        for digit in digits.iter_mut().rev() {
            *digit += (left % 10) as u8;
            left /= 10;
        }
        digits
    }

    /// The id of a number; `None` from 10^12 on.
    pub const fn from_number(number: u64) -> Option<Self> {
        if number < 1_000_000_000_000 { Some(AccountId(number)) } else { None }
    }
}

/// Digits as text.
pub(crate) fn ascii(digits: &[u8; 12]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

impl FromStr for AccountId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().map(AccountId).map_err(|_| Malformed::new("account id", text))
        } else {
            Err(Malformed::new("account id", text))
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.digits()))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
