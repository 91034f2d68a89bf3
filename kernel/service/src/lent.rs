//! Credentials that a room lends to a caller: short-lived, for a part of what the caller may do, and kept nowhere.
//! The token says, sealed, whose they are, until when and for what; the secret is made of the access key. So they
//! outlive a restart, and any node knows them. They end early where the access key behind them does.

use crate::{Entropy, Seal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use names::Timestamp;

/// Longest text that says what lent credentials are for, in bytes.
const MAX_PURPOSE: usize = 4096;

/// Credentials as they are handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lent {
    /// `ASIA…`
    pub access_key: String,
    /// The secret key.
    pub secret: String,
    /// The token that must come with them.
    pub token: String,
}

/// What stands behind lent credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loan {
    /// The access key of whom they were lent to.
    pub holder: String,
    /// When they end, in virtual time.
    pub expires: Timestamp,
    /// What they are for, in the words of the room that lent them.
    pub purpose: String,
}

fn purpose(access_key: &str) -> [&str; 2] {
    ["lent credentials", access_key]
}

impl Loan {
    /// Hands out credentials; `None` where what they are for is too long a text.
    pub fn lend(&self, seal: &Seal, entropy: &Entropy) -> Option<Lent> {
        if self.holder.contains('\n') || self.purpose.len() > MAX_PURPOSE {
            return None;
        }
        let access_key = entropy.base32("ASIA", 16);
        let content = format!("{}\n{}\n{}", self.expires.millis(), self.holder, self.purpose);
        let token = seal.seal(&purpose(&access_key), content.as_bytes());
        Some(Lent { secret: Loan::secret(seal, &access_key), access_key, token })
    }

    /// What stands behind an access key with its token; `None` where they were not lent here.
    pub fn find(seal: &Seal, access_key: &str, token: &str) -> Option<Self> {
        let content = String::from_utf8(seal.open(&purpose(access_key), token)?).ok()?;
        let mut parts = content.splitn(3, '\n');
        let expires = Timestamp(parts.next()?.parse().ok()?);
        let (holder, purpose) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Loan { holder, expires, purpose })
    }

    /// The secret key of an access key that was lent.
    pub fn secret(seal: &Seal, access_key: &str) -> String {
        STANDARD_NO_PAD.encode(seal.key(&["secret of lent credentials"], access_key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_known_again() {
        let (seal, other, entropy) = (Seal::new(&[1; 32]), Seal::new(&[2; 32]), Entropy::seeded(7));
        let loan =
            Loan { holder: "AKIA".into(), expires: Timestamp(300_000), purpose: "ReadOnly\nbucket".into() };
        let lent = loan.lend(&seal, &entropy).unwrap();
        assert_eq!(Loan::find(&seal, &lent.access_key, &lent.token).unwrap(), loan);
        assert_eq!(Loan::secret(&seal, &lent.access_key), lent.secret);
        let second = loan.lend(&seal, &entropy).unwrap();
        for (seal, key, token) in [
            (&other, lent.access_key.as_str(), lent.token.as_str()),
            (&seal, &second.access_key, &lent.token),
            (&seal, &lent.access_key, &lent.token[1..]),
            (&seal, &lent.access_key, ""),
        ] {
            assert_eq!(Loan::find(seal, key, token), None);
        }
        assert_ne!(second.secret, lent.secret);
        assert_ne!(Loan::secret(&other, &lent.access_key), lent.secret);
        let forged = Loan { holder: "A\nB".into(), ..loan.clone() };
        assert_eq!(forged.lend(&seal, &entropy), None);
        assert_eq!(Loan { purpose: "x".repeat(MAX_PURPOSE + 1), ..loan }.lend(&seal, &entropy), None);
    }
}
