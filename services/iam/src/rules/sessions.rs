//! Lengths of sessions and sizes of what is passed to them.

use crate::errors::IamError;

/// Sessions that roles make from roles last at most an hour.
const CHAINED_SECONDS: i32 = 3600;
/// Sessions of the root last at most an hour.
const ROOT_SECONDS: i32 = 3600;
/// Characters of session policies and their ARNs together.
const POLICY_CHARACTERS: usize = 2048;

/// How long a session of AssumeRole lasts, in seconds.
///
/// # Errors
/// `ValidationError` above what the role, or an hour for chained roles, allows.
pub fn assumed(asked: Option<i32>, role_allows: i32, chained: bool) -> Result<i32, IamError> {
    let seconds = asked.unwrap_or(3600);
    if chained && seconds > CHAINED_SECONDS {
        return Err(IamError::ChainedSessionTooLong);
    }
    if seconds > role_allows { Err(IamError::SessionTooLong) } else { Ok(seconds) }
}

/// How long a session of GetSessionToken lasts, in seconds.
pub fn token(asked: Option<i32>, root: bool) -> i32 {
    match (asked, root) {
        (Some(asked), true) => asked.min(ROOT_SECONDS),
        (None, true) => ROOT_SECONDS,
        (Some(asked), false) => asked,
        (None, false) => 43_200,
    }
}

/// How full session policies and tags make a session's room, in percent.
///
/// # Errors
/// `PackedPolicyTooLarge` beyond all of it.
pub fn packed_percent<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<i32, IamError> {
    let characters: usize = texts.into_iter().map(|text| text.chars().count()).sum();
    let percent = (characters * 100).div_ceil(POLICY_CHARACTERS);
    let percent = i32::try_from(percent).unwrap_or(i32::MAX);
    if percent > 100 { Err(IamError::PackedPolicyTooLarge(percent)) } else { Ok(percent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        // "Using IAM roles", AssumeRole's DurationSeconds and role chaining.
        let cases = [
            (None, 3600, false, Some(3600)),
            (Some(900), 3600, false, Some(900)),
            (Some(43_200), 43_200, false, Some(43_200)),
            (Some(3601), 3600, false, None),
            (Some(3601), 43_200, true, None),
            (Some(3600), 43_200, true, Some(3600)),
        ];
        for (asked, allows, chained, expected) in cases {
            assert_eq!(assumed(asked, allows, chained).ok(), expected, "{asked:?} {allows} {chained}");
        }
        assert_eq!((token(None, false), token(None, true)), (43_200, 3600));
        assert_eq!((token(Some(129_600), false), token(Some(129_600), true)), (129_600, 3600));
    }

    #[test]
    fn sizes() {
        let text = "x".repeat(2048);
        assert_eq!(packed_percent([text.as_str()]).ok(), Some(100));
        assert!(matches!(packed_percent([text.as_str(), "arn"]), Err(IamError::PackedPolicyTooLarge(101))));
    }
}
