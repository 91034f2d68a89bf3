//! Taking in the content of an object or part: streamed into the blob store while it is hashed, checked
//! at its end. Small content stays in memory and goes into a row; of larger content no more than some blocks are
//! ever in memory.

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
use service::{Begun, Compute, Ctx, Host};
use store::{BLOCK, BlobRef, BlobWriter, Blobs, Fault, INLINE_LIMIT};

/// Whose share of the pool is used.
const ROOM: &str = "s3";

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

/// What is computed over content, and what encrypts it.
struct Working {
    md5: Md5,
    algorithm: Algorithm,
    running: Running,
    /// What is held against a given value, where that is of another algorithm.
    second: Option<Running>,
    cipher: Cipher,
    at: u64,
}

impl Working {
    /// Takes the next bytes in; they come back encrypted.
    fn take(&mut self, bytes: Bytes) -> Bytes {
        let at = self.at;
        self.at += bytes.len() as u64;
        self.md5.update(&bytes);
        self.running.update(&bytes);
        if let Some(second) = &mut self.second {
            second.update(&bytes);
        }
        self.cipher.apply(at, bytes)
    }
}

/// Where the work is done: here, or away from the network's threads while more content comes in.
enum Stage {
    Here(Box<Working>),
    Away(Begun<(Box<Working>, Bytes)>),
    /// It panicked.
    Lost,
}

/// Content on its way to where it is kept. While a block is written, the one behind it is hashed and encrypted, and
/// a third comes in.
pub struct Intake {
    blobs: Blobs,
    compute: Compute,
    stage: Stage,
    gathered: BytesMut,
    writer: Option<BlobWriter>,
    size: u64,
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
        let working = Working {
            md5: Md5::new(),
            algorithm,
            running: algorithm.begin(),
            second: second.map(Algorithm::begin),
            cipher: Cipher::of(host, customer, &nonce),
            at: 0,
        };
        Intake {
            blobs: host.store.blobs().clone(),
            compute: host.compute.clone(),
            stage: Stage::Here(Box::new(working)),
            gathered: BytesMut::new(),
            writer: None,
            size: 0,
            nonce,
        }
    }

    /// Adds content.
    ///
    /// # Errors
    /// The store's.
    pub async fn add(&mut self, mut chunk: Bytes) -> Result<(), Fault> {
        self.size += chunk.len() as u64;
        while self.gathered.len() + chunk.len() >= BLOCK {
            self.gathered.extend_from_slice(&chunk.split_to(BLOCK - self.gathered.len()));
            let block = std::mem::replace(&mut self.gathered, BytesMut::with_capacity(BLOCK)).freeze();
            let mut working = self.here().await?;
            self.stage = Stage::Away(self.compute.begin(ROOM, move || {
                let taken = working.take(block);
                (working, taken)
            }));
        }
        self.gathered.extend_from_slice(&chunk);
        Ok(())
    }

    /// The work, when the block before is done, which is written then.
    async fn here(&mut self) -> Result<Box<Working>, Fault> {
        match std::mem::replace(&mut self.stage, Stage::Lost) {
            Stage::Here(working) => Ok(working),
            Stage::Away(begun) => {
                let (working, block) = begun.done().await.ok_or(Fault::Panicked)?;
                let mut writer = self.writer().await?;
                writer.write(block).await?;
                self.writer = Some(writer);
                Ok(working)
            }
            Stage::Lost => Err(Fault::Panicked),
        }
    }

    /// What the blocks are written to, begun where nothing was.
    async fn writer(&mut self) -> Result<BlobWriter, Fault> {
        match self.writer.take() {
            Some(writer) => Ok(writer),
            None => self.blobs.writer().await,
        }
    }

    /// Makes what was added durable.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish(mut self) -> Result<Taken, Fault> {
        let mut working = self.here().await?;
        let rest = working.take(self.gathered.split().freeze());
        let body = if self.size <= INLINE_LIMIT as u64 {
            BlobRef::Inline(rest)
        } else {
            let mut writer = self.writer().await?;
            writer.write(rest).await?;
            writer.finish().await?
        };
        let Working { md5, algorithm, running, second, .. } = *working;
        Ok(Taken {
            size: self.size,
            md5: md5.finalize().into(),
            algorithm,
            checksum: running.finish(),
            second: second.map(Running::finish),
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
    if body.and_then(|body| body.length).is_some_and(|length| length != intake.size) {
        return Err(S3Error::Body(schema::BodyError::Incomplete));
    }
    let taken = intake.finish().await?;
    if let Some(given) = expected.md5.filter(|given| *given != taken.md5) {
        abandon(ctx, &taken.body).await;
        return Err(S3Error::BadDigest { expected: base64(&given), calculated: base64(&taken.md5) });
    }
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
