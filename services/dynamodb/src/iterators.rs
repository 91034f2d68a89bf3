//! Shard iterators: a place in a shard, sealed for the client, and of use for a quarter of an hour.

use crate::errors::DynamoError;
use crate::state::streams::{self, Shard, StreamRecord};
use names::{Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use service::Seal;
use store::{Incarnation, Read};

/// How long an iterator is of use.
const LIFE_MS: i64 = 15 * 60_000;

/// Where a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamAddress {
    /// The account and region.
    pub scope: Scope,
    /// The table it is of.
    pub table: String,
    /// Its label.
    pub label: String,
}

impl StreamAddress {
    /// The stream of an ARN in a region.
    ///
    /// # Errors
    /// Where it can name none.
    pub fn of(text: &str, region: &Region) -> Result<Self, DynamoError> {
        let invalid = || DynamoError::invalid(format!("Invalid StreamArn: {text}"));
        let arn: Arn = text.parse().map_err(|_| invalid())?;
        let account = arn.account().filter(|_| arn.service() == "dynamodb").ok_or_else(invalid)?;
        if arn.region_text() != region.as_str() {
            return Err(invalid());
        }
        let mut parts = arn.resource().split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("table"), Some(table), Some("stream"), Some(label), None) => Ok(StreamAddress {
                scope: Scope::Regional(account, region.clone()),
                table: table.to_owned(),
                label: label.to_owned(),
            }),
            _ => Err(invalid()),
        }
    }

    /// The stream.
    ///
    /// # Errors
    /// Where there is none.
    pub fn find(&self, read: &impl Read, arn: &str) -> Result<StreamRecord, DynamoError> {
        let stream = streams::stream(read, &self.scope, &self.table, &self.label)?;
        stream.ok_or_else(|| {
            DynamoError::NoResource(format!("Requested resource not found: Stream: {arn} not found"))
        })
    }
}

/// A place in a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardIterator {
    /// The number that the shard's changes are keyed by.
    pub shard: Incarnation,
    /// The number of the next change to be read.
    pub next: u64,
    /// A change was named: that it is gone is told, not skipped.
    pub exact: bool,
    /// When it was made.
    pub made: Timestamp,
}

impl ShardIterator {
    /// The text of an iterator of a stream.
    ///
    /// # Errors
    /// None of a client's making.
    pub fn seal(&self, seal: &Seal, stream: &str) -> Result<String, DynamoError> {
        let bytes = postcard::to_stdvec(self);
        let bytes = bytes.map_err(|_| DynamoError::Corrupt("an iterator cannot be written"))?;
        Ok(format!("{stream}|1|{}", seal.seal(&["dynamodb/iterator", stream], &bytes)))
    }

    /// The ARN of the stream and the iterator of a text.
    ///
    /// # Errors
    /// Where it is none, or its time is over.
    pub fn open<'t>(seal: &Seal, text: &'t str, now: Timestamp) -> Result<(&'t str, Self), DynamoError> {
        let invalid = || DynamoError::invalid("Invalid ShardIterator");
        let (stream, sealed) = text.split_once("|1|").ok_or_else(invalid)?;
        let bytes = seal.open(&["dynamodb/iterator", stream], sealed).ok_or_else(invalid)?;
        let iterator: ShardIterator = postcard::from_bytes(&bytes).map_err(|_| invalid())?;
        if iterator.made.plus_millis(LIFE_MS) < now {
            return Err(DynamoError::IteratorExpired(iterator.made));
        }
        Ok((stream, iterator))
    }
}

/// The sequence number of a change: of at least 21 digits, and as text in the order of the numbers.
pub fn sequence(number: u64) -> String {
    format!("1{number:020}")
}

/// The number of a sequence number.
pub fn number(sequence: &str) -> Option<u64> {
    let digits = sequence.strip_prefix('1').filter(|digits| digits.len() == 20)?;
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The first number of a shard, and one behind its last.
pub fn bounds(shard: &Shard, head: u64) -> (u64, u64) {
    (shard.first, shard.end.map_or(head, |(last, _)| last) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_in_order_and_read_again() {
        assert_eq!(sequence(42), "100000000000000000042");
        for of in [0, 9, 10, 1_000_000, u64::MAX] {
            assert_eq!(number(&sequence(of)), Some(of));
        }
        assert!(sequence(9) < sequence(10));
        for bad in ["", "1", "000000000000000000000", "1+0000000000000000042", "199999999999999999999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_iterator_is_of_use_for_a_quarter_of_an_hour() {
        let seal = Seal::new(&[7; 32]);
        let made = Timestamp(1_000);
        let iterator = ShardIterator { shard: Incarnation(7), next: 9, exact: true, made };
        let text = iterator.seal(&seal, "arn:of:a:stream").unwrap();
        let at = |millis: i64| ShardIterator::open(&seal, &text, Timestamp(millis));
        assert_eq!(at(901_000).unwrap(), ("arn:of:a:stream", iterator));
        assert!(matches!(at(901_001), Err(DynamoError::IteratorExpired(_))));
        let other = text.replace("of:a", "of:b");
        assert!(matches!(ShardIterator::open(&seal, &other, made), Err(DynamoError::Validation(_))));
    }

    #[test]
    fn streams_have_arns() {
        let region: Region = "eu-west-1".parse().unwrap();
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/stream/2026-01-01T00:00:00.000";
        let address = StreamAddress::of(arn, &region).unwrap();
        assert_eq!((address.table.as_str(), address.label.as_str()), ("orders", "2026-01-01T00:00:00.000"));
        for bad in ["", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders", &arn.replace("eu-", "us-")] {
            assert!(StreamAddress::of(bad, &region).is_err(), "{bad}");
        }
    }
}
