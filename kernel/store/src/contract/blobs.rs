//! Blobs: written in pieces, read whole and in ranges.

use super::{Place, open, wait_for};
use crate::{BLOCK, BlobRef, Fault, INLINE_LIMIT, Store};
use bytes::Bytes;
use std::ops::Range;

async fn part(store: &Store, blob: &BlobRef, range: Range<u64>) -> Vec<u8> {
    let mut reader = store.blobs().reader(blob, range).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await.unwrap() {
        assert!(piece.len() <= BLOCK && !piece.is_empty());
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(reader.remaining(), 0);
    bytes
}

/// Two and a half blocks in odd pieces.
pub fn large_values_and_ranges(place: &dyn Place) {
    let store = open(place);
    let bytes: Vec<u8> = (0..BLOCK * 5 / 2).map(|n| (n % 251) as u8).collect();
    wait_for(async {
        for piece in [1000, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let mut writer = store.blobs().writer().await.unwrap();
            for piece in bytes.chunks(piece) {
                writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            let blob = writer.finish().await.unwrap();
            assert_eq!(blob.length(), bytes.len() as u64);
            let (end, block) = (bytes.len() as u64, BLOCK as u64);
            for range in [0..end, 0..1, block - 1..block + 1, block..2 * block, end - 1..end, end..end, 5..5]
            {
                let expected = &bytes[range.start as usize..range.end as usize];
                assert_eq!(part(&store, &blob, range.clone()).await, expected, "{range:?}");
            }
            assert_eq!(part(&store, &blob, end - 3..end + 100).await, bytes[bytes.len() - 3..]);
            assert!(matches!(store.blobs().read(&blob, 10).await, Err(Fault::TooLarge { .. })));
        }
        let nothing = store.blobs().writer().await.unwrap().finish().await.unwrap();
        assert_eq!(part(&store, &nothing, 0..10).await, b"");
        let given_up = store.blobs().writer().await.unwrap();
        drop(given_up);
    });
}

/// Bytes up to the limit need no blob.
pub fn small_values_stay_in_the_reference(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let small = Bytes::from(vec![3; INLINE_LIMIT]);
        let kept = store.blobs().keep(small.clone()).await.unwrap();
        assert_eq!(kept, BlobRef::Inline(small.clone()));
        assert_eq!(store.blobs().read(&kept, INLINE_LIMIT).await, Ok(small));
        assert_eq!(part(&store, &kept, 5..8).await, [3; 3]);
        let large = store.blobs().keep(Bytes::from(vec![4; INLINE_LIMIT + 1])).await.unwrap();
        assert!(matches!(large, BlobRef::File { .. }));
        assert_eq!(part(&store, &large, 0..u64::MAX).await, vec![4; INLINE_LIMIT + 1]);
    });
}
