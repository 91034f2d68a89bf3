//! Sessions of directory buckets: what one is good for, as its token says it, and what requests to such buckets
//! need permission for. Whoever has a session is asked for nothing more; who has none must be allowed to begin one.

use crate::errors::S3Error;
use crate::rules::directory_buckets as directory;
use crate::state::Encryption;
use crate::state::buckets;
use ports::Caller;
use service::{Demand, Peek};

/// The action that all that is done to objects needs.
pub const CREATE_SESSION: &str = "s3express:CreateSession";
/// The condition key that tells what a session may do.
const MODE: &str = "s3express:SessionMode";

/// What a session is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The bucket.
    pub bucket: String,
    /// Whether it writes, too.
    pub writes: bool,
    /// How what is put is encrypted, where the session says so.
    pub encryption: Option<Encryption>,
}

/// The name of a mode.
fn mode(writes: bool) -> &'static str {
    if writes { "ReadWrite" } else { "ReadOnly" }
}

impl Session {
    /// As credentials say it that are lent for it.
    pub fn purpose(&self) -> String {
        let (algorithm, key) = match &self.encryption {
            Some(encryption) => (encryption.algorithm.as_str(), encryption.kms_key.as_deref().unwrap_or("")),
            None => ("", ""),
        };
        [mode(self.writes), &self.bucket, algorithm, key].join("\n")
    }

    /// Of what the credentials of a request say that they are for.
    pub fn of(purpose: &str) -> Option<Self> {
        let mut parts = purpose.split('\n');
        let (mode, bucket, algorithm, key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let encryption = (!algorithm.is_empty()).then(|| Encryption {
            algorithm: algorithm.to_owned(),
            kms_key: (!key.is_empty()).then(|| key.to_owned()),
            bucket_key: algorithm != "AES256",
        });
        Some(Session { bucket: bucket.to_owned(), writes: mode == "ReadWrite", encryption })
    }

    fn of_request(peek: &Peek) -> Option<Self> {
        peek.lent().and_then(Session::of)
    }
}

/// The permission to begin a session with a bucket.
///
/// # Errors
/// The store's.
pub fn beginning(peek: &Peek, bucket: &str, writes: bool) -> Result<Demand, S3Error> {
    let demand = on_bucket(peek, bucket, CREATE_SESSION)?;
    Ok(demand.when(MODE, [mode(writes).to_owned()]))
}

fn on_bucket(peek: &Peek, bucket: &str, action: &'static str) -> Result<Demand, S3Error> {
    let found = buckets::find(&peek.read(), bucket)?;
    if found.is_none() && matches!(peek.caller(), Caller::Anonymous) {
        // Names of buckets are no secret: a stranger is told that there is none.
        return Err(S3Error::no_bucket(bucket));
    }
    let absent = || directory::arn(peek.region(), peek.account(), bucket);
    Ok(Demand::new(action, &found.map_or_else(absent, |found| found.arn())))
}

/// The permission to make a directory bucket: whoever has the name already is not asked.
pub fn creating(peek: &Peek, bucket: &str) -> Demand {
    let arn = directory::arn(peek.region(), peek.account(), bucket);
    let mut demand = Demand::new("s3express:CreateBucket", &arn);
    demand.head = None;
    demand
}

/// What something that is asked of a directory bucket needs, by the action that it would be on another bucket.
///
/// # Errors
/// Where the session of the request is not for it.
pub fn demands(peek: &Peek, bucket: &str, action: &str) -> Result<Vec<Demand>, S3Error> {
    let session = Session::of_request(peek);
    if session.as_ref().is_some_and(|session| session.bucket != bucket) {
        return Err(S3Error::AccessDenied);
    }
    if let Some(action) = directory::action_on_bucket(action) {
        return Ok(vec![on_bucket(peek, bucket, action)?]);
    }
    let writes = !directory::reads(action);
    match session {
        Some(session) if writes && !session.writes => Err(S3Error::AccessDenied),
        Some(_) => Ok(Vec::new()),
        None => Ok(vec![beginning(peek, bucket, writes)?]),
    }
}

/// Refuses a session where another bucket is meant.
///
/// # Errors
/// `AccessDenied`.
pub fn only_of_directory_buckets(peek: &Peek) -> Result<(), S3Error> {
    if peek.lent().is_some() { Err(S3Error::AccessDenied) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_read_as_they_were_written() {
        let kms = Encryption { algorithm: "aws:kms".into(), kms_key: Some("arn:k".into()), bucket_key: true };
        for encryption in [None, Some(Encryption::default()), Some(kms)] {
            for writes in [false, true] {
                let session =
                    Session { bucket: "a--use1-az4--x-s3".into(), writes, encryption: encryption.clone() };
                assert_eq!(Session::of(&session.purpose()), Some(session));
            }
        }
        assert_eq!(Session::of("something else"), None);
    }
}
