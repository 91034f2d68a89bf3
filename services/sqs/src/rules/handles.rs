//! Receipt handles: which message, and which of its receives.

use store::Incarnation;

/// What a receipt handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The queue's incarnation.
    pub incarnation: Incarnation,
    /// The message's number.
    pub number: u64,
    /// Its count of receives when it was handed out.
    pub receives: u32,
}

impl Receipt {
    /// The bytes that are sealed.
    pub fn bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.incarnation.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_be_bytes());
        bytes[16..].copy_from_slice(&self.receives.to_be_bytes());
        bytes
    }

    /// The receipt of sealed bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (incarnation, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        Some(Receipt {
            incarnation: Incarnation(u64::from_be_bytes(*incarnation)),
            number: u64::from_be_bytes(*number),
            receives: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_is_read() {
        let receipt = Receipt { incarnation: Incarnation(7), number: u64::MAX, receives: 3 };
        assert_eq!(Receipt::read(&receipt.bytes()), Some(receipt));
        assert_eq!(Receipt::read(&receipt.bytes()[..19]), None);
        assert_eq!(Receipt::read(&[0; 21]), None);
    }
}
