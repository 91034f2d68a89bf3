//! Giving out the content of an object, or a range of it, as it is read from the store.

use crate::errors::S3Error;
use crate::sealing::{self, Cipher, Customer};
use crate::state::buckets::Bucket;
use crate::state::{Content, Nonce, ObjectRecord, Version, objects, uploads};
use bytes::Bytes;
use futures_util::stream;
use schema::{Body, BodyError};
use service::Host;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use store::{BlobReader, BlobRef, Corrupt, Fault, Snapshot};

/// A stretch of bytes that lies in one place.
#[derive(Debug, Clone)]
struct Stretch {
    body: BlobRef,
    range: Range<u64>,
    /// What makes the key of the body; `None` for one that is not encrypted.
    nonce: Option<Nonce>,
}

/// The bytes of an object in a range, read as they are taken.
pub struct Outflow {
    host: Arc<Host>,
    customer: Option<Customer>,
    waiting: VecDeque<Stretch>,
    /// The stretch that is being read.
    current: Option<BlobReader>,
    /// What was read ahead.
    ahead: Option<Bytes>,
}

impl Outflow {
    /// Opens a range of an object. `customer` is the key that the request brings. The first bytes are looked at, so that what cannot be read is an error
    /// and not a cut answer.
    ///
    /// # Errors
    /// Where the bytes are not there, or not those that were written, or under another key.
    pub async fn open(
        host: &Arc<Host>,
        read: &Snapshot,
        (bucket, version, object): (&Bucket, &Version, &ObjectRecord),
        customer: Option<Customer>,
        range: Range<u64>,
    ) -> Result<Self, S3Error> {
        sealing::check(object, customer.as_ref())?;
        let waiting = stretches(read, bucket, version, object, range)?;
        let mut outflow = Outflow { host: host.clone(), customer, waiting, current: None, ahead: None };
        outflow.advance().await?;
        Ok(outflow)
    }

    /// Opens the next stretch; says whether there is one.
    async fn advance(&mut self) -> Result<bool, Fault> {
        let Some(stretch) = self.waiting.pop_front() else { return Ok(false) };
        let reader = self.host.store.blobs().reader(&stretch.body, stretch.range).await?;
        let cipher = stretch.nonce.map(|nonce| Cipher::of(&self.host, self.customer.as_ref(), &nonce));
        self.current = Some(match cipher {
            Some(cipher) => reader.through(move |at, bytes| cipher.apply(at, bytes)),
            None => reader,
        });
        Ok(true)
    }

    /// The next bytes; nothing at the end.
    ///
    /// # Errors
    /// Where they cannot be read, or are not those that were written.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(bytes) = self.ahead.take() {
            return Ok(Some(bytes));
        }
        loop {
            if let Some(reader) = &mut self.current
                && let Some(bytes) = reader.next().await?
            {
                return Ok(Some(bytes));
            }
            self.current = None;
            if !self.advance().await? {
                return Ok(None);
            }
        }
    }

    /// As the body of an answer of this length: what comes in one piece is read before there is an answer.
    ///
    /// # Errors
    /// Where the first piece cannot be read, or is not what was written.
    pub async fn into_body(mut self, length: u64) -> Result<Body, Fault> {
        self.ahead = self.next().await?;
        if let Some(whole) = self.ahead.take_if(|bytes| bytes.len() as u64 == length) {
            return Ok(whole.into());
        }
        let chunks = stream::try_unfold(self, |mut outflow| async move {
            let next = outflow.next().await.map_err(|fault| BodyError::Io(fault.to_string()))?;
            Ok(next.map(|bytes| (bytes, outflow)))
        });
        Ok(Body::stream(Some(length), chunks))
    }
}

/// Where the bytes of a range are.
fn stretches(
    read: &Snapshot,
    bucket: &Bucket,
    version: &Version,
    object: &ObjectRecord,
    range: Range<u64>,
) -> Result<VecDeque<Stretch>, S3Error> {
    let lost = |why| S3Error::Store(Fault::Corrupt { table: "s3/objects", why: Corrupt(why) });
    let nonce = object.nonce;
    match &object.content {
        _ if range.is_empty() => Ok(VecDeque::new()),
        Content::Row => {
            let bytes = objects::body(read, bucket, version.number)?.ok_or_else(|| lost("a body is gone"))?;
            Ok(VecDeque::from([Stretch { body: BlobRef::Inline(bytes), range, nonce }]))
        }
        Content::Blob(blob) => Ok(VecDeque::from([Stretch { body: blob.clone(), range, nonce }])),
        Content::Parts { upload, .. } => {
            let (mut begin, mut found) = (0u64, VecDeque::new());
            for part in uploads::parts(read, &bucket.scope, *upload, 0) {
                let (_, part) = part?;
                let end = begin + part.body.length();
                if begin >= range.end {
                    break;
                }
                if end > range.start {
                    let within = range.start.saturating_sub(begin)..range.end.min(end) - begin;
                    found.push_back(Stretch { body: part.body, range: within, nonce: part.nonce });
                }
                begin = end;
            }
            if begin < range.end { Err(lost("a part is gone")) } else { Ok(found) }
        }
    }
}
