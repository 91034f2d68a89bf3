//! Packages of code: reading a zip archive within bounds, and refusing what would leave its folder.
//!
//! Entries are taken from the central directory alone. Stored and deflated ones are read, with the sizes of
//! zip64 where they are given; what is encrypted, or compressed otherwise, is refused.

use super::path;
use flate2::{Decompress, FlushDecompress, Status};

/// Most bytes of all files together (Lambda quotas: 250 MB unzipped).
pub const MAX_UNZIPPED: u64 = 262_144_000;
const MAX_ENTRIES: usize = 200_000;
const MAX_LINK: u64 = 4096;
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const END_BYTES: usize = 22;
const LONGEST_COMMENT: usize = 65_535;
const PIECE: usize = 64 * 1024;

/// How many bytes the files of a package have together.
///
/// # Errors
/// Where it is none that could be unpacked.
pub fn unzipped(bytes: &[u8]) -> Result<u64, ArchiveFault> {
    Ok(entries(bytes)?.iter().map(|entry| entry.size).sum())
}

/// Why a package is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveFault {
    /// It is no zip archive, or a damaged one.
    Malformed,
    /// It has no entry.
    Empty,
    /// Its files are too large together.
    TooLarge,
    /// An entry would be outside the folder.
    Escapes(String),
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with its permissions.
    File(u32),
    /// A symbolic link; its content is where it leads.
    Link,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path within the folder, checked: no part is empty, `.` or `..`.
    pub path: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// How many bytes it has.
    pub size: u64,
    deflated: bool,
    packed: u64,
    crc: u32,
    at: u64,
}

/// Numbers at places of a slice; `None` beyond its end.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.0.get(at..at + 2)?.try_into().ok()?))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.0.get(at..at + 4)?.try_into().ok()?))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(self.0.get(at..at + 8)?.try_into().ok()?))
    }
}

fn place(offset: u64) -> Option<usize> {
    usize::try_from(offset).ok()
}

/// Where the central directory begins, and how many entries it has.
fn directory(bytes: &[u8]) -> Option<(usize, u64)> {
    let first = bytes.len().saturating_sub(END_BYTES + LONGEST_COMMENT);
    let last = bytes.len().checked_sub(END_BYTES)?;
    let end = (first..=last).rev().find(|at| bytes[*at..].starts_with(&END))?;
    let fields = Fields(&bytes[end..]);
    let (count, at) = (fields.u16(10)?, fields.u32(16)?);
    if count != u16::MAX && at != u32::MAX {
        return Some((place(u64::from(at))?, u64::from(count)));
    }
    let locator = end.checked_sub(20).filter(|at| bytes[*at..].starts_with(&LOCATOR_64));
    let Some(locator) = locator else { return Some((place(u64::from(at))?, u64::from(count))) };
    let end = place(Fields(&bytes[locator..]).u64(8)?)?;
    let record = bytes.get(end..)?;
    if !record.starts_with(&END_64) {
        return None;
    }
    let fields = Fields(record);
    Some((place(fields.u64(48)?)?, fields.u64(32)?))
}

/// The entries of an archive.
///
/// # Errors
/// Where it is no archive, has no entry, is too large or would leave its folder.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry>, ArchiveFault> {
    let (mut at, count) = directory(bytes).ok_or(ArchiveFault::Malformed)?;
    if count == 0 {
        return Err(ArchiveFault::Empty);
    }
    if count > MAX_ENTRIES as u64 {
        return Err(ArchiveFault::TooLarge);
    }
    let (mut entries, mut total) = (Vec::new(), 0_u64);
    for _ in 0..count {
        let (entry, next) = entry(bytes, at)?;
        at = next;
        total = total.saturating_add(entry.size);
        if total > MAX_UNZIPPED {
            return Err(ArchiveFault::TooLarge);
        }
        // `./` alone names the folder itself.
        if !entry.path.is_empty() {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn entry(bytes: &[u8], at: usize) -> Result<(Entry, usize), ArchiveFault> {
    let (entry, name, next) = header(bytes, at).ok_or(ArchiveFault::Malformed)?;
    let path = checked_path(name)?;
    Ok((Entry { path, ..entry }, next))
}

/// A header of the central directory, the entry's name, and where the next one begins.
fn header(bytes: &[u8], at: usize) -> Option<(Entry, &str, usize)> {
    let record = bytes.get(at..)?;
    if !record.starts_with(&CENTRAL) {
        return None;
    }
    let fields = Fields(record);
    let (made_by, flags, method) = (fields.u16(4)?, fields.u16(8)?, fields.u16(10)?);
    let lengths = [fields.u16(28)?, fields.u16(30)?, fields.u16(32)?].map(usize::from);
    let name_end = 46 + lengths[0];
    let name = std::str::from_utf8(record.get(46..name_end)?).ok()?;
    let extra = record.get(name_end..name_end + lengths[1])?;
    let mut sizes = [u64::from(fields.u32(24)?), u64::from(fields.u32(20)?), u64::from(fields.u32(42)?)];
    widen(&mut sizes, extra);
    let encrypted = flags & 1 != 0;
    if encrypted || !matches!(method, 0 | 8) {
        return None;
    }
    let mode = if made_by >> 8 == 3 { fields.u32(38)? >> 16 } else { 0 };
    let kind = match mode & 0o170_000 {
        0o120_000 => Kind::Link,
        _ if name.ends_with('/') => Kind::Folder,
        _ => Kind::File(mode & 0o777),
    };
    let [size, packed, at_local] = sizes;
    let entry = Entry {
        path: Vec::new(),
        kind,
        size,
        deflated: method == 8,
        packed,
        crc: fields.u32(16)?,
        at: at_local,
    };
    Some((entry, name, at + name_end + lengths[1] + lengths[2]))
}

/// Takes sizes and offset that need more than 32 bits from the zip64 field.
fn widen(sizes: &mut [u64; 3], mut extra: &[u8]) {
    while let (Some(id), Some(length)) = (Fields(extra).u16(0), Fields(extra).u16(2)) {
        let end = 4 + usize::from(length);
        let Some(content) = extra.get(4..end) else { return };
        if id == 1 {
            let mut at = 0;
            for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
                if let Some(wide) = Fields(content).u64(at) {
                    *size = wide;
                    at += 8;
                }
            }
            return;
        }
        extra = &extra[end..];
    }
}

fn checked_path(name: &str) -> Result<Vec<String>, ArchiveFault> {
    let escapes = || ArchiveFault::Escapes(name.to_owned());
    if name.starts_with('/') { Err(escapes()) } else { path::parts(name).ok_or_else(escapes) }
}

/// The content of an entry, piece by piece.
///
/// # Errors
/// Where it is damaged, or what takes the pieces refuses one.
pub fn read<E: From<ArchiveFault>>(
    bytes: &[u8],
    entry: &Entry,
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let packed = packed(bytes, entry).ok_or(ArchiveFault::Malformed)?;
    let mut check = crc32fast::Hasher::new();
    let mut size = 0_u64;
    let mut each = |piece: &[u8]| -> Result<(), E> {
        size += piece.len() as u64;
        if size > entry.size {
            return Err(ArchiveFault::Malformed.into());
        }
        check.update(piece);
        take(piece)
    };
    if entry.deflated {
        inflate(packed, &mut each)?;
    } else {
        each(packed)?;
    }
    if size == entry.size && check.finalize() == entry.crc {
        Ok(())
    } else {
        Err(ArchiveFault::Malformed.into())
    }
}

fn packed<'a>(bytes: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let record = bytes.get(place(entry.at)?..)?;
    if !record.starts_with(&LOCAL) {
        return None;
    }
    let fields = Fields(record);
    let begin = 30 + usize::from(fields.u16(26)?) + usize::from(fields.u16(28)?);
    record.get(begin..begin.checked_add(place(entry.packed)?)?)
}

fn inflate<E: From<ArchiveFault>>(
    packed: &[u8],
    each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut inflater = Decompress::new(false);
    let mut piece = vec![0; PIECE];
    loop {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let rest = packed.get(place(read).unwrap_or(usize::MAX)..).unwrap_or_default();
        let status = inflater.decompress(rest, &mut piece, FlushDecompress::None);
        let status = status.map_err(|_| ArchiveFault::Malformed)?;
        let got = (inflater.total_out() - written) as usize;
        each(&piece[..got])?;
        let stuck = got == 0 && inflater.total_in() == read;
        match status {
            Status::StreamEnd => return Ok(()),
            Status::Ok | Status::BufError if stuck => return Err(ArchiveFault::Malformed.into()),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// Where a link leads.
///
/// # Errors
/// Where it is damaged, absolute, or leaves the folder.
pub fn link_target(bytes: &[u8], entry: &Entry) -> Result<String, ArchiveFault> {
    if entry.size > MAX_LINK {
        return Err(ArchiveFault::Malformed);
    }
    let mut target = Vec::new();
    read::<ArchiveFault>(bytes, entry, &mut |piece| {
        target.extend_from_slice(piece);
        Ok(())
    })?;
    let target = String::from_utf8(target).map_err(|_| ArchiveFault::Malformed)?;
    let escapes = || ArchiveFault::Escapes(entry.path.join("/"));
    if target.starts_with('/') || target.contains('\0') || target.is_empty() {
        return Err(escapes());
    }
    let mut depth = entry.path.len() - 1;
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        depth = if part == ".." { depth.checked_sub(1).ok_or_else(escapes)? } else { depth + 1 };
    }
    Ok(target)
}

/// Archives for tests.
#[cfg(test)]
pub mod samples {
    /// A stored archive of files: name, permissions with type, content.
    pub fn stored(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let (mut out, mut central) = (Vec::new(), Vec::new());
        for (name, mode, content) in files {
            let at = out.len() as u32;
            let (crc, size, name_size) = (crc32fast::hash(content), content.len() as u32, name.len() as u16);
            let mut common = Vec::new();
            common.extend_from_slice(&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            common.extend_from_slice(&crc.to_le_bytes());
            common.extend_from_slice(&size.to_le_bytes());
            common.extend_from_slice(&size.to_le_bytes());
            common.extend_from_slice(&name_size.to_le_bytes());
            common.extend_from_slice(&[0, 0]);
            out.extend_from_slice(b"PK\x03\x04");
            out.extend_from_slice(&common);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(content);
            central.extend_from_slice(b"PK\x01\x02\x14\x03");
            central.extend_from_slice(&common);
            central.extend_from_slice(&[0; 6]);
            central.extend_from_slice(&(mode << 16).to_le_bytes());
            central.extend_from_slice(&at.to_le_bytes());
            central.extend_from_slice(name.as_bytes());
        }
        let (at, size, count) = (out.len() as u32, central.len() as u32, files.len() as u16);
        out.extend_from_slice(&central);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&at.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8], entry: &Entry) -> Result<Vec<u8>, ArchiveFault> {
        let mut all = Vec::new();
        read::<ArchiveFault>(bytes, entry, &mut |piece| {
            all.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn files_and_their_permissions() {
        let archive = samples::stored(&[("a/b.py", 0o100_755, b"code"), ("a/", 0o040_755, b"")]);
        let found = entries(&archive).unwrap();
        assert_eq!(found[0].path, ["a", "b.py"]);
        assert_eq!((found[0].kind, found[1].kind), (Kind::File(0o755), Kind::Folder));
        assert_eq!(content(&archive, &found[0]).unwrap(), b"code");
    }

    /// An entry compressed by deflate gives its text, and never more than it announced.
    #[test]
    fn deflated() {
        use flate2::{Compression, write::DeflateEncoder};
        use std::io::Write;
        let text = b"hello hello hello hello hello".repeat(10_000);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&text).unwrap();
        let packed = encoder.finish().unwrap();
        let mut archive = samples::stored(&[("x", 0o100_644, &packed)]);
        // Said to be deflated, with the size and checksum of the text.
        let central = archive.windows(4).position(|part| part == CENTRAL).unwrap();
        archive[central + 10] = 8;
        archive[central + 16..central + 20].copy_from_slice(&crc32fast::hash(&text).to_le_bytes());
        archive[central + 24..central + 28].copy_from_slice(&(text.len() as u32).to_le_bytes());
        let found = entries(&archive).unwrap();
        assert_eq!(content(&archive, &found[0]).unwrap(), text);
        // More than it said: a bomb ends where its announced size does.
        archive[central + 24..central + 28].copy_from_slice(&5_u32.to_le_bytes());
        let found = entries(&archive).unwrap();
        assert_eq!(content(&archive, &found[0]), Err(ArchiveFault::Malformed));
    }

    #[test]
    fn what_leaves_the_folder_is_refused() {
        for name in ["../x", "a/../../x", "/etc/x", "a\0b"] {
            let archive = samples::stored(&[(name, 0o100_644, b"")]);
            assert!(matches!(entries(&archive), Err(ArchiveFault::Escapes(_))), "{name}");
        }
        let links = [("../x", false), ("/etc", false), ("b/../../x", false), ("b", true), ("./b/../c", true)];
        for (target, fine) in links {
            let archive = samples::stored(&[("l", 0o120_777, target.as_bytes())]);
            let found = entries(&archive).unwrap();
            assert_eq!(link_target(&archive, &found[0]).is_ok(), fine, "{target}");
        }
    }

    #[test]
    fn damaged_archives_are_refused_without_harm() {
        let whole = samples::stored(&[("a", 0o100_644, b"content"), ("b", 0o100_644, b"more")]);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xFF;
            for entry in entries(&damaged).unwrap_or_default() {
                let _ = content(&damaged, &entry);
            }
            assert!(entries(&whole[..at]).is_err());
        }
        assert_eq!(entries(&samples::stored(&[])), Err(ArchiveFault::Empty));
        assert_eq!(entries(b"not a zip"), Err(ArchiveFault::Malformed));
    }

    #[test]
    fn the_sum_of_announced_sizes_is_bounded() {
        let mut archive = samples::stored(&[("a", 0o100_644, b"content")]);
        let central = archive.windows(4).position(|part| part == CENTRAL).unwrap();
        archive[central + 24..central + 28].copy_from_slice(&300_000_000_u32.to_le_bytes());
        assert_eq!(entries(&archive), Err(ArchiveFault::TooLarge));
    }
}
