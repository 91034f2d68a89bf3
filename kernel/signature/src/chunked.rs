//! The `aws-chunked` framing of a body: chunks with sizes, perhaps signatures, perhaps trailers.
//!
//! The decoder holds at most one chunk header or the trailers. Data is handed on as slices of what came
//! in, before its chunk's signature has been seen: whoever stores it commits only after `finish`.

use crate::digest::Sha256;
use crate::encoding::{hex_text, unhex};
use crate::{ChunkChain, Description, RequestHead};
use bytes::{Buf, Bytes};
use std::fmt;

/// Longest chunk header, in bytes.
const MAX_CHUNK_HEADER: usize = 1024;
/// Longest trailer section, in bytes.
const MAX_TRAILERS: usize = 8 * 1024;
/// Smallest chunk but for the last one, in bytes.
const MIN_CHUNK: u64 = 8192;
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Trailing headers, names in lower case, in the order they came.
pub type Trailers = Vec<(String, String)>;

/// Why a framed body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChunkError {
    /// A chunk header that is not a size and a signature, or data not followed by a line's end.
    Malformed,
    /// A chunk below the least size was followed by another.
    InvalidChunkSize {
        /// The chunk's number, from 1.
        chunk: u64,
        /// Its size.
        size: u64,
    },
    /// A chunk's or the trailers' signature is wrong.
    SignatureDoesNotMatch {
        /// The signature that came, in hexadecimal.
        signature: String,
    },
    /// The body ended early, or is not as long as declared.
    IncompleteBody {
        /// Declared bytes of data.
        declared: u64,
        /// Bytes of data that came.
        received: u64,
    },
    /// Trailers that are no headers, too long, or not those that were announced.
    MalformedTrailer,
    /// `x-amz-decoded-content-length` is absent or no number.
    MissingDecodedLength,
}

impl ChunkError {
    /// Status, code, message and detail elements, as S3 answers them.
    pub fn describe(&self) -> Description {
        let (status, code, message) = match self {
            ChunkError::Malformed => {
                (400, "InvalidRequest", "The chunk encoding of the request body is malformed.")
            }
            ChunkError::InvalidChunkSize { .. } => (
                403,
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
            ),
            ChunkError::SignatureDoesNotMatch { .. } => (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method.",
            ),
            ChunkError::IncompleteBody { .. } => (
                400,
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ),
            ChunkError::MalformedTrailer => (
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our \
                 published schema.",
            ),
            ChunkError::MissingDecodedLength => {
                (411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
            }
        };
        let details = match self {
            ChunkError::InvalidChunkSize { chunk, size } => {
                vec![("Chunk", chunk.to_string()), ("BadChunkSize", size.to_string())]
            }
            ChunkError::SignatureDoesNotMatch { signature } => vec![("SignatureProvided", signature.clone())],
            _ => Vec::new(),
        };
        Description { status, code, message: message.to_owned(), details }
    }
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = self.describe();
        write!(f, "{}: {}", description.code, description.message)
    }
}

impl std::error::Error for ChunkError {}

/// The declared length of a framed body's data.
pub fn decoded_length(head: &RequestHead<'_>) -> Result<u64, ChunkError> {
    let text = head.header("x-amz-decoded-content-length").ok_or(ChunkError::MissingDecodedLength)?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(ChunkError::MissingDecodedLength)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ChunkHeader,
    Data,
    DataEnd,
    LastEnd,
    Trailers,
    Done,
}

/// Takes a framed body apart as it comes in.
#[derive(Debug)]
pub struct ChunkedDecoder {
    chain: Option<ChunkChain>,
    trailing: bool,
    announced: Option<Vec<String>>,
    declared: u64,
    received: u64,
    state: State,
    line: Vec<u8>,
    chunk: Chunk,
    trailers: Trailers,
    trailer_bytes: usize,
    trailer_hasher: Sha256,
    trailers_signed: bool,
}

/// The chunk whose data is coming in.
#[derive(Debug, Default)]
struct Chunk {
    number: u64,
    size: u64,
    remaining: u64,
    signature: Option<[u8; 32]>,
    hasher: Sha256,
}

impl ChunkedDecoder {
    /// Unsigned chunks with trailers (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`).
    pub fn unsigned(declared: u64) -> Self {
        Self::new(None, true, declared)
    }

    /// Signed chunks without trailers (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
    pub fn signed(chain: ChunkChain, declared: u64) -> Self {
        Self::new(Some(chain), false, declared)
    }

    /// Signed chunks and signed trailers (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`).
    pub fn signed_with_trailers(chain: ChunkChain, declared: u64) -> Self {
        Self::new(Some(chain), true, declared)
    }

    fn new(chain: Option<ChunkChain>, trailing: bool, declared: u64) -> Self {
        ChunkedDecoder {
            chain,
            trailing,
            announced: None,
            declared,
            received: 0,
            state: State::ChunkHeader,
            line: Vec::new(),
            chunk: Chunk::default(),
            trailers: Vec::new(),
            trailer_bytes: 0,
            trailer_hasher: Sha256::new(),
            trailers_signed: false,
        }
    }

    /// Lets only those trailers pass that the request's `x-amz-trailer` header announced, and needs them.
    pub fn announced(mut self, header: &str) -> Self {
        let names = header.split(',').map(|name| name.trim().to_ascii_lowercase());
        self.announced = Some(names.filter(|name| !name.is_empty()).collect());
        self
    }

    /// Takes from `input` up to the next slice of data. `None`: the input is used up, bring more.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, ChunkError> {
        while !input.is_empty() {
            match self.state {
                State::Data => return self.take_data(input).map(Some),
                State::Done => return Err(self.incomplete()),
                State::ChunkHeader => self.on_line(input, MAX_CHUNK_HEADER, Self::chunk_header)?,
                State::DataEnd | State::LastEnd => self.on_line(input, 2, Self::chunk_end)?,
                State::Trailers => {
                    let limit = MAX_TRAILERS.saturating_sub(self.trailer_bytes);
                    self.on_line(input, limit, Self::trailer)?;
                }
            }
        }
        Ok(None)
    }

    /// The trailers, once the whole body has come and was as declared.
    pub fn finish(self) -> Result<Trailers, ChunkError> {
        // Some clients leave out the empty line behind the last chunk, whose signature has been checked.
        let ended = match self.state {
            State::Done | State::LastEnd => true,
            State::Trailers => self.trailers_signed,
            State::ChunkHeader | State::Data | State::DataEnd => false,
        };
        if !ended || self.received != self.declared {
            return Err(self.incomplete());
        }
        if let Some(announced) = &self.announced {
            let came = |name: &String| self.trailers.iter().any(|(trailer, _)| trailer == name);
            if announced.len() != self.trailers.len() || !announced.iter().all(came) {
                return Err(ChunkError::MalformedTrailer);
            }
        }
        Ok(self.trailers)
    }

    fn incomplete(&self) -> ChunkError {
        ChunkError::IncompleteBody { declared: self.declared, received: self.received }
    }

    /// Gathers a line and, once it is whole, hands it without its end to a step.
    fn on_line(
        &mut self,
        input: &mut Bytes,
        limit: usize,
        step: fn(&mut Self, &[u8]) -> Result<(), ChunkError>,
    ) -> Result<(), ChunkError> {
        let end = input.iter().position(|b| *b == b'\n');
        let taken = end.map_or(input.len(), |at| at + 1);
        if self.line.len() + taken > limit {
            let in_trailers = self.state == State::Trailers;
            return Err(if in_trailers { ChunkError::MalformedTrailer } else { ChunkError::Malformed });
        }
        self.line.extend_from_slice(&input[..taken]);
        input.advance(taken);
        if end.is_none() {
            return Ok(());
        }
        let mut line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let result = step(self, text.strip_suffix(b"\r").unwrap_or(text));
        line.clear();
        self.line = line;
        result
    }

    fn chunk_header(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        let text = std::str::from_utf8(line).map_err(|_| ChunkError::Malformed)?;
        let (size, extension) = text.split_once(';').unwrap_or((text, ""));
        let size = hex_size(size.trim()).ok_or(ChunkError::Malformed)?;
        if size > 0 && self.chunk.number > 0 && self.chunk.size < MIN_CHUNK {
            let (chunk, size) = (self.chunk.number, self.chunk.size);
            return Err(ChunkError::InvalidChunkSize { chunk, size });
        }
        if size > self.declared.saturating_sub(self.received) {
            return Err(self.incomplete());
        }
        let signature = match (&self.chain, extension.trim().strip_prefix("chunk-signature=")) {
            (None, _) => None,
            (Some(_), None) => return Err(ChunkError::Malformed),
            (Some(_), Some(text)) => Some(unhex(text.as_bytes()).ok_or_else(|| mismatch(text))?),
        };
        let number = self.chunk.number + 1;
        self.chunk = Chunk { number, size, remaining: size, signature, hasher: Sha256::new() };
        self.state = State::Data;
        if size == 0 {
            self.check_chunk()?;
            self.state = if self.trailing { State::Trailers } else { State::LastEnd };
        }
        Ok(())
    }

    fn take_data(&mut self, input: &mut Bytes) -> Result<Bytes, ChunkError> {
        let taken = input.len().min(usize::try_from(self.chunk.remaining).unwrap_or(usize::MAX));
        let data = input.split_to(taken);
        if self.chain.is_some() {
            self.chunk.hasher.update(&data);
        }
        self.chunk.remaining -= taken as u64;
        self.received += taken as u64;
        if self.chunk.remaining == 0 {
            self.check_chunk()?;
            self.state = State::DataEnd;
        }
        Ok(data)
    }

    fn check_chunk(&mut self) -> Result<(), ChunkError> {
        let (Some(chain), Some(signature)) = (&mut self.chain, self.chunk.signature) else {
            return Ok(());
        };
        let digest = std::mem::take(&mut self.chunk.hasher).finish();
        if chain.accepts_chunk(&digest, &signature) { Ok(()) } else { Err(mismatch(&hex_text(&signature))) }
    }

    fn chunk_end(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        if !line.is_empty() {
            return Err(ChunkError::Malformed);
        }
        self.state = if self.state == State::LastEnd { State::Done } else { State::ChunkHeader };
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        self.trailer_bytes += line.len() + 2;
        if line.is_empty() {
            // Some clients put an empty line between the trailers and their signature.
            if self.chain.is_none() || self.trailers_signed {
                self.state = State::Done;
            }
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| ChunkError::MalformedTrailer)?;
        let (name, value) = text.split_once(':').ok_or(ChunkError::MalformedTrailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let wrong_name = name.is_empty() || name.bytes().any(|b| b.is_ascii_whitespace());
        if wrong_name || self.trailers_signed {
            return Err(ChunkError::MalformedTrailer);
        }
        match &self.chain {
            Some(chain) if name == TRAILER_SIGNATURE => {
                let signature = unhex(value.as_bytes()).ok_or_else(|| mismatch(value))?;
                let digest = self.trailer_hasher.clone().finish();
                self.trailers_signed = true;
                if chain.accepts_trailers(&digest, &signature) { Ok(()) } else { Err(mismatch(value)) }
            }
            _ => {
                self.trailer_hasher.update(format!("{name}:{value}\n").as_bytes());
                self.trailers.push((name, value.to_owned()));
                Ok(())
            }
        }
    }
}

fn mismatch(signature: &str) -> ChunkError {
    ChunkError::SignatureDoesNotMatch { signature: signature.to_owned() }
}

fn hex_size(text: &str) -> Option<u64> {
    let fine = (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fine { u64::from_str_radix(text, 16).ok() } else { None }
}
