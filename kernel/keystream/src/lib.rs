//! AES-256 in counter mode (NIST SP 800-38A, section 6.5): the cipher of bytes that are read in any piece.
//!
//! The blocks are the library's; the mode is written here. Counters are made and encrypted four kilobytes at a time,
//! which keeps the processor's widest instructions for it busy: the library's own mode, which gives them fewer, took
//! half as long again. The crate is one of its own so that it is optimised in every build, as the library is.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Blocks of the stream that are made at once.
const BATCH: usize = 256;

/// A stream of bytes that a key stands for, of which any piece can be made.
pub struct Keystream {
    cipher: Aes256,
    /// The upper half of every counter; the lower one is the block's place.
    upper: u64,
}

impl Keystream {
    /// The stream of a key whose counter begins at zero: for keys of which each is used for one stream.
    pub fn new(key: &[u8; 32]) -> Self {
        Keystream { cipher: Aes256::new(&Array::from(*key)), upper: 0 }
    }

    /// Adds the stream from a place on to bytes, bit by bit: encrypts them, or decrypts what was encrypted.
    pub fn apply(&self, at: u64, bytes: &mut [u8]) {
        let size = BLOCK as u64;
        let (mut block, within) = (at / size, (at % size) as usize);
        let (head, whole) = bytes.split_at_mut(bytes.len().min((BLOCK - within) % BLOCK));
        let mut stream = [aes::Block::default(); BATCH];
        if !head.is_empty() {
            self.fill(block, &mut stream[..1]);
            add(&stream[0][within..], head);
            block += 1;
        }
        for batch in whole.chunks_mut(BATCH * BLOCK) {
            let blocks = batch.len().div_ceil(BLOCK);
            self.fill(block, &mut stream[..blocks]);
            add(aes::Block::slice_as_flattened(&stream), batch);
            block += blocks as u64;
        }
    }

    /// Makes the blocks of the stream from a place on.
    fn fill(&self, first: u64, stream: &mut [aes::Block]) {
        let upper = u128::from(self.upper) << 64;
        for (ahead, block) in (0u64..).zip(&mut *stream) {
            *block = Array((upper | u128::from(first.wrapping_add(ahead))).to_be_bytes());
        }
        self.cipher.encrypt_blocks(stream);
    }
}

/// Adds the stream to no more bytes than there are of it.
fn add(stream: &[u8], bytes: &mut [u8]) {
    bytes.iter_mut().zip(stream).for_each(|(byte, own)| *byte ^= own);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    /// NIST SP 800-38A, F.5.5.
    #[test]
    fn the_standards_vector() {
        let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        // The counter f0f1f2f3f4f5f6f7 f8f9fafbfcfdfeff.
        let (upper, first) = (0xf0f1_f2f3_f4f5_f6f7, 0xf8f9_fafb_fcfd_feff_u64);
        let mut text: [u8; 64] = bytes(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        let stream = Keystream { upper, ..Keystream::new(&key) };
        let mut blocks = [aes::Block::default(); 4];
        stream.fill(first, &mut blocks);
        add(aes::Block::slice_as_flattened(&blocks), &mut text);
        let encrypted: [u8; 64] = bytes(
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
             2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
        );
        assert_eq!(text, encrypted);
    }

    /// Whatever the piece, its bytes are those of the whole; beyond a batch, and across its edges.
    #[test]
    fn any_piece_is_of_the_whole() {
        let stream = Keystream::new(&[7; 32]);
        let edge = BATCH * BLOCK;
        let mut whole = vec![0; 3 * edge];
        stream.apply(0, &mut whole);
        for begin in [0, 1, 15, 16, 17, edge - 1, edge, edge + 5] {
            for length in [0, 1, 14, 15, 16, 17, 31, edge - 1, edge, edge + 1] {
                let mut piece = vec![0; length];
                stream.apply(begin as u64, &mut piece);
                assert_eq!(piece, whole[begin..begin + length], "{length} from {begin}");
            }
        }
    }
}
