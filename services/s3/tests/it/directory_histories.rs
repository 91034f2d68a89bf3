//! Random histories of puts, appends, renames, copies and deletes in a directory bucket, held against a map: after each
//! step the same keys, contents and checksums.

use crate::content;
use crate::directory_buckets::{BUCKET, appending, base64, getting, putting, region, renaming};
use model_s3::operations::*;
use model_s3::*;
use proptest::prelude::*;
use proptest::sample::select;
use service::checksum::Algorithm;
use std::collections::BTreeMap;
use testkit::Region;

/// A step of a history.
#[derive(Debug, Clone)]
enum Step {
    Put(String, usize),
    Append { key: String, size: usize, misses: bool },
    Rename { from: String, to: String, only_new: bool },
    Copy(String, String),
    Delete(String),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || select(vec!["a", "a/b", "a//b", "..", "é"]).prop_map(str::to_owned);
    let size = || select(vec![1usize, 100, 16_384, 16_385, 40_000]);
    prop_oneof![
        3 => (key(), select(vec![0usize, 1, 100, 16_385])).prop_map(|(key, size)| Step::Put(key, size)),
        6 => (key(), size(), prop::bool::weighted(0.2))
            .prop_map(|(key, size, misses)| Step::Append { key, size, misses }),
        4 => (key(), key(), prop::bool::weighted(0.3))
            .prop_map(|(from, to, only_new)| Step::Rename { from, to, only_new }),
        1 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => key().prop_map(Step::Delete),
    ]
}

type Model = BTreeMap<String, Vec<u8>>;

async fn take(region: &Region, model: &mut Model, step: &Step, written: u8) {
    let fresh = |size: usize| vec![written; size];
    match step {
        Step::Put(key, size) => {
            region.call::<PutObject>(putting(key, fresh(*size))).await.unwrap();
            model.insert(key.clone(), fresh(*size));
        }
        Step::Append { key, size, misses } => {
            let end = model.get(key).map_or(0, Vec::len);
            let offset = if *misses { end + 1 } else { end };
            let done = region.call::<PutObject>(appending(key, offset, fresh(*size))).await;
            assert_eq!(done.is_err(), *misses, "{done:?}");
            if !misses {
                model.entry(key.clone()).or_default().extend(fresh(*size));
            }
        }
        Step::Rename { from, to, only_new } => {
            let none_match = only_new.then(|| "*".to_owned());
            let input = RenameObjectInput { destination_if_none_match: none_match, ..renaming(from, to) };
            let done = region.call::<RenameObject>(input).await;
            let may = model.contains_key(from) && from != to && !(*only_new && model.contains_key(to));
            assert_eq!(done.is_ok(), may, "{done:?}");
            if let Some(moved) = may.then(|| model.remove(from)).flatten() {
                model.insert(to.clone(), moved);
            }
        }
        Step::Copy(from, to) => {
            let copy_source = format!("{BUCKET}/{from}").replace('é', "%C3%A9");
            let input =
                CopyObjectInput { bucket: BUCKET.into(), key: to.clone(), copy_source, ..Default::default() };
            let done = region.call::<CopyObject>(input).await;
            if done.is_ok() {
                model.insert(to.clone(), model[from].clone());
            } else {
                assert!(from == to || !model.contains_key(from));
            }
        }
        Step::Delete(key) => {
            let input = DeleteObjectInput { bucket: BUCKET.into(), key: key.clone(), ..Default::default() };
            region.call::<DeleteObject>(input).await.unwrap();
            model.remove(key);
        }
    }
}

async fn compare(region: &Region, model: &Model) {
    let listing = ListObjectsV2Input { bucket: BUCKET.into(), ..Default::default() };
    let listed = region.call::<ListObjectsV2>(listing).await.unwrap().contents.unwrap_or_default();
    let listed: BTreeMap<String, i64> =
        listed.into_iter().map(|object| (object.key.unwrap(), object.size.unwrap())).collect();
    let expected: BTreeMap<String, i64> =
        model.iter().map(|(key, bytes)| (key.clone(), bytes.len() as i64)).collect();
    assert_eq!(listed, expected);
    for (key, bytes) in model {
        let input = GetObjectInput { checksum_mode: Some(ChecksumMode::Enabled), ..getting(key) };
        let output = region.call::<GetObject>(input).await.unwrap();
        assert_eq!(
            output.checksum_crc64_nvme.clone(),
            Some(base64(&Algorithm::Crc64Nvme.of(bytes))),
            "{key}"
        );
        assert_eq!(content(&output).await, *bytes, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn histories_of_appends_and_renames(steps in proptest::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let (region, mut model) = (region().await, Model::new());
            for (at, step) in steps.iter().enumerate() {
                take(&region, &mut model, step, at as u8 + 1).await;
                compare(&region, &model).await;
            }
            // All are given back: the bucket can go once it is empty.
            for key in model.keys() {
                let input = DeleteObjectInput { bucket: BUCKET.into(), key: key.clone(), ..Default::default() };
                region.call::<DeleteObject>(input).await.unwrap();
            }
            let gone = DeleteBucketInput { bucket: BUCKET.into(), ..Default::default() };
            region.call::<DeleteBucket>(gone).await.unwrap();
            region.stop().await;
        });
    }
}
