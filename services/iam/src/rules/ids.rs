//! Access key ids. Behind their prefix they carry the account in base 32, as AWS's do, so that tools
//! which read the account from a key read the right one.

use names::AccountId;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Characters behind the prefix.
const LENGTH: usize = 16;

/// Whether a key lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// A key of a user or root: `AKIA…`.
    Always,
    /// A key of a session: `ASIA…`.
    ForASession,
}

/// An access key id of an account from random bytes.
pub fn access_key(lasting: Lasting, account: AccountId, mut random: [u8; 10]) -> String {
    // The account takes bits 7 to 46 of the first six bytes; the bit above them is set.
    let head = (1 << 47) | (account.number() << 7) | u64::from(random[5] & 0x7f);
    random[..6].copy_from_slice(&head.to_be_bytes()[2..]);
    let mut id = String::from(match lasting {
        Lasting::Always => "AKIA",
        Lasting::ForASession => "ASIA",
    });
    let number = random.iter().fold(0u128, |number, byte| (number << 8) | u128::from(*byte));
    for place in (0..LENGTH).rev() {
        id.push(char::from(BASE32[(number >> (5 * place)) as usize & 31]));
    }
    id
}

/// The account that an access key id carries.
pub fn account_of(id: &str) -> Option<AccountId> {
    if !is_access_key(id) {
        return None;
    }
    let place = |byte: u8| BASE32.iter().position(|known| *known == byte).map(|at| at as u128);
    let bits = id.bytes().skip(4).try_fold(0u128, |bits, byte| Some((bits << 5) | place(byte)?))?;
    AccountId::from_number((bits >> 32) as u64 >> 7 & 0xff_ffff_ffff)
}

/// Whether a text has the form of an access key id.
pub fn is_access_key(text: &str) -> bool {
    let behind = text.strip_prefix("AKIA").or_else(|| text.strip_prefix("ASIA"));
    behind.is_some_and(|rest| rest.len() == LENGTH && rest.bytes().all(|byte| BASE32.contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_carry_their_account() {
        // "A short note on AWS key ids": the account is in the 40 bits below the first of the key.
        assert_eq!(account_of("ASIAQNZGKIQY56JQ7WML").map(AccountId::number), Some(29_608_264_753));
        for number in [0, 1, 123_456_789_012, 999_999_999_999] {
            let account = AccountId::from_number(number).unwrap();
            let id = access_key(Lasting::Always, account, [0xff; 10]);
            assert!(is_access_key(&id), "{id}");
            assert_eq!(account_of(&id), Some(account));
        }
    }

    #[test]
    fn forms() {
        let cases = [
            ("AKIAIOSFODNN7EXAMPLE", true),
            ("ASIAQNZGKIQY56JQ7WML", true),
            ("AKIAIOSFODNN7EXAMPL", false),
            ("AKIAIOSFODNN7EXAMPLE1", false),
            ("AKIAiosfodnn7example", false),
            ("AROAIOSFODNN7EXAMPLE", false),
            ("test", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_access_key(text), expected, "{text}");
        }
    }
}
