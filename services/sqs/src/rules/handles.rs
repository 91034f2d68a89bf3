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
    /// Whether the message has a row of its own.
    pub apart: bool,
}

impl Receipt {
    /// The bytes that are sealed.
    pub fn bytes(&self) -> [u8; 21] {
        let mut bytes = [0; 21];
        bytes[..8].copy_from_slice(&self.incarnation.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.receives.to_be_bytes());
        bytes[20] = u8::from(self.apart);
        bytes
    }

    /// The receipt of sealed bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (incarnation, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (receives, rest) = rest.split_first_chunk()?;
        let apart = match rest {
            // Handles ended here when all messages had rows of their own.
            [] => true,
            [apart @ 0..=1] => *apart == 1,
            _ => return None,
        };
        Some(Receipt {
            incarnation: Incarnation(u64::from_be_bytes(*incarnation)),
            number: u64::from_be_bytes(*number),
            receives: u32::from_be_bytes(*receives),
            apart,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_is_read() {
        let receipt = Receipt { incarnation: Incarnation(7), number: u64::MAX, receives: 3, apart: false };
        assert_eq!(Receipt::read(&receipt.bytes()), Some(receipt));
        assert_eq!(Receipt::read(&receipt.bytes()[..20]), Some(Receipt { apart: true, ..receipt }));
        assert_eq!(Receipt::read(&receipt.bytes()[..19]), None);
        assert_eq!(Receipt::read(&[2; 21]), None);
        assert_eq!(Receipt::read(&[0; 22]), None);
    }
}
