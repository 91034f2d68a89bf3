//! Unpacks bzip2, a piece at a time: what is unpacked is given out in pieces, so that a block that stands for
//! much more than it holds is never whole in memory. Streams may follow one another.

use bzip2::{Decompress, Status};

/// Why a text is not one of bzip2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Packed bytes on their way to what they stand for.
#[derive(Default)]
pub struct Unpacker {
    waiting: Vec<u8>,
    /// How many of the waiting bytes are read.
    read: usize,
    /// The stream that is being read.
    stream: Option<Decompress>,
    /// A stream was read to its end.
    any: bool,
}

impl Unpacker {
    /// Takes packed bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.waiting.drain(..std::mem::take(&mut self.read));
        self.waiting.extend_from_slice(bytes);
    }

    /// Unpacks at most so many bytes; none where more packed ones are needed, or there are no more. `end` where
    /// all were fed.
    ///
    /// # Errors
    /// Where they are not bzip2's.
    pub fn next(&mut self, most: usize, end: bool) -> Result<Vec<u8>, Broken> {
        let mut out = Vec::with_capacity(most);
        while out.is_empty() {
            let packed = &self.waiting[self.read..];
            if packed.is_empty() && self.stream.is_none() {
                return if end && !self.any { Err(Broken) } else { Ok(out) };
            }
            let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
            let before = stream.total_in();
            let status = stream.decompress_vec(packed, &mut out).map_err(|_| Broken)?;
            let taken = (stream.total_in() - before) as usize;
            self.read += taken;
            if status == Status::StreamEnd {
                (self.stream, self.any) = (None, true);
            } else if taken == 0 && out.is_empty() {
                return if end { Err(Broken) } else { Ok(out) };
            }
        }
        Ok(out)
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
