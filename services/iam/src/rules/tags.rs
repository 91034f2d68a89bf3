//! Tags in IAM's words. Keys that differ in case alone are the same key.

use crate::errors::IamError;
use crate::rules::quotas;
use names::Tags;
use std::collections::HashSet;

/// The tags there are, with others added over them.
///
/// # Errors
/// `InvalidInput` for a key that is given twice or reserved, `LimitExceeded` for too many.
pub fn added<'a>(
    present: &Tags,
    given: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Tags, IamError> {
    let mut tags = present.clone();
    let mut seen = HashSet::new();
    for (key, value) in given {
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(IamError::ReservedTag);
        }
        if !seen.insert(key.to_lowercase()) {
            return Err(IamError::DuplicateTag);
        }
        tags.0.retain(|kept, _| kept.to_lowercase() != key.to_lowercase());
        tags.0.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > quotas::TAGS { Err(IamError::TooManyTags) } else { Ok(tags) }
}

/// The tags there are, without some.
pub fn removed(present: &Tags, keys: &[String]) -> Tags {
    let gone: HashSet<String> = keys.iter().map(|key| key.to_lowercase()).collect();
    present.iter().filter(|(key, _)| !gone.contains(&key.to_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_more_than_case() {
        let present: Tags = [("Band", "1"), ("hall", "2")].into_iter().collect();
        let more = added(&present, [("band", "3")]).unwrap();
        assert_eq!(more, [("band", "3"), ("hall", "2")].into_iter().collect());
        assert!(matches!(added(&present, [("x", ""), ("X", "")]), Err(IamError::DuplicateTag)));
        assert!(matches!(added(&present, [("AWS:x", "")]), Err(IamError::ReservedTag)));
        assert_eq!(removed(&present, &["BAND".to_owned()]), [("hall", "2")].into_iter().collect());
    }

    #[test]
    fn fifty_is_the_most() {
        let keys: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        let pairs = |count: usize| keys[..count].iter().map(|key| (key.as_str(), ""));
        assert!(added(&Tags::new(), pairs(50)).is_ok());
        assert!(matches!(added(&Tags::new(), pairs(51)), Err(IamError::TooManyTags)));
    }
}
