//! Segments of a saved state, written and read one at a time.
//!
//! A segment is its kind, its length, its bytes, and a CRC-32 over these and its place in the file, so that
//! none can be changed, left out, doubled or moved. The last one has the SHA-256 of all before it.

use super::{ArchiveError, FORMAT};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read, Write};

const MARK: &[u8; 8] = b"ELYSTATE";
/// No segment is longer: a portion of rows and one row at its bound.
const MAX_SEGMENT: usize = 4 * 1024 * 1024;
const DIGEST: usize = 32;

/// What a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the file holds.
    Head,
    /// A table begins.
    Table,
    /// Rows of the table.
    Rows,
    /// A blob begins.
    Blob,
    /// Bytes of the blob.
    Block,
    /// The end.
    End,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Head, Kind::Table, Kind::Rows, Kind::Blob, Kind::Block, Kind::End];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

fn checksum(place: u64, head: &[u8; 5], bytes: &[u8]) -> [u8; 4] {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&place.to_be_bytes());
    sum.update(head);
    sum.update(bytes);
    sum.finalize().to_be_bytes()
}

/// Writes segments.
pub(super) struct FrameWriter<'w> {
    out: &'w mut dyn Write,
    place: u64,
    digest: Sha256,
}

impl<'w> FrameWriter<'w> {
    /// Begins a file.
    pub(super) fn begin(out: &'w mut dyn Write) -> Result<Self, ArchiveError> {
        let mut writer = FrameWriter { out, place: 0, digest: Sha256::new() };
        writer.put(MARK)?;
        writer.put(&FORMAT.to_be_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.digest.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    /// Writes a segment.
    pub(super) fn segment(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), ArchiveError> {
        let mut head = [kind as u8, 0, 0, 0, 0];
        head[1..].copy_from_slice(&(bytes.len() as u32).to_be_bytes());
        let sum = checksum(self.place, &head, bytes);
        self.place += 1;
        self.put(&head)?;
        self.put(bytes)?;
        self.put(&sum)
    }

    /// Writes the last segment: what is said of the whole, and the digest.
    pub(super) fn end(mut self, said: &[u8]) -> Result<(), ArchiveError> {
        let digest = self.digest.clone().finalize();
        self.segment(Kind::End, &[said, &digest].concat())?;
        Ok(self.out.flush()?)
    }
}

/// Reads segments.
pub(super) struct FrameReader<'r> {
    input: &'r mut dyn Read,
    place: u64,
    digest: Sha256,
}

impl<'r> FrameReader<'r> {
    /// Begins to read a file; refuses what is none, or of a format that is not known.
    pub(super) fn begin(input: &'r mut dyn Read) -> Result<Self, ArchiveError> {
        let mut start = [0; MARK.len() + 4];
        match input.read_exact(&mut start) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(ArchiveError::Foreign),
            other => other?,
        }
        let (mark, format) = start.split_at(MARK.len());
        if mark != MARK {
            return Err(ArchiveError::Foreign);
        }
        let format = format.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        match format {
            FORMAT => {}
            0 => return Err(ArchiveError::Damaged("it has no format")),
            format => return Err(ArchiveError::Newer { format }),
        }
        let mut digest = Sha256::new();
        digest.update(start);
        Ok(FrameReader { input, place: 0, digest })
    }

    /// The next segment, which is as it was written.
    pub(super) fn next(&mut self) -> Result<(Kind, Vec<u8>), ArchiveError> {
        let mut head = [0; 5];
        self.input.read_exact(&mut head)?;
        let [number, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        let kind = Kind::of(number).filter(|_| length <= MAX_SEGMENT);
        let kind = kind.ok_or(ArchiveError::Damaged("a segment has an unknown form"))?;
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        let mut sum = [0; 4];
        self.input.read_exact(&mut sum)?;
        if sum != checksum(self.place, &head, &bytes) {
            return Err(ArchiveError::Damaged("a segment's checksum is wrong"));
        }
        self.place += 1;
        if kind == Kind::End {
            self.check_end(&bytes)?;
            bytes.truncate(length - DIGEST);
        } else {
            self.digest.update(head);
            self.digest.update(&bytes);
            self.digest.update(sum);
        }
        Ok((kind, bytes))
    }

    fn check_end(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let digest = self.digest.clone().finalize();
        if bytes.len() < DIGEST || bytes[bytes.len() - DIGEST..] != digest[..] {
            return Err(ArchiveError::Damaged("its digest is wrong"));
        }
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(ArchiveError::Damaged("something follows its end")),
            Err(error) => Err(error.into()),
        }
    }
}

/// Takes fields out of a segment.
pub(super) struct Fields<'f>(pub(super) &'f [u8]);

impl<'f> Fields<'f> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'f [u8], ArchiveError> {
        let cut = self.0.split_at_checked(length);
        let (taken, rest) = cut.ok_or(ArchiveError::Damaged("a segment is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ArchiveError> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn number(&mut self) -> Result<u64, ArchiveError> {
        Ok(self.take(8)?.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'f [u8], ArchiveError> {
        let length = self.take(4)?.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<String, ArchiveError> {
        let text = String::from_utf8(self.bytes()?.to_vec());
        text.map_err(|_| ArchiveError::Damaged("a name is no text"))
    }

    /// Refuses what is left.
    pub(super) fn finish(self) -> Result<(), ArchiveError> {
        if self.is_empty() { Ok(()) } else { Err(ArchiveError::Damaged("a segment is too long")) }
    }
}

/// Adds bytes with their length before them.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
