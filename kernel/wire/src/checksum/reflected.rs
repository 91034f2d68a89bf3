//! Reflected cyclic redundancy checks of up to 64 bits, eight bytes at a time from tables made at compile
//! time.

type Tables = [[u64; 256]; 8];

const fn tables(polynomial: u64) -> Tables {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut register = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            register = if register & 1 == 1 { register >> 1 ^ polynomial } else { register >> 1 };
            bit += 1;
        }
        tables[0][byte] = register;
        byte += 1;
    }
    let mut byte = 0;
    while byte < 256 {
        let mut table = 1;
        while table < 8 {
            let before = tables[table - 1][byte];
            tables[table][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            table += 1;
        }
        byte += 1;
    }
    tables
}

/// The polynomials of CRC-32C and CRC-64/NVME, their bits reversed.
static CRC32C: Tables = tables(0x82f6_3b78);
static CRC64NVME: Tables = tables(0x9a6c_9329_ac4b_c9b5);

/// A check in the making.
#[derive(Clone)]
pub(super) struct Reflected {
    tables: &'static Tables,
    register: u64,
    /// All ones in the width of the check: what the register starts from and ends with.
    ones: u64,
}

impl Reflected {
    pub(super) fn crc32c() -> Self {
        let ones = u64::from(u32::MAX);
        Reflected { tables: &CRC32C, register: ones, ones }
    }

    pub(super) fn crc64nvme() -> Self {
        Reflected { tables: &CRC64NVME, register: u64::MAX, ones: u64::MAX }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            let mixed = (self.register ^ u64::from_le_bytes(*chunk)).to_le_bytes();
            let parts = mixed.iter().zip(self.tables.iter().rev());
            self.register = parts.fold(0, |all, (byte, table)| all ^ table[usize::from(*byte)]);
        }
        for byte in rest {
            let index = (self.register & 0xff) as u8 ^ byte;
            self.register = self.register >> 8 ^ self.tables[0][usize::from(index)];
        }
    }

    pub(super) fn value(&self) -> u64 {
        self.register ^ self.ones
    }
}
