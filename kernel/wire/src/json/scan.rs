//! Finding the next byte of a string that needs care: a quote, a backslash or a control character.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes stand before it; all of them where there is none. Looks at eight at a time.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let hit = special(u64::from_le_bytes(*chunk));
        if hit != 0 {
            // Marks above the lowest may be false, the lowest never is.
            return index * 8 + hit.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    chunks.len() * 8 + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// A mark in the high bit of the lowest byte that is special.
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | below_space
}

#[cfg(test)]
mod tests {
    use super::plain_length;

    #[test]
    fn agrees_with_the_plain_search() {
        let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        for special in 0..=u8::MAX {
            for at in 0..20 {
                for next in [b'"', b'#', 0x1f, 0x20, 0x80, 0xff] {
                    let mut bytes = [b'a'; 20];
                    bytes[at] = special;
                    if let Some(byte) = bytes.get_mut(at + 1) {
                        *byte = next;
                    }
                    let expect = bytes.iter().position(is_special).unwrap_or(20);
                    assert_eq!(plain_length(&bytes), expect, "{special} at {at}");
                }
            }
        }
    }
}
