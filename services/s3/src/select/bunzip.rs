//! Unpacks bzip2, a piece at a time: blocks of at most 900 000 bytes before their runs are drawn out, each
//! checked against its sum. What is unpacked is given out in pieces, so that a block that stands for much more
//! than it holds is never whole in memory.
//!
//! The format has no standard of its own; this follows the description of it in Wikipedia's article "bzip2"
//! and was held against Python's `bz2`.

/// Why a text is not one of bzip2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Packed bytes that a block has at most: 20 bits for each of its symbols, and its tables.
const MAX_PACKED: usize = 900_000 * 20 / 8 + 64 * 1024;
const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;
/// Symbols that one table is used for before the next is chosen.
const GROUP: usize = 50;
const MAX_CODE_BITS: u32 = 20;

/// Where a read of bits stops: for lack of them, or for good.
enum Stop {
    More,
    Broken,
}

/// Bits, the highest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Result<u64, Stop> {
        if self.at + count as usize > self.bytes.len() * 8 {
            return Err(Stop::More);
        }
        let mut value = 0;
        for _ in 0..count {
            let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
            value = value << 1 | u64::from(bit);
            self.at += 1;
        }
        Ok(value)
    }

    fn flag(&mut self) -> Result<bool, Stop> {
        Ok(self.take(1)? == 1)
    }
}

/// A Huffman code: by the length of codes, the first of them, how many, and where their symbols begin.
struct Code {
    lengths: [(u32, u32, usize); MAX_CODE_BITS as usize + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn read(bits: &mut Bits<'_>, size: usize) -> Result<Self, Stop> {
        let mut of = Vec::with_capacity(size);
        let mut length = bits.take(5)?;
        for _ in 0..size {
            while bits.flag()? {
                length = if bits.flag()? { length.wrapping_sub(1) } else { length + 1 };
                if !(1..=u64::from(MAX_CODE_BITS)).contains(&length) {
                    return Err(Stop::Broken);
                }
            }
            if !(1..=u64::from(MAX_CODE_BITS)).contains(&length) {
                return Err(Stop::Broken);
            }
            of.push(length as u32);
        }
        let (mut lengths, mut symbols) = ([(0, 0, 0); MAX_CODE_BITS as usize + 1], Vec::with_capacity(size));
        let mut code = 0;
        for length in 1..=MAX_CODE_BITS {
            let begin = symbols.len();
            symbols.extend((0..size).filter(|symbol| of[*symbol] == length).map(|symbol| symbol as u16));
            let count = (symbols.len() - begin) as u32;
            lengths[length as usize] = (code, count, begin);
            code = (code + count) << 1;
        }
        Ok(Code { lengths, symbols })
    }

    fn next(&self, bits: &mut Bits<'_>) -> Result<u16, Stop> {
        let mut code = 0;
        for (first, count, begin) in &self.lengths[1..] {
            code = code << 1 | bits.take(1)? as u32;
            if let Some(place) = code.checked_sub(*first).filter(|place| place < count) {
                return self.symbols.get(begin + place as usize).copied().ok_or(Stop::Broken);
            }
        }
        Err(Stop::Broken)
    }
}

/// A block whose bytes are being given out.
struct Block {
    /// Each byte, and above it where the next one is.
    links: Vec<u32>,
    at: u32,
    left: usize,
    /// The byte before, and how often it stood there.
    last: Option<u8>,
    seen: u8,
    /// How often it is still to be drawn out.
    run: u8,
    sum: u32,
    expected: u32,
}

impl Block {
    fn read(bits: &mut Bits<'_>, limit: usize) -> Result<Self, Stop> {
        let expected = bits.take(32)? as u32;
        if bits.flag()? {
            // Blocks that were shuffled once more are of a version that nobody writes.
            return Err(Stop::Broken);
        }
        let origin = bits.take(24)? as usize;
        let mut used = Vec::new();
        let ranges = bits.take(16)?;
        for high in 0..16u8 {
            if ranges >> (15 - high) & 1 == 1 {
                let range = bits.take(16)?;
                used.extend((0..16u8).filter(|low| range >> (15 - low) & 1 == 1).map(|low| high << 4 | low));
            }
        }
        let bytes = symbols(bits, used, limit)?;
        if origin >= bytes.len() {
            return Err(Stop::Broken);
        }
        let (links, at) = linked(&bytes, origin);
        let left = bytes.len();
        Ok(Block { links, at, left, last: None, seen: 0, run: 0, sum: !0, expected })
    }

    /// Gives out bytes up to a limit; whether that were all.
    fn give(&mut self, limit: usize, out: &mut Vec<u8>) -> Result<bool, Broken> {
        while out.len() < limit {
            if let (Some(last), 1..) = (self.last, self.run) {
                self.run -= 1;
                self.push(last, out);
                continue;
            }
            if self.left == 0 {
                return if !self.sum == self.expected { Ok(true) } else { Err(Broken) };
            }
            let link = *self.links.get(self.at as usize).ok_or(Broken)?;
            let byte = (link & 0xFF) as u8;
            self.at = link >> 8;
            self.left -= 1;
            if self.seen == 4 {
                (self.run, self.seen) = (byte, 0);
                continue;
            }
            self.seen = if self.last == Some(byte) && self.seen > 0 { self.seen + 1 } else { 1 };
            self.last = Some(byte);
            self.push(byte, out);
        }
        Ok(false)
    }

    fn push(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.sum = self.sum << 8 ^ SUMS[(self.sum >> 24) as usize ^ usize::from(byte)];
        out.push(byte);
    }
}

/// The symbols of a block: moved to the front when used, runs of the front one counted in two digits.
fn symbols(bits: &mut Bits<'_>, mut used: Vec<u8>, limit: usize) -> Result<Vec<u8>, Stop> {
    if used.is_empty() {
        return Err(Stop::Broken);
    }
    let tables = bits.take(3)? as usize;
    let groups = bits.take(15)? as usize;
    if !(2..=6).contains(&tables) || groups == 0 {
        return Err(Stop::Broken);
    }
    let mut order: Vec<usize> = (0..tables).collect();
    let mut choices = Vec::with_capacity(groups);
    for _ in 0..groups {
        let mut place = 0;
        while bits.flag()? {
            place += 1;
            if place == tables {
                return Err(Stop::Broken);
            }
        }
        order[..=place].rotate_right(1);
        choices.push(order[0]);
    }
    let end = used.len() as u16 + 1;
    let mut codes = Vec::with_capacity(tables);
    for _ in 0..tables {
        codes.push(Code::read(bits, used.len() + 2)?);
    }
    let mut out = Vec::new();
    let (mut run, mut digit) = (0usize, 1usize);
    for choice in choices {
        let code = &codes[choice];
        for _ in 0..GROUP {
            let symbol = code.next(bits)?;
            if symbol <= 1 {
                run += digit << symbol;
                digit <<= 1;
                if run > limit {
                    return Err(Stop::Broken);
                }
                continue;
            }
            if out.len() + run > limit {
                return Err(Stop::Broken);
            }
            out.resize(out.len() + run, used[0]);
            (run, digit) = (0, 1);
            if symbol == end {
                return Ok(out);
            }
            let place = usize::from(symbol) - 1;
            if place >= used.len() || out.len() == limit {
                return Err(Stop::Broken);
            }
            used[..=place].rotate_right(1);
            out.push(used[0]);
        }
    }
    Err(Stop::Broken)
}

/// The bytes of a block in the order in which they stood before they were sorted: as a chain, and its begin.
fn linked(bytes: &[u8], origin: usize) -> (Vec<u32>, u32) {
    let mut begins = [0usize; 256];
    for byte in bytes {
        begins[usize::from(*byte)] += 1;
    }
    let mut sum = 0;
    for begin in &mut begins {
        sum += std::mem::replace(begin, sum);
    }
    let mut links: Vec<u32> = bytes.iter().map(|byte| u32::from(*byte)).collect();
    for (at, byte) in bytes.iter().enumerate() {
        let place = &mut begins[usize::from(*byte)];
        links[*place] |= (at as u32) << 8;
        *place += 1;
    }
    let first = links[origin] >> 8;
    (links, first)
}

/// The table of the sum that blocks bear.
const SUMS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = ((byte as u32) << 24, 0);
        while bit < 8 {
            sum = if sum & 0x8000_0000 != 0 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// Packed bytes on their way to what they stand for.
#[derive(Default)]
pub struct Unpacker {
    waiting: Vec<u8>,
    /// Bits of the first waiting byte that are read.
    bit: usize,
    /// Most bytes of a block, within a stream.
    limit: Option<usize>,
    /// The sums of the blocks of a stream so far, folded into one.
    sum: u32,
    block: Option<Block>,
    any: bool,
}

impl Unpacker {
    /// Takes packed bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Unpacks at most so many bytes; none where more packed ones are needed, or there are no more. `end` where
    /// all were fed.
    ///
    /// # Errors
    /// Where they are not bzip2's.
    pub fn next(&mut self, most: usize, end: bool) -> Result<Vec<u8>, Broken> {
        let mut out = Vec::new();
        while out.is_empty() {
            if let Some(block) = &mut self.block {
                if block.give(most, &mut out)? {
                    self.sum = self.sum.rotate_left(1) ^ block.expected;
                    self.block = None;
                }
                continue;
            }
            if !end && self.waiting.len() < MAX_PACKED {
                return Ok(out);
            }
            let mut bits = Bits { bytes: &self.waiting, at: self.bit };
            let read = part(&mut bits, &mut self.limit, &mut self.sum);
            let at = bits.at;
            match read {
                Ok(block) => self.block = block,
                Err(Stop::More) if self.waiting.is_empty() && self.limit.is_none() && self.any => {
                    return Ok(out);
                }
                Err(_) => return Err(Broken),
            }
            self.any = true;
            self.waiting.drain(..at / 8);
            self.bit = at % 8;
        }
        Ok(out)
    }
}

/// The next part of a text: the head of a stream, a block of it, or its end.
fn part(bits: &mut Bits<'_>, limit: &mut Option<usize>, sum: &mut u32) -> Result<Option<Block>, Stop> {
    let Some(most) = *limit else {
        if bits.take(24)? != 0x42_5A68 {
            return Err(Stop::Broken);
        }
        return match bits.take(8)? {
            level @ 0x31..=0x39 => {
                *limit = Some((level - 0x30) as usize * 100_000);
                *sum = 0;
                Ok(None)
            }
            _ => Err(Stop::Broken),
        };
    };
    match bits.take(48)? {
        BLOCK => Block::read(bits, most).map(Some),
        END => {
            if bits.take(32)? as u32 != *sum {
                return Err(Stop::Broken);
            }
            bits.at = bits.at.next_multiple_of(8);
            *limit = None;
            Ok(None)
        }
        _ => Err(Stop::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn unpacked(packed: &[u8], step: usize) -> Result<Vec<u8>, Broken> {
        let (mut unpacker, mut out) = (Unpacker::default(), Vec::new());
        for piece in packed.chunks(step) {
            unpacker.feed(piece);
            out.extend(unpacker.next(1000, false)?);
        }
        loop {
            match unpacker.next(1000, true)? {
                piece if piece.is_empty() => return Ok(out),
                piece => out.extend(piece),
            }
        }
    }

    const ALL: [u8; 256] = {
        let (mut all, mut at) = ([0; 256], 0);
        while at < 256 {
            all[at] = at as u8;
            at += 1;
        }
        all
    };

    /// Made by Python's `bz2.compress`.
    const CASES: [(&str, &[u8], usize); 4] = [
        ("QlpoOTFBWSZTWao7dQsAAATZAAAQAAQ4ADgAIAAxDAgaaMJWnLKCR4u5IpwoSFUduoWA", b"a,b,c\x0a1,2,3\x0a", 1),
        (
            "QlpoOTFBWSZTWU4/bBkAAQPXgAAQQAUCAAQAN+eaICAAkCjRkDRpkaBSqmgaeoGj1NOImAnITAmRO4TYJqE1E4CeBOAnwTImwmQnET2JgVewn4J8EyJgJoJkTQTcJyCbhP4u5IpwoSCcftgy",
            b"The bard sings of Elysium, and of Elysium.\x0a",
            40,
        ),
        ("QlpoOTFBWSZTWd9HTW8AAkxAgMAABAAACCAAMMwFKaYURsRRHi7kinChIb6Omt4=", b"\x00", 300000),
        (
            "QlpoOTFBWSZTWfAudWwAAA7/////////////////////////////////////////////0ANcAAAASYACYAAmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACTAATAAEwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAASYACYAAmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAmqqqAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABJgAJgACYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAf9DAIYDDAoYHDBIYLDBoYPDCIYTDCoYXDDIYbDDoYfDEIYjDEoYnDFIYrDFoYvDGIYzDGoY3DHIY7DHoY/DIIZDDIoZHDJIZLDJoZPDKIZTDKoZXDLIZbDLoZfDMIZjDMoZnDNIZrDNoZvDOIZzDOoZ3DPIZ7DPoZ/DQIaDDQoaHDRIaLDRoaPDSIaTDSoaXDTIabDToafDUIajDUoanDVIarDVoavDWIazDWoa3DXIa7DXoa/DYIbDDYobHDZIbLDZobPDaIbTDaobXDbIbbDbobfDcIbjDcobnDdIbrDdobvDeIbzDeob3DfIb7Dfob/DgIcDDgocHDhIcLDhocPDiIcTDiocXDjIcbDjocfDkIcjDkocnDlIcrDlocvDmIczDmoc3DnIc7Dnoc/DoIdDDoodHDpIdLDpodPDqIdTDqodXDrIdbDrodfDsIdjDsodnDtIdrDtodvDuIdzDuod3DvId7Dvod/DwIeDDwoeHDxIeLDxoePDyIeTDyoeXDzIebDzoefD0IejD0oenD1IerD1oevD2IezD2oe3D3Ie7D3oe/D4IfDD4ofHD5IfLD5ofPD6IfTD6ofXD7IfbD7offD8IfjD8ofnD9IfrD9ofvD+IfzD+of3D/If7D/of+LuSKcKEh4Fzq2AA==",
            &ALL,
            30,
        ),
    ];

    #[test]
    fn what_python_packed() {
        for (packed, unit, times) in CASES {
            let packed = STANDARD.decode(packed).unwrap();
            for step in [1, 7, packed.len()] {
                assert_eq!(unpacked(&packed, step), Ok(unit.repeat(times)));
            }
            // Streams may follow one another.
            let twice = [packed.clone(), packed.clone()].concat();
            assert_eq!(unpacked(&twice, 100), Ok(unit.repeat(2 * times)));
            for cut in [1, packed.len() / 2, packed.len() - 1] {
                assert_eq!(unpacked(&packed[..cut], 100), Err(Broken), "{cut}");
            }
        }
        assert_eq!(unpacked(b"", 1), Err(Broken));
        assert_eq!(unpacked(b"a,b\n1,2\n", 3), Err(Broken));
    }

    /// A changed byte is noticed, or means nothing; none makes it panic.
    #[test]
    fn damage_is_noticed() {
        let packed = STANDARD.decode(CASES[1].0).unwrap();
        let whole = unpacked(&packed, 100).unwrap();
        let mut noticed = 0;
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            match unpacked(&damaged, 100) {
                Err(Broken) => noticed += 1,
                // Some codes are announced twice and used once.
                Ok(other) => assert!(other == whole, "{at}"),
            }
        }
        assert!(noticed > packed.len() * 3 / 4, "{noticed} of {}", packed.len());
    }
}
