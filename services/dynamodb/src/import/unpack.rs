//! Files of an import unpacked piece by piece: GZIP, Zstandard, or as they are. A little that is compressed may
//! be much, so a piece of the file is taken up before the next is unpacked.

use crate::state::backups::Compression;
use flate2::write::MultiGzDecoder;
use ruzstd::decoding::FrameDecoder;
use std::io::Write;

/// How many compressed bytes are taken up at once.
const PIECE: usize = 8 * 1024;
/// The longest block of a frame of Zstandard, in bytes (RFC 8878, section 3.1.1.2.3).
const MAX_BLOCK: usize = 128 * 1024;
/// How far a frame of Zstandard may look back, in bytes: what its levels up to 20 ask for.
const MAX_WINDOW: u64 = 32 * 1024 * 1024;
/// What begins a frame, and one that holds no data (RFC 8878, sections 3.1.1 and 3.1.2).
const FRAME: u32 = 0xFD2F_B528;
const SKIPPED: u32 = 0x184D_2A50;

/// Why a file is not read on: it is not compressed as it was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Unpacks one file.
pub struct Unpack {
    waiting: Vec<u8>,
    /// Nothing came: a file without bytes holds nothing, however it is said to be compressed.
    is_empty: bool,
    coding: Coding,
}

enum Coding {
    Plain,
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zstd(Box<FrameDecoder>, Place),
}

/// What comes next in a file of frames.
#[derive(Clone, Copy)]
enum Place {
    /// A frame.
    Frame,
    /// So many bytes that hold no data.
    Skip(usize),
    /// A block, of a frame that ends with a check sum or not.
    Block(bool),
    /// A check sum.
    Sum,
}

impl Unpack {
    /// Of a file that is compressed in a way.
    pub fn new(compression: Compression) -> Self {
        let coding = match compression {
            Compression::None => Coding::Plain,
            Compression::Gzip => Coding::Gzip(MultiGzDecoder::new(Vec::new())),
            Compression::Zstd => {
                let mut frames = Box::new(FrameDecoder::new());
                frames.set_max_window_size(MAX_WINDOW);
                Coding::Zstd(frames, Place::Frame)
            }
        };
        Unpack { waiting: Vec::new(), is_empty: true, coding }
    }

    /// Takes bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.is_empty &= bytes.is_empty();
        self.waiting.extend_from_slice(bytes);
    }

    /// The next bytes of what is in the file; `None` until more of it comes.
    ///
    /// # Errors
    /// Where it is not compressed so.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        match &mut self.coding {
            Coding::Plain => Ok(Some(std::mem::take(&mut self.waiting))),
            Coding::Gzip(gzip) => {
                let piece = self.waiting.len().min(PIECE);
                gzip.write_all(&self.waiting[..piece]).map_err(|_| Broken)?;
                self.waiting.drain(..piece);
                Ok(Some(std::mem::take(gzip.get_mut())))
            }
            Coding::Zstd(frames, place) => zstd(frames, place, &mut self.waiting),
        }
    }

    /// What is left behind the last byte of the file.
    ///
    /// # Errors
    /// Where the file ends too early.
    pub fn finish(&mut self) -> Result<Vec<u8>, Broken> {
        match &mut self.coding {
            _ if self.is_empty => Ok(Vec::new()),
            Coding::Plain => Ok(Vec::new()),
            Coding::Gzip(gzip) => {
                gzip.try_finish().map_err(|_| Broken)?;
                Ok(std::mem::take(gzip.get_mut()))
            }
            Coding::Zstd(_, place) => match place {
                Place::Frame if self.waiting.is_empty() => Ok(Vec::new()),
                _ => Err(Broken),
            },
        }
    }
}

/// Goes on until something is unpacked or more of the file is needed. Each block is given to the decoder alone:
/// it unpacks all that it gets at once.
fn zstd(
    frames: &mut FrameDecoder,
    place: &mut Place,
    waiting: &mut Vec<u8>,
) -> Result<Option<Vec<u8>>, Broken> {
    loop {
        let (taken, next) = match *place {
            Place::Frame => match frame(frames, waiting)? {
                Some(found) => found,
                None => return Ok(None),
            },
            Place::Skip(left) => {
                let taken = left.min(waiting.len());
                (taken, if taken == left { Place::Frame } else { Place::Skip(left - taken) })
            }
            Place::Block(is_summed) => match block(frames, waiting)? {
                Some((taken, false)) => (taken, Place::Block(is_summed)),
                Some((taken, true)) => (taken, if is_summed { Place::Sum } else { Place::Frame }),
                None => return Ok(None),
            },
            Place::Sum => {
                let Some(sum) = waiting.get(..4) else { return Ok(None) };
                frames.decode_from_to(sum, &mut []).map_err(|_| Broken)?;
                (4, Place::Frame)
            }
        };
        waiting.drain(..taken);
        let unpacked = match *place {
            Place::Block(_) | Place::Sum => frames.collect().unwrap_or_default(),
            Place::Frame | Place::Skip(_) => Vec::new(),
        };
        // The sum is of what was taken out of the decoder.
        let is_wrong = || frames.get_checksum_from_data() != frames.get_calculated_checksum();
        if matches!(place, Place::Sum) && is_wrong() {
            return Err(Broken);
        }
        *place = next;
        if !unpacked.is_empty() {
            return Ok(Some(unpacked));
        }
        if waiting.is_empty() {
            return Ok(None);
        }
    }
}

/// The length of the head of a frame, and what follows it.
fn frame(frames: &mut FrameDecoder, waiting: &[u8]) -> Result<Option<(usize, Place)>, Broken> {
    let number = |at: usize| {
        let bytes = waiting.get(at..at + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    match number(0) {
        None => Ok(None),
        Some(magic) if magic & !0xF == SKIPPED => {
            Ok(number(4).map(|length| (8, Place::Skip(length as usize))))
        }
        Some(FRAME) => {
            let Some(about) = waiting.get(4) else { return Ok(None) };
            let is_single = about & 0x20 != 0;
            let dictionary = [0, 1, 2, 4][usize::from(about & 3)];
            let size = match about >> 6 {
                0 => usize::from(is_single),
                power => 1 << power,
            };
            let length = 5 + usize::from(!is_single) + dictionary + size;
            let Some(head) = waiting.get(..length) else { return Ok(None) };
            frames.init(head).map_err(|_| Broken)?;
            Ok(Some((length, Place::Block(about & 4 != 0))))
        }
        Some(_) => Err(Broken),
    }
}

/// The length of a block that was unpacked, and whether it is the last of its frame.
fn block(frames: &mut FrameDecoder, waiting: &[u8]) -> Result<Option<(usize, bool)>, Broken> {
    let Some(head) = waiting.get(..3) else { return Ok(None) };
    let head = u32::from_le_bytes([head[0], head[1], head[2], 0]);
    let length = match (head >> 1) & 3 {
        1 => 1,
        _ => (head >> 3) as usize,
    };
    if length > MAX_BLOCK {
        return Err(Broken);
    }
    let Some(whole) = waiting.get(..3 + length) else { return Ok(None) };
    frames.decode_from_to(whole, &mut []).map_err(|_| Broken)?;
    Ok(Some((whole.len(), head & 1 == 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn unpacked(compression: Compression, file: &[u8], piece: usize) -> Result<Vec<u8>, Broken> {
        let (mut unpack, mut all) = (Unpack::new(compression), Vec::new());
        for bytes in file.chunks(piece) {
            unpack.push(bytes);
            while let Some(plain) = unpack.next()? {
                all.extend(plain);
            }
        }
        all.extend(unpack.finish()?);
        Ok(all)
    }

    fn zstandard(plain: &[u8]) -> Vec<u8> {
        compress_to_vec(plain, CompressionLevel::Fastest)
    }

    #[test]
    fn frames_follow_each_other_and_some_hold_nothing() {
        let plain: Vec<u8> = (0..400_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let skipped = [&SKIPPED.to_le_bytes()[..], &3u32.to_le_bytes(), b"abc"].concat();
        let file = [zstandard(&plain), skipped, zstandard(b"end")].concat();
        let expected = [&plain[..], b"end"].concat();
        for piece in [1 << 20, 1000, 7] {
            assert!(unpacked(Compression::Zstd, &file, piece) == Ok(expected.clone()), "{piece}");
        }
        assert_eq!(unpacked(Compression::Zstd, &file[..file.len() - 1], 1000), Err(Broken));
        assert_eq!(unpacked(Compression::Zstd, b"", 1), Ok(Vec::new()));
        assert_eq!(unpacked(Compression::Gzip, b"", 1), Ok(Vec::new()));
        assert_eq!(unpacked(Compression::Zstd, b"{\"Item\":{}}", 100), Err(Broken));
    }

    /// `printf 'hello hello hello hello' | zstd --check`, and with another byte in its check sum.
    #[test]
    fn a_check_sum_is_checked() {
        let mut file = zstandard(b"hello");
        let is_summed = file[4] & 4 != 0;
        assert!(is_summed, "the encoder writes check sums");
        assert_eq!(unpacked(Compression::Zstd, &file, 3), Ok(b"hello".to_vec()));
        let last = file.len() - 1;
        file[last] ^= 1;
        assert_eq!(unpacked(Compression::Zstd, &file, 3), Err(Broken));
    }

    /// 2 000 blocks of four bytes, each of which stands for 128 KiB.
    #[test]
    fn a_little_that_is_much_is_unpacked_block_by_block() {
        let mut file = [&FRAME.to_le_bytes()[..], &[0, 0x38]].concat();
        for number in 0..2_000u32 {
            let head = ((MAX_BLOCK as u32) << 3) | (1 << 1) | u32::from(number == 1_999);
            file.extend_from_slice(&head.to_le_bytes()[..3]);
            file.push(b'x');
        }
        let mut unpack = Unpack::new(Compression::Zstd);
        unpack.push(&file);
        let (mut sum, mut longest) = (0, 0);
        while let Some(plain) = unpack.next().unwrap() {
            sum += plain.len();
            longest = longest.max(plain.len());
        }
        assert_eq!(sum, 2_000 * MAX_BLOCK);
        assert!(longest <= 2 * MAX_BLOCK, "{longest}");
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1usize..50) {
            let framed = [&FRAME.to_le_bytes()[..], &bytes].concat();
            for file in [&bytes, &framed] {
                let _ = unpacked(Compression::Zstd, file, piece);
                let _ = unpacked(Compression::Gzip, file, piece);
            }
        }

        #[test]
        fn what_was_packed_comes_back(plain in prop::collection::vec(0u8..4, 0..5000), piece in 1usize..700) {
            prop_assert_eq!(unpacked(Compression::Zstd, &zstandard(&plain), piece), Ok(plain));
        }
    }
}
