//! Taking in the content of an object or part: streamed into the blob store while it is hashed, checked
//! at its end. Small content stays in memory and goes into a row; nothing larger is ever whole in memory.

use crate::checksums::{DEFAULT, Given};
use crate::errors::S3Error;
use crate::rules::multipart::base64;
use crate::sealing::{Cipher, Customer};
use crate::state::Nonce;
use base64::Engine;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use md5::{Digest, Md5};
use schema::Body;
use service::checksum::{Algorithm, Running};
use service::{Ctx, Host};
use store::{BlobRef, BlobWriter, Blobs, Fault, INLINE_LIMIT};

/// What content has to be.
#[derive(Clone, Default)]
pub struct Expected {
    /// Its MD5, where `Content-MD5` gives it.
    pub md5: Option<[u8; 16]>,
    /// Its checksum.
    pub checksum: Given,
    /// The algorithm to keep a checksum of, where the request does not choose it.
    pub kept: Option<Algorithm>,
    /// Most bytes.
    pub limit: u64,
    /// The customer's key that it is kept under.
    pub customer: Option<Customer>,
}

/// Content that was taken in and is not committed yet.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its size in bytes.
    pub size: u64,
    /// Its MD5.
    pub md5: [u8; 16],
    /// The algorithm of its checksum.
    pub algorithm: Algorithm,
    /// Its checksum.
    pub checksum: Vec<u8>,
    /// The checksum of the second algorithm.
    pub second: Option<Vec<u8>>,
    /// Its bytes, encrypted.
    pub body: BlobRef,
    /// What makes their key.
    pub nonce: Nonce,
}

/// Reads `Content-MD5`.
///
/// # Errors
/// Where it is not the base64 of sixteen bytes.
pub fn content_md5(header: Option<&str>) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(header) = header else { return Ok(None) };
    let bytes = base64::engine::general_purpose::STANDARD.decode(header.trim()).ok();
    let md5 = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    md5.map(Some).ok_or_else(|| S3Error::InvalidDigest { given: header.to_owned() })
}

/// Content on its way to where it is kept.
pub struct Intake {
    blobs: Blobs,
    md5: Md5,
    algorithm: Algorithm,
    running: Running,
    /// What is held against a given value, where that is of another algorithm.
    second: Option<Running>,
    small: BytesMut,
    large: Option<BlobWriter>,
    size: u64,
    cipher: Cipher,
    nonce: Nonce,
}

impl Intake {
    /// Begins with nothing. `second` is an algorithm to compute beside that of the kept checksum.
    pub fn begin(
        host: &Host,
        customer: Option<&Customer>,
        algorithm: Algorithm,
        second: Option<Algorithm>,
    ) -> Self {
        let nonce = host.entropy.bytes();
        Intake {
            cipher: Cipher::of(host, customer, &nonce),
            nonce,
            blobs: host.store.blobs().clone(),
            md5: Md5::new(),
            algorithm,
            running: algorithm.begin(),
            second: second.map(Algorithm::begin),
            small: BytesMut::new(),
            large: None,
            size: 0,
        }
    }

    /// Adds content.
    ///
    /// # Errors
    /// The store's.
    pub async fn add(&mut self, chunk: Bytes) -> Result<(), Fault> {
        let at = self.size;
        self.size += chunk.len() as u64;
        self.md5.update(&chunk);
        self.running.update(&chunk);
        if let Some(second) = &mut self.second {
            second.update(&chunk);
        }
        let chunk = self.cipher.apply(at, chunk);
        if let Some(writer) = &mut self.large {
            return writer.write(chunk).await;
        }
        if self.small.len() + chunk.len() <= INLINE_LIMIT {
            self.small.extend_from_slice(&chunk);
            return Ok(());
        }
        let mut writer = self.blobs.writer().await?;
        if !self.small.is_empty() {
            writer.write(self.small.split().freeze()).await?;
        }
        writer.write(chunk).await?;
        self.large = Some(writer);
        Ok(())
    }

    /// Makes what was added durable.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish(self) -> Result<Taken, Fault> {
        let body = match self.large {
            Some(writer) => writer.finish().await?,
            None => BlobRef::Inline(self.small.freeze()),
        };
        Ok(Taken {
            size: self.size,
            md5: self.md5.finalize().into(),
            algorithm: self.algorithm,
            checksum: self.running.finish(),
            second: self.second.map(Running::finish),
            body,
            nonce: self.nonce,
        })
    }
}

/// Takes in a request's body.
///
/// # Errors
/// Where it is cut, refused, too large, or not what was announced; nothing is kept then.
pub async fn take(ctx: &Ctx, body: Option<&Body>, expected: &Expected) -> Result<Taken, S3Error> {
    let announced = body.and_then(|body| body.length).unwrap_or(0);
    let too_large = |size| S3Error::EntityTooLarge { size, limit: expected.limit };
    if announced > expected.limit {
        return Err(too_large(announced));
    }
    let given = expected.checksum.algorithm;
    let algorithm = expected.kept.or(given).unwrap_or(DEFAULT);
    let second = given.filter(|given| *given != algorithm);
    let mut intake = Intake::begin(ctx.host(), expected.customer.as_ref(), algorithm, second);
    if let Some(mut chunks) = body.and_then(Body::take) {
        while let Some(chunk) = chunks.next().await {
            intake.add(chunk?).await?;
            if intake.size > expected.limit {
                return Err(too_large(intake.size));
            }
        }
    }
    let Intake { md5, size, .. } = &intake;
    let calculated: [u8; 16] = md5.clone().finalize().into();
    if body.and_then(|body| body.length).is_some_and(|length| length != *size) {
        return Err(S3Error::Body(schema::BodyError::Incomplete));
    }
    if let Some(given) = expected.md5.filter(|given| *given != calculated) {
        return Err(S3Error::BadDigest { expected: base64(&given), calculated: base64(&calculated) });
    }
    let taken = intake.finish().await?;
    let calculated = taken.second.as_ref().unwrap_or(&taken.checksum);
    if expected.checksum.value.as_ref().is_some_and(|given| given != calculated) {
        abandon(ctx, &taken.body).await;
        return Err(S3Error::BadChecksum { algorithm: second.unwrap_or(algorithm).name().into() });
    }
    Ok(taken)
}

/// Gives up content that no commit refers to.
pub async fn abandon(ctx: &Ctx, body: &BlobRef) {
    if matches!(body, BlobRef::Inline(_)) {
        return;
    }
    let body = body.clone();
    let given_up: Result<(), Fault> = ctx
        .commit(move |tx| {
            tx.keep_blob(&body)?;
            tx.discard_blob(&body)
        })
        .await;
    // Bytes that could not be given up now are removed after the next start.
    drop(given_up);
}
