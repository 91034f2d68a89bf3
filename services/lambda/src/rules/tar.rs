//! Reading tar archives as images consist of: entries one after the other, with the long names of GNU and
//! of POSIX. Paths are checked; whoever unpacks decides what becomes of the rest.

use super::path;
use std::io::{self, Read, Seek};

const BLOCK: usize = 512;
/// Longest name or record of names.
const MAX_NAMES: u64 = 64 * 1024;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link: where it leads.
    Link(String),
    /// The same file as an earlier entry: which.
    Same(Vec<String>),
    /// A device, a pipe: nothing that a function needs.
    Other,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path: no part is empty, `.` or `..`.
    pub path: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Its permissions.
    pub mode: u32,
    /// How many bytes its content has.
    pub size: u64,
}

/// Reads an archive.
pub struct Archive<R> {
    inner: R,
    /// Of the present entry's content, what was not read; and what fills its last block.
    left: u64,
    padding: u64,
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no tar archive: {why}"))
}

/// A number in octal digits, or in binary with its first bit set.
fn number(field: &[u8]) -> io::Result<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let tail = field.get(field.len().saturating_sub(8)..).unwrap_or_default();
        return Ok(tail.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    let text: String = field.iter().map(|byte| char::from(*byte)).collect();
    let digits = text.trim_matches(|letter: char| letter == '\0' || letter == ' ');
    if digits.is_empty() { Ok(0) } else { u64::from_str_radix(digits, 8).map_err(|_| malformed("a number")) }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn parts(path: &str) -> io::Result<Vec<String>> {
    path::parts(path).ok_or_else(|| malformed("a path leads out"))
}

/// `path` and `linkpath` in records of POSIX: each `length key=value`.
fn names(records: &[u8]) -> (Option<String>, Option<String>) {
    let (mut path, mut link, mut rest) = (None, None, records);
    while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
        let length = std::str::from_utf8(&rest[..blank]).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(record) = length.and_then(|length| rest.get(blank + 1..length)) else { break };
        let pair = String::from_utf8_lossy(record);
        match pair.trim_end_matches('\n').split_once('=') {
            Some(("path", value)) => path = Some(value.to_owned()),
            Some(("linkpath", value)) => link = Some(value.to_owned()),
            _ => {}
        }
        rest = &rest[blank + 1 + record.len()..];
    }
    (path, link)
}

impl<R: Read> Archive<R> {
    /// Over its bytes.
    pub fn new(inner: R) -> Self {
        Archive { inner, left: 0, padding: 0 }
    }

    fn small(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_NAMES {
            return Err(malformed("a name is too long"));
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let rest = self.left + self.padding;
        if io::copy(&mut (&mut self.inner).take(rest), &mut io::sink())? != rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.left, self.padding) = (0, 0);
        let mut block = [0; BLOCK];
        match self.inner.read_exact(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum = block.iter().enumerate().map(|(at, byte)| match at {
            148..=155 => u64::from(b' '),
            _ => u64::from(*byte),
        });
        if number(&block[148..156])? != sum.sum::<u64>() {
            return Err(malformed("a header's sum is wrong"));
        }
        Ok(Some(block))
    }

    /// The next entry, whose content can be read from this until the one after it.
    ///
    /// # Errors
    /// Where it cannot be read, is malformed, or leads out of its folder.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        let (mut path, mut link) = (None, None);
        while let Some(block) = self.header()? {
            let size = number(&block[124..136])?;
            let kind = block[156];
            let holds = matches!(kind, b'0' | 0 | b'7' | b'L' | b'K' | b'x' | b'g');
            self.left = if holds { size } else { 0 };
            let padded = self.left.checked_next_multiple_of(BLOCK as u64);
            self.padding = padded.ok_or_else(|| malformed("a size"))? - self.left;
            match kind {
                b'L' => path = Some(text(&self.small(size)?)),
                b'K' => link = Some(text(&self.small(size)?)),
                b'x' => {
                    let (own_path, own_link) = names(&self.small(size)?);
                    (path, link) = (own_path.or(path), own_link.or(link));
                }
                // It holds for all that follow, and images' have no names in it.
                b'g' => {}
                kind => return self.entry(&block, kind, (path, link)).map(Some),
            }
        }
        Ok(None)
    }

    fn entry(
        &self,
        block: &[u8; BLOCK],
        kind: u8,
        (path, link): (Option<String>, Option<String>),
    ) -> io::Result<Entry> {
        let prefix = if &block[257..262] == b"ustar" && block[263] == b'0' {
            text(&block[345..500])
        } else {
            String::new()
        };
        let path = path.unwrap_or_else(|| format!("{prefix}/{}", text(&block[..100])));
        let link = link.unwrap_or_else(|| text(&block[157..257]));
        let kind = match kind {
            b'5' => Kind::Folder,
            b'2' => Kind::Link(link),
            b'1' => Kind::Same(parts(&link)?),
            // Before POSIX a folder was a file with a slash at its end.
            0 | b'0' if path.ends_with('/') => Kind::Folder,
            0 | b'0' | b'7' => Kind::File,
            _ => Kind::Other,
        };
        let mode = u32::try_from(number(&block[100..108])?).unwrap_or(0) & 0o7777;
        Ok(Entry { path: parts(&path)?, kind, mode, size: self.left })
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Goes past the present entry's content without reading it; says where it begins.
    ///
    /// # Errors
    /// Where what it is read from cannot be gone through.
    pub fn skip(&mut self) -> io::Result<u64> {
        let at = self.inner.stream_position()?;
        let rest = i64::try_from(self.left + self.padding).map_err(|_| malformed("a size"))?;
        self.inner.seek_relative(rest)?;
        (self.left, self.padding) = (0, 0);
        Ok(at)
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
pub mod samples {
    /// An archive of entries: path, kind, link, content.
    pub fn tar(entries: &[(&str, u8, &str, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (path, kind, link, content) in entries {
            let mut block = [0_u8; 512];
            block[..path.len()].copy_from_slice(path.as_bytes());
            block[100..107].copy_from_slice(b"0000755");
            block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            block[156] = *kind;
            block[157..157 + link.len()].copy_from_slice(link.as_bytes());
            block[257..263].copy_from_slice(b"ustar\0");
            block[263..265].copy_from_slice(b"00");
            block[148..156].copy_from_slice(b"        ");
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            all.extend(block);
            all.extend(*content);
            all.resize(all.len().next_multiple_of(512), 0);
        }
        all.extend([0; 1024]);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::samples::tar;
    use super::*;

    fn all(bytes: &[u8]) -> io::Result<Vec<(String, Kind, Vec<u8>)>> {
        let (mut archive, mut found) = (Archive::new(bytes), Vec::new());
        while let Some(entry) = archive.next_entry()? {
            let mut content = Vec::new();
            archive.read_to_end(&mut content)?;
            assert_eq!(entry.mode, 0o755);
            found.push((entry.path.join("/"), entry.kind, content));
        }
        Ok(found)
    }

    #[test]
    fn entries_are_read_in_their_order() {
        let bytes = tar(&[
            ("./bin/", b'5', "", b""),
            ("bin/a", b'0', "", b"content"),
            ("bin/b", b'2', "a", b""),
            ("bin/c", b'1', "./bin/a", b""),
            ("name", b'L', "", b"a/very/long/name\0"),
            ("a", b'0', "", b"1"),
            ("pax", b'x', "", b"12 path=e/f\n"),
            ("cut", b'0', "", &[7; 1000]),
            ("dev", b'3', "", b""),
        ]);
        let found = all(&bytes).unwrap();
        let named: Vec<(&str, &Kind)> = found.iter().map(|(path, kind, _)| (path.as_str(), kind)).collect();
        assert_eq!(
            named,
            [
                ("bin", &Kind::Folder),
                ("bin/a", &Kind::File),
                ("bin/b", &Kind::Link("a".to_owned())),
                ("bin/c", &Kind::Same(vec!["bin".to_owned(), "a".to_owned()])),
                ("a/very/long/name", &Kind::File),
                ("e/f", &Kind::File),
                ("dev", &Kind::Other),
            ]
        );
        assert_eq!((found[1].2.as_slice(), found[5].2.len()), (b"content".as_slice(), 1000));
    }

    #[test]
    fn contents_are_gone_past_without_reading() {
        let bytes = tar(&[("a", b'0', "", &[1; 700]), ("d/", b'5', "", b""), ("b", b'0', "", b"second")]);
        let mut archive = Archive::new(io::Cursor::new(bytes.as_slice()));
        let mut found = Vec::new();
        while let Some(entry) = archive.next_entry().unwrap() {
            let at = usize::try_from(archive.skip().unwrap()).unwrap();
            found.push((entry.path.join("/"), bytes[at..at + entry.size as usize].to_vec()));
        }
        let expected = [("a", vec![1; 700]), ("d", Vec::new()), ("b", b"second".to_vec())];
        assert_eq!(found, expected.map(|(path, content)| (path.to_owned(), content)));
    }

    #[test]
    fn a_size_beyond_all_is_no_panic() {
        let mut bytes = tar(&[("a", b'0', "", b"")]);
        bytes[124..136].fill(0xFF);
        bytes[148..156].fill(b' ');
        let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
        bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert!(all(&bytes).unwrap_err().to_string().contains("a size"));
    }

    #[test]
    fn what_is_damaged_or_leads_out_is_refused() {
        assert!(all(&tar(&[("a/../../b", b'0', "", b"")])).is_err());
        assert!(all(&tar(&[("a", b'1', "../b", b"")])).is_err());
        let whole = tar(&[("a", b'0', "", &[1; 2000])]);
        assert!(all(&whole[..1500]).is_err());
        let mut damaged = whole.clone();
        damaged[0] ^= 1;
        assert!(all(&damaged).is_err());
        assert_eq!(all(&[]).unwrap(), []);
    }
}
