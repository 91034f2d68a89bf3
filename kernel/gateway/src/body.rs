//! Bodies held to what their request declares: digest, chunk signatures, trailing checksums, length. A
//! streamed body fails at its end if it is not the declared one, so nothing of it is kept.

use crate::authenticate::Identity;
use crate::message::{Incoming, read_whole};
use crate::words;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use schema::{ApiError, Body, BodyError, Location, Member, OperationShape, Ty};
use service::checksum::{Algorithm, Running};
use service::{Budget, Held};
use signature::{
    ChunkError, ChunkedDecoder, PayloadCheck, PayloadHash, RequestHead, Wording, decoded_length,
};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Whether the operation's input is a body that is not held in memory.
pub fn is_streamed(operation: &OperationShape) -> bool {
    operation.input.payload().is_some_and(|(_, member)| matches!(member.ty, Ty::Stream { .. }))
}

/// Whether the operation's input is read from the body's text, so that the body may be compressed.
pub fn is_text(operation: &OperationShape) -> bool {
    let declares = |member: &Member| matches!(member.location, Location::Header(name) if name.eq_ignore_ascii_case("content-encoding"));
    operation.input.payload().is_none() && !operation.input.members.iter().any(declares)
}

/// The whole body of an operation that holds it in memory, at the cost of a budget.
///
/// # Errors
/// If it is longer than the bound or passes the budget, or ends early.
pub async fn whole(body: &Body, bound: usize, budget: &Budget) -> Result<(Bytes, Held), ApiError> {
    let failed = |error: BodyError| words::body(&error);
    if let Some(length) = body.length {
        let held = budget.hold(length.min(bound as u64))?;
        return Ok((read_whole(body, bound).await.map_err(failed)?, held));
    }
    let (mut held, mut whole) = (budget.hold(0)?, Vec::new());
    let Some(mut chunks) = body.take() else { return Ok((Bytes::new(), held)) };
    while let Some(chunk) = chunks.next().await.transpose().map_err(failed)? {
        held.grow(chunk.len() as u64)?;
        whole.extend_from_slice(&chunk);
        if whole.len() > bound {
            return Err(failed(BodyError::TooLarge(bound as u64)));
        }
    }
    Ok((whole.into(), held))
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// The body of a streamed operation, held to what its request declares.
///
/// # Errors
/// If a framed body does not declare its length.
pub fn verified(incoming: &Incoming, identity: &Identity) -> Result<Body, ApiError> {
    let Some(chunks) = incoming.body.take() else {
        return Ok(Body::from(Bytes::new()));
    };
    let payload = identity.payload.unwrap_or(PayloadHash::Unsigned);
    if let Some(check) = PayloadCheck::of(&payload) {
        return Ok(Body::stream(incoming.body.length, Digested { chunks, check: Some(check) }));
    }
    if !payload.is_chunked() {
        return Ok(Body::stream(incoming.body.length, chunks));
    }
    let head = RequestHead {
        method: incoming.method.as_str(),
        path: &incoming.path,
        query: &incoming.query,
        headers: &incoming.headers,
    };
    let length = decoded_length(&head).map_err(|error| words::described(error.describe()))?;
    let decoder = match (payload, identity.chain.clone()) {
        (PayloadHash::UnsignedTrailer, _) => ChunkedDecoder::unsigned(length),
        (PayloadHash::ChunksTrailer, Some(chain)) => ChunkedDecoder::signed_with_trailers(chain, length),
        (_, Some(chain)) => ChunkedDecoder::signed(chain, length),
        // A signature that `warn` let pass proves nothing of the chunks.
        (_, None) => ChunkedDecoder::unsigned(length),
    };
    let announced = incoming.header("x-amz-trailer");
    let proven = payload == PayloadHash::UnsignedTrailer || identity.chain.is_some();
    let decoder = match announced.filter(|_| proven) {
        Some(header) => decoder.announced(header),
        None => decoder,
    };
    let checksum = announced.and_then(trailing_checksum);
    let framed = Framed { chunks, decoder: Some(decoder), input: Bytes::new(), checksum };
    Ok(Body::stream(Some(length), framed))
}

/// The checksum that a trailer announces, with its name.
fn trailing_checksum(announced: &str) -> Option<(String, Running)> {
    let mut names = announced.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.find_map(|name| {
        let checksum = Algorithm::by_header(&name)?.begin();
        Some((name, checksum))
    })
}

/// A body whose digest is checked at its end.
struct Digested {
    chunks: Chunks,
    check: Option<PayloadCheck>,
}

impl Stream for Digested {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.chunks.as_mut().poll_next(cx));
        Poll::Ready(match next {
            Some(Ok(chunk)) => {
                if let Some(check) = &mut self.check {
                    check.update(&chunk);
                }
                Some(Ok(chunk))
            }
            Some(Err(error)) => Some(Err(error)),
            None => match self.check.take().map(PayloadCheck::finish) {
                Some(Err(error)) => {
                    let description = error.describe(Wording::S3);
                    Some(Err(BodyError::Rejected { code: description.code, message: description.message }))
                }
                Some(Ok(())) | None => None,
            },
        })
    }
}

/// A body in the `aws-chunked` framing.
struct Framed {
    chunks: Chunks,
    decoder: Option<ChunkedDecoder>,
    input: Bytes,
    checksum: Option<(String, Running)>,
}

fn rejected(error: &ChunkError) -> BodyError {
    let description = error.describe();
    BodyError::Rejected { code: description.code, message: description.message }
}

impl Framed {
    fn next_slice(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(decoder) = &mut self.decoder else { return Ok(None) };
        let slice = decoder.next(&mut self.input).map_err(|error| rejected(&error))?;
        if let (Some(slice), Some((_, checksum))) = (&slice, &mut self.checksum) {
            checksum.update(slice);
        }
        Ok(slice)
    }

    fn finish(&mut self) -> Result<(), BodyError> {
        let Some(decoder) = self.decoder.take() else { return Ok(()) };
        let trailers = decoder.finish().map_err(|error| rejected(&error))?;
        let Some((name, checksum)) = self.checksum.take() else { return Ok(()) };
        let given = trailers.iter().find(|(trailer, _)| *trailer == name).map(|(_, value)| value.as_str());
        if given == Some(checksum.finish_base64().as_str()) {
            return Ok(());
        }
        let algorithm = name.trim_start_matches("x-amz-checksum-");
        let message =
            format!("The {} you specified did not match the calculated checksum.", algorithm.to_uppercase());
        Err(BodyError::Rejected { code: "BadDigest", message })
    }
}

impl Stream for Framed {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.next_slice() {
                Ok(Some(slice)) => return Poll::Ready(Some(Ok(slice))),
                Ok(None) => {}
                Err(error) => {
                    self.decoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            if self.decoder.is_none() {
                return Poll::Ready(None);
            }
            match std::task::ready!(self.chunks.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => self.input = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(self.finish().err().map(Err)),
            }
        }
    }
}
