//! Ids of events as FilterLogEvents answers them: 56 decimal digits whose highest bits are the event's
//! time, so that ids sort as events do.

use crate::state::Position;

/// The id of an event.
pub fn of(position: &Position) -> String {
    let mut bytes = [0_u8; 24];
    bytes[..6].copy_from_slice(&position.at.millis().to_be_bytes()[2..]);
    bytes[6..14].copy_from_slice(&position.batch.to_be_bytes());
    bytes[14..18].copy_from_slice(&position.index.to_be_bytes());
    decimal(bytes)
}

/// A number of 192 bits in decimal.
fn decimal(bytes: [u8; 24]) -> String {
    const BASE: u64 = 1_000_000_000;
    let (words, _) = bytes.as_chunks::<4>();
    let mut words: Vec<u64> = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).collect();
    let mut groups = Vec::with_capacity(7);
    while words.iter().any(|word| *word != 0) {
        let mut remainder = 0;
        for word in &mut words {
            let value = (remainder << 32) | *word;
            *word = value / BASE;
            remainder = value % BASE;
        }
        groups.push(remainder);
    }
    let digits: String = groups.iter().rev().map(|group| format!("{group:09}")).collect();
    format!("{:0>56}", digits.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Timestamp;

    /// The id in the API reference of FilterLogEvents is 31132629274945519779805322857203735586714454643391594505
    /// for an event at 1396035378988: that time shifted by 144 bits, and a rest.
    #[test]
    fn ids_begin_with_the_time() {
        let id = of(&Position::start_of(Timestamp(1_396_035_378_988)));
        assert_eq!(id, "31132629274945519778117619623095452069458600479065899008");
    }

    #[test]
    fn ids_sort_as_events_do() {
        let at = |at, batch, index| of(&Position { at: Timestamp(at), batch, index });
        let ids = [at(0, 0, 1), at(0, 1, 0), at(0, 1, 9999), at(1, 0, 0), at(1_767_225_600_000, 7, 3)];
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    }
}
