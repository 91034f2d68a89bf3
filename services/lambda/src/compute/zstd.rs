//! Layers compressed with Zstandard: all frames of a file, one after the other, since tools write several that others
//! may read one of (RFC 8878, section 3).

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// How far a frame may look back, in bytes: what levels up to 20 ask for.
const MAX_WINDOW: u64 = 32 * 1024 * 1024;

/// What frames hold.
pub struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    begun: bool,
}

impl<R: BufRead> Frames<R> {
    /// Of the frames of a file.
    pub fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Frames { source, decoder, begun: false }
    }

    /// Begins the next frame that holds data; whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            while self.begun && self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
            }
            let read = if self.begun { self.decoder.read(buffer)? } else { 0 };
            if read > 0 {
                return Ok(read);
            }
            self.begun = self.begin()?;
            if !self.begun {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn plain(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Frames::new(io::BufReader::with_capacity(7, file)).read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn all_frames_are_read_and_those_without_data_passed_over() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let frame = |part: &[u8]| compress_to_vec(part, CompressionLevel::Fastest);
        let skipped = [&0x184D_2A50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
        let (first, second) = text.split_at(100_000);
        let file = [skipped.clone(), frame(first), frame(&[]), skipped, frame(second)].concat();
        assert!(plain(&file).unwrap() == text);
        assert_eq!(plain(b"").unwrap(), b"");
        for cut in [5, 14, file.len() / 2, file.len() - 1] {
            assert!(plain(&file[..cut]).is_err(), "{cut}");
        }
        assert!(plain(b"\x28\xb5\x2f\xfdnonsense").is_err());
    }
}
