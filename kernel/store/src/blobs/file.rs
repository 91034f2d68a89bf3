//! Blobs in files: written under a temporary name, synced, renamed, the directory synced.
//!
//! A file is its blocks, then a trailer: a CRC-32 of each block, the length, a CRC-32 of these, a mark.
//! Files lie on 256 shelves by the last byte of their id, so that no directory grows long.

use super::{BLOCK, BlobBackend, BlobId, BlobSink, BlobSource, SyncAhead};
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MARK: &[u8; 8] = b"ELYBLOB1";
/// Length, checksum and mark.
const TRAILER_END: usize = 8 + 4 + 8;
/// A blob has at most 5 TiB, so its trailer is bounded too.
const MAX_LENGTH: u64 = 5 << 40;
const UNFINISHED: &str = "part";

/// Keeps blobs as files of a directory.
pub struct FileBlobs {
    path: PathBuf,
}

impl FileBlobs {
    /// Uses a directory, creating it where there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(FileBlobs { path: path.to_owned() })
    }

    fn shelf(&self, shelf: u8) -> PathBuf {
        self.path.join(format!("{shelf:02x}"))
    }

    fn file(&self, id: BlobId) -> PathBuf {
        self.shelf(id.0 as u8).join(format!("{:016x}", id.0))
    }

    fn part(&self, id: BlobId) -> PathBuf {
        self.file(id).with_extension(UNFINISHED)
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl BlobBackend for FileBlobs {
    fn create(&self, id: BlobId) -> io::Result<Box<dyn BlobSink>> {
        let part = self.part(id);
        let create = || OpenOptions::new().write(true).create_new(true).open(&part);
        let file = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(self.shelf(id.0 as u8))?;
                sync_directory(&self.path)?;
                create()?
            }
            other => other?,
        };
        Ok(Box::new(FileSink {
            file,
            part,
            finished: self.file(id),
            sums: Vec::new(),
            length: 0,
            done: false,
        }))
    }

    fn open(&self, id: BlobId) -> io::Result<Arc<dyn BlobSource>> {
        Ok(Arc::new(FileSource::open(&self.file(id))?))
    }

    fn remove(&self, id: BlobId) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.part(id)))?;
        absent_is_fine(fs::remove_file(self.file(id)))
    }

    fn list(&self, shelf: u8) -> io::Result<Vec<BlobId>> {
        let entries = match fs::read_dir(self.shelf(shelf)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str());
            ids.extend(name.and_then(|name| u64::from_str_radix(name, 16).ok()).map(BlobId));
        }
        Ok(ids)
    }
}

struct FileSink {
    file: File,
    part: PathBuf,
    finished: PathBuf,
    sums: Vec<u32>,
    length: u64,
    done: bool,
}

impl BlobSink for FileSink {
    fn add(&mut self, block: Bytes) -> io::Result<()> {
        self.length += block.len() as u64;
        if self.length > MAX_LENGTH {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.sums.push(crc32fast::hash(&block));
        self.file.write_all(&block)
    }

    fn sync(&self) -> io::Result<Option<SyncAhead>> {
        let file = self.file.try_clone()?;
        Ok(Some(Box::new(move || file.sync_data())))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let mut trailer: Vec<u8> = self.sums.iter().flat_map(|sum| sum.to_be_bytes()).collect();
        trailer.extend_from_slice(&self.length.to_be_bytes());
        trailer.extend_from_slice(&crc32fast::hash(&trailer).to_be_bytes());
        trailer.extend_from_slice(MARK);
        self.file.write_all(&trailer)?;
        self.file.sync_all()?;
        fs::rename(&self.part, &self.finished)?;
        self.done = true;
        self.finished.parent().map_or(Ok(()), sync_directory)
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed now is removed after the next start.
            let _ = fs::remove_file(&self.part);
        }
    }
}

struct FileSource {
    file: File,
    length: u64,
    sums: Vec<u32>,
}

impl FileSource {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let end_at = size.checked_sub(TRAILER_END as u64).ok_or_else(invalid)?;
        let mut end = [0; TRAILER_END];
        file.read_exact_at(&mut end, end_at)?;
        let length = u64::from_be_bytes(end[..8].try_into().map_err(|_| invalid())?);
        if &end[12..] != MARK || length > MAX_LENGTH {
            return Err(invalid());
        }
        let count = length.div_ceil(BLOCK as u64) as usize;
        if size != length + 4 * count as u64 + TRAILER_END as u64 {
            return Err(invalid());
        }
        let mut trailer = vec![0; 4 * count + 8];
        file.read_exact_at(&mut trailer, length)?;
        if crc32fast::hash(&trailer).to_be_bytes() != end[8..12] {
            return Err(invalid());
        }
        let (sums, _) = trailer[..4 * count].as_chunks::<4>();
        let sums = sums.iter().map(|sum| u32::from_be_bytes(*sum)).collect();
        Ok(FileSource { file, length, sums })
    }
}

impl BlobSource for FileSource {
    fn length(&self) -> u64 {
        self.length
    }

    fn block(&self, place: u64) -> io::Result<Bytes> {
        let sum = usize::try_from(place).ok().and_then(|place| self.sums.get(place)).ok_or_else(invalid)?;
        let begin = place * BLOCK as u64;
        let length = (self.length - begin).min(BLOCK as u64) as usize;
        let block = read_at(&self.file, begin, length)?;
        if crc32fast::hash(&block) != *sum {
            return Err(invalid());
        }
        Ok(Bytes::from(block))
    }
}

/// So many bytes of a file, into room that nobody fills with zeros first.
fn read_at(file: &File, begin: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = begin + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(blobs: &FileBlobs, id: u64, blocks: &[Bytes]) {
        let mut sink = blobs.create(BlobId(id)).unwrap();
        blocks.iter().for_each(|block| sink.add(block.clone()).unwrap());
        sink.finish().unwrap();
    }

    #[test]
    fn a_changed_byte_is_noticed_in_its_block_only() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = FileBlobs::open(folder.path()).unwrap();
        let blocks = [Bytes::from(vec![7; BLOCK]), Bytes::from_static(b"end")];
        written(&blobs, 5, &blocks);
        let path = blobs.file(BlobId(5));
        let mut bytes = fs::read(&path).unwrap();
        bytes[BLOCK + 1] ^= 1;
        fs::write(&path, bytes).unwrap();
        let source = blobs.open(BlobId(5)).unwrap();
        assert_eq!(source.length(), BLOCK as u64 + 3);
        assert_eq!(source.block(0).unwrap(), blocks[0]);
        assert_eq!(source.block(1).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(source.block(2).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_cut_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = FileBlobs::open(folder.path()).unwrap();
        written(&blobs, 6, &[Bytes::from_static(b"whole")]);
        let path = blobs.file(BlobId(6));
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(blobs.open(BlobId(6)).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn what_is_not_finished_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = FileBlobs::open(folder.path()).unwrap();
        let mut sink = blobs.create(BlobId(0x107)).unwrap();
        sink.add(Bytes::from_static(b"half")).unwrap();
        assert!(blobs.open(BlobId(0x107)).is_err());
        assert_eq!(blobs.list(7).unwrap(), [BlobId(0x107)]);
        drop(sink);
        assert!(blobs.list(7).unwrap().is_empty());
    }
}
