//! Names of encryption keys, as requests give them and as answers show them: always by ARN. Which keys there
//! are is not known here; what can be none is refused as S3 does (recorded of AWS by LocalStack's
//! test_s3_sse_validate_kms_key).

use names::{AccountId, Region};
use service::uuid_of;

/// The key of an account that S3 uses where a request names none.
const DEFAULT_ALIAS: &str = "alias/aws/s3";

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    /// It is neither an id, nor an alias, nor the ARN of one.
    Id(String),
    /// It is in this other region.
    Elsewhere(String),
}

impl KeyFault {
    /// The text of the error.
    pub fn message(&self) -> String {
        match self {
            KeyFault::Id(given) => format!("Invalid keyId '{given}'"),
            KeyFault::Elsewhere(region) => format!("Invalid arn {region}"),
        }
    }
}

/// The ARN of a key; of S3's own key of the account where none is named.
///
/// # Errors
/// Where the name can be no key's, or is one of another region.
pub fn key_arn(named: Option<&str>, region: &Region, account: AccountId) -> Result<String, KeyFault> {
    let named = named.unwrap_or(DEFAULT_ALIAS);
    let Some(rest) = named.strip_prefix("arn:") else {
        let id = key_id(named, &account.to_string(), region.as_str())?;
        return Ok(format!("arn:aws:kms:{region}:{account}:key/{id}"));
    };
    let parts: Vec<&str> = rest.splitn(5, ':').collect();
    let &[partition, "kms", place, owner, resource] = parts.as_slice() else {
        return Err(KeyFault::Id(named.to_owned()));
    };
    if place != region.as_str() {
        return Err(KeyFault::Elsewhere(place.to_owned()));
    }
    match resource.split_once('/') {
        Some(("key", id)) if !id.is_empty() => Ok(named.to_owned()),
        Some(("alias", _)) => {
            Ok(format!("arn:{partition}:kms:{place}:{owner}:key/{}", key_id(resource, owner, place)?))
        }
        _ => Err(KeyFault::Id(named.to_owned())),
    }
}

/// The id of a key by itself or by an alias, whose key has the same id always.
fn key_id(named: &str, account: &str, region: &str) -> Result<String, KeyFault> {
    if let Some(alias) = named.strip_prefix("alias/").filter(|alias| !alias.is_empty()) {
        return Ok(uuid_of(&format!("kms {account} {region} {alias}")));
    }
    if is_id(named) { Ok(named.to_owned()) } else { Err(KeyFault::Id(named.to_owned())) }
}

/// Whether a text has the form of a key's id: a UUID, or `mrk-` and thirty-two digits.
fn is_id(text: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(many) = text.strip_prefix("mrk-") {
        return digits(many, 32);
    }
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, count)| digits(group, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "134f2428-cec1-4b25-a1ae-9048164dba47";

    fn arn(named: Option<&str>) -> Result<String, String> {
        key_arn(named, &"eu-west-1".parse().unwrap(), AccountId::DEFAULT).map_err(|fault| fault.message())
    }

    #[test]
    fn keys_are_shown_by_their_arns() {
        let whole = format!("arn:aws:kms:eu-west-1:000000000000:key/{ID}");
        assert_eq!(arn(Some(ID)).as_ref(), Ok(&whole));
        assert_eq!(arn(Some(&whole)).as_ref(), Ok(&whole));
        let own = arn(None).unwrap();
        assert!(own.starts_with("arn:aws:kms:eu-west-1:000000000000:key/"), "{own}");
        assert_eq!(arn(Some("alias/aws/s3")).as_ref(), Ok(&own));
        assert_eq!(arn(Some("arn:aws:kms:eu-west-1:000000000000:alias/aws/s3")).as_ref(), Ok(&own));
        assert_ne!(arn(Some("alias/mine")).unwrap(), own);
        assert!(arn(Some("mrk-1234abcd12ab34cd56ef1234567890ab")).is_ok());
    }

    /// LocalStack's test_s3_sse_validate_kms_key, recorded of AWS.
    #[test]
    fn what_can_be_no_key() {
        assert_eq!(arn(Some("fake-key-id")), Err("Invalid keyId 'fake-key-id'".to_owned()));
        let elsewhere = format!("arn:aws:kms:us-west-2:000000000000:key/{ID}");
        assert_eq!(arn(Some(&elsewhere)), Err("Invalid arn us-west-2".to_owned()));
        for bad in ["", "alias/", "arn:aws:kms", "arn:aws:s3:::bucket", "134f2428-cec1-4b25-a1ae"] {
            assert!(arn(Some(bad)).is_err(), "{bad}");
        }
    }
}
