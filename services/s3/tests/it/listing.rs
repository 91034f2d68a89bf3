//! Listings over HTTP-free calls: paging by token and marker, prefixes, encoded keys.

use crate::{put, region};
use model_s3::operations::*;
use model_s3::*;

const KEYS: [&str; 9] = ["a//b", "a/1", "a/2", "b", "c d/é", "c d/\u{10FFFF}", "d", "e/", "\u{1F3B5}"];

#[tokio::test]
async fn tokens_lead_through_all_keys() {
    let region = region().await;
    for key in KEYS {
        put(&region, key, "x").await;
    }
    for limit in [1, 2, 1000] {
        let (mut keys, mut token) = (Vec::new(), None);
        loop {
            let input = ListObjectsV2Input {
                bucket: "bkt".into(),
                max_keys: Some(limit),
                continuation_token: token,
                ..Default::default()
            };
            let page = region.call::<ListObjectsV2>(input).await.unwrap();
            assert_eq!(page.key_count, Some(page.contents.as_ref().unwrap().len() as i32));
            keys.extend(page.contents.unwrap().into_iter().map(|object| object.key.unwrap()));
            token = page.next_continuation_token;
            assert_eq!(page.is_truncated, Some(token.is_some()));
            if token.is_none() {
                break;
            }
        }
        assert_eq!(keys, KEYS, "{limit}");
    }
    let forged = ListObjectsV2Input {
        bucket: "bkt".into(),
        continuation_token: Some("x".into()),
        ..Default::default()
    };
    assert_eq!(region.refused::<ListObjectsV2>(forged).await.code, "InvalidArgument");
}

#[tokio::test]
async fn folders_by_marker() {
    let region = region().await;
    for key in KEYS {
        put(&region, key, "x").await;
    }
    let (mut entries, mut marker) = (Vec::new(), None);
    loop {
        let input = ListObjectsInput {
            bucket: "bkt".into(),
            delimiter: Some("/".into()),
            max_keys: Some(1),
            marker,
            ..Default::default()
        };
        let page = region.call::<ListObjects>(input).await.unwrap();
        entries.extend(page.contents.unwrap().into_iter().map(|object| object.key.unwrap()));
        entries.extend(page.common_prefixes.into_iter().flatten().map(|prefix| prefix.prefix.unwrap()));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(entries, ["a/", "b", "c d/", "d", "e/", "\u{1F3B5}"]);
}

#[tokio::test]
async fn encoded_keys_and_start_after() {
    let region = region().await;
    for key in KEYS {
        put(&region, key, "x").await;
    }
    let input = ListObjectsV2Input {
        bucket: "bkt".into(),
        prefix: Some("c d/".into()),
        encoding_type: Some(EncodingType::Url),
        start_after: Some("c d/é".into()),
        fetch_owner: Some(true),
        ..Default::default()
    };
    let page = region.call::<ListObjectsV2>(input).await.unwrap();
    assert_eq!(page.prefix.as_deref(), Some("c+d/"));
    let objects = page.contents.unwrap();
    assert_eq!(objects[0].key.as_deref(), Some("c+d/%F4%8F%BF%BF"));
    assert_eq!((objects.len(), objects[0].owner.is_some(), objects[0].size), (1, true, Some(1)));
}
