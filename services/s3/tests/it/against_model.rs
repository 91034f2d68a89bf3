//! The room against a simple model: random histories over odd keys, and after each the same answers to every
//! question: contents, versions, listings of all three kinds in pages of one to three.

use crate::model::{Bucket, Entry, Upload, Version};
use crate::{content, getting, putting, region, set_versioning};
use bytes::Bytes;
use model_s3::operations::*;
use model_s3::*;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use schema::{ApiError, Body};
use testkit::Region;

const BUCKET: &str = "bkt";

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    Put { key: String, size: usize, condition: Condition },
    Delete(String),
    DeleteVersion(String, Index),
    DeleteMany(Vec<String>),
    Copy { from: String, version: Option<Index>, to: String },
    Versioning(bool),
    Begin(String),
    Part { upload: Index, number: i32, size: usize },
    Complete { upload: Index, parts: usize },
    Abort(Index),
}

/// What a put is on the condition of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    Absent,
    Same,
    Other,
}

/// A question to a listing.
#[derive(Debug, Clone)]
struct Asked {
    prefix: String,
    delimiter: String,
    after: String,
    limit: i32,
}

fn key() -> impl Strategy<Value = String> {
    let odd = [
        "a",
        "a/",
        "a/b",
        "a//b",
        "a/b/c",
        "/",
        "//",
        "..",
        "../../etc/passwd",
        "./a",
        "a/../b",
        ".",
        "a\u{0}",
        "a\u{0}b",
        "\u{1}\u{1f}\u{7f}",
        "%2e%2e%2fa",
        "a+b c",
        " ",
        "é/é",
        "e\u{301}",
        "\u{ffff}",
        "\u{1F3B5}/\u{10FFFF}",
        "\u{10FFFF}",
    ];
    let long = ["x".repeat(1024), "\u{1D11E}".repeat(256), format!("a/{}", "é".repeat(511))];
    let odd: Vec<String> = odd.into_iter().map(str::to_owned).chain(long).collect();
    prop_oneof![4 => select(odd), 1 => "[ab/.é\u{1}\u{10FFFF} %+-]{1,4}"]
}

fn step() -> impl Strategy<Value = Step> {
    let condition = prop_oneof![
        6 => Just(Condition::None), 1 => Just(Condition::Absent), 1 => Just(Condition::Same), 1 => Just(Condition::Other)
    ];
    let index = any::<Index>;
    prop_oneof![
        8 => (key(), select(vec![0, 1, 100, 16_385, 40_000]), condition)
            .prop_map(|(key, size, condition)| Step::Put { key, size, condition }),
        4 => key().prop_map(Step::Delete),
        3 => (key(), index()).prop_map(|(key, at)| Step::DeleteVersion(key, at)),
        1 => proptest::collection::vec(key(), 1..4).prop_map(Step::DeleteMany),
        3 => (key(), proptest::option::of(index()), key())
            .prop_map(|(from, version, to)| Step::Copy { from, version, to }),
        2 => any::<bool>().prop_map(Step::Versioning),
        2 => key().prop_map(Step::Begin),
        4 => (index(), 1..4, select(vec![1usize, 20_000]))
            .prop_map(|(upload, number, size)| Step::Part { upload, number, size }),
        3 => (index(), 1usize..3).prop_map(|(upload, parts)| Step::Complete { upload, parts }),
        1 => index().prop_map(Step::Abort),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let prefix = prop_oneof![3 => Just(String::new()), 2 => select(vec!["a", "a/", "/", ".", "é", "\u{10FFFF}"]).prop_map(str::to_owned)];
    let delimiter = select(vec!["", "/", "/", "//", "a", "é", "."]).prop_map(str::to_owned);
    let after = prop_oneof![2 => Just(String::new()), 1 => key()];
    (prefix, delimiter, after, 1..4).prop_map(|(prefix, delimiter, after, limit)| Asked {
        prefix,
        delimiter,
        after,
        limit,
    })
}

/// The room and the model, side by side.
struct Pair {
    region: Region,
    model: Bucket,
    /// Makes contents differ.
    written: u8,
}

fn code<T>(result: &Result<T, ApiError>) -> String {
    result.as_ref().err().map_or_else(|| "ok".to_owned(), |error| error.code.to_string())
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn shown(id: Option<String>) -> String {
    id.unwrap_or_else(|| "null".to_owned())
}

impl Pair {
    fn fresh(&mut self, size: usize) -> Vec<u8> {
        self.written = self.written.wrapping_add(1);
        (0..size).map(|at| (at as u8).wrapping_mul(7) ^ self.written).collect()
    }

    fn pick<'a>(&'a self, at: &Index) -> Option<&'a String> {
        (!self.model.uploads.is_empty())
            .then(|| at.get(&self.model.uploads.keys().collect::<Vec<_>>()).to_owned())
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Put { key, size, condition } => self.put(&key, size, condition).await,
            Step::Delete(key) => {
                let input =
                    DeleteObjectInput { bucket: BUCKET.into(), key: key.clone(), ..Default::default() };
                let id = shown(self.region.call::<DeleteObject>(input).await.unwrap().version_id);
                self.model.delete(&key, &id);
            }
            Step::DeleteVersion(key, at) => self.delete_version(&key, &at).await,
            Step::DeleteMany(keys) => self.delete_many(keys).await,
            Step::Copy { from, version, to } => self.copy(&from, version, &to).await,
            Step::Versioning(on) => {
                let status =
                    if on { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
                set_versioning(&self.region, status.clone()).await;
                self.model.versioning = Some(status);
            }
            Step::Begin(key) => {
                let input = CreateMultipartUploadInput {
                    bucket: BUCKET.into(),
                    key: key.clone(),
                    ..Default::default()
                };
                let id = self.region.call::<CreateMultipartUpload>(input).await.unwrap().upload_id.unwrap();
                self.model.uploads.insert(id, Upload { key, ..Default::default() });
            }
            Step::Part { upload, number, size } => self.part(&upload, number, size).await,
            Step::Complete { upload, parts } => self.complete(&upload, parts).await,
            Step::Abort(at) => {
                let Some(id) = self.pick(&at).cloned() else { return };
                let key = self.model.uploads.remove(&id).unwrap().key;
                let input = AbortMultipartUploadInput {
                    bucket: BUCKET.into(),
                    key,
                    upload_id: id,
                    ..Default::default()
                };
                self.region.call::<AbortMultipartUpload>(input).await.unwrap();
            }
        }
    }

    async fn put(&mut self, key: &str, size: usize, condition: Condition) {
        let body = self.fresh(size);
        let held = self.model.object(key).map(|version| version.etag.clone());
        let mut input = putting(key, body.clone());
        let expected = match (condition, &held) {
            (Condition::None, _) | (Condition::Absent, None) | (Condition::Same, Some(_)) => "ok",
            (Condition::Absent, Some(_)) | (Condition::Other, Some(_)) => "PreconditionFailed",
            (Condition::Same | Condition::Other, None) => "NoSuchKey",
        };
        match condition {
            Condition::None => {}
            Condition::Absent => input.if_none_match = Some("*".into()),
            Condition::Same => input.if_match = Some(held.unwrap_or_else(|| "\"none\"".into())),
            Condition::Other => input.if_match = Some("\"another\"".into()),
        }
        let result = self.region.call::<PutObject>(input).await;
        assert_eq!(code(&result), expected, "{condition:?}");
        if let Ok(output) = result {
            let (id, etag) = (shown(output.version_id), output.e_tag.unwrap());
            self.model.put(key, Version { id, body: Some(body), etag });
        }
    }

    async fn delete_version(&mut self, key: &str, at: &Index) {
        let ids: Vec<String> =
            self.model.keys.get(key).into_iter().flatten().map(|version| version.id.clone()).collect();
        let id = if ids.is_empty() { "null".to_owned() } else { at.get(&ids).clone() };
        let marker = self.model.version(key, &id).is_some_and(|version| version.body.is_none());
        let version_id = Some(id.clone());
        let input =
            DeleteObjectInput { bucket: BUCKET.into(), key: key.into(), version_id, ..Default::default() };
        let output = self.region.call::<DeleteObject>(input).await.unwrap();
        assert_eq!((output.delete_marker, output.version_id), (marker.then_some(true), Some(id.clone())));
        self.model.remove(key, &id);
    }

    async fn delete_many(&mut self, keys: Vec<String>) {
        let objects = keys.iter().map(|key| ObjectIdentifier { key: key.clone(), ..Default::default() });
        let delete = Delete { objects: objects.collect(), quiet: None };
        let input = DeleteObjectsInput { bucket: BUCKET.into(), delete, ..Default::default() };
        let output = self.region.call::<DeleteObjects>(input).await.unwrap();
        assert!(output.errors.is_none());
        for (key, done) in keys.iter().zip(output.deleted.unwrap()) {
            assert_eq!(done.key.as_ref(), Some(key));
            self.model.delete(key, &shown(done.delete_marker_version_id));
        }
    }

    async fn copy(&mut self, from: &str, version: Option<Index>, to: &str) {
        let ids: Vec<String> =
            self.model.keys.get(from).into_iter().flatten().map(|version| version.id.clone()).collect();
        let named = version.filter(|_| !ids.is_empty()).map(|at| at.get(&ids).clone());
        let source = match &named {
            Some(id) => self.model.version(from, id).cloned(),
            None => self.model.object(from).cloned(),
        };
        let mut copy_source = format!("{BUCKET}/{}", percent(from));
        if let Some(id) = &named {
            copy_source += &format!("?versionId={id}");
        }
        let expected = match (&source, &named) {
            (None, _) => "NoSuchKey",
            (Some(Version { body: None, .. }), _) => "InvalidRequest",
            (Some(_), None) if from == to => "InvalidRequest",
            (Some(_), _) => "ok",
        };
        let input =
            CopyObjectInput { bucket: BUCKET.into(), key: to.into(), copy_source, ..Default::default() };
        let result = self.region.call::<CopyObject>(input).await;
        assert_eq!(code(&result), expected, "{from:?} {named:?} {to:?}");
        if let (Ok(output), Some(source)) = (result, source) {
            let etag = output.copy_object_result.and_then(|result| result.e_tag).unwrap();
            self.model.put(to, Version { id: shown(output.version_id), body: source.body, etag });
        }
    }

    async fn part(&mut self, at: &Index, number: i32, size: usize) {
        let Some(id) = self.pick(at).cloned() else { return };
        let body = self.fresh(size);
        let key = self.model.uploads[&id].key.clone();
        let input = UploadPartInput {
            bucket: BUCKET.into(),
            key,
            upload_id: id.clone(),
            part_number: number,
            body: Some(Body::from(Bytes::from(body.clone()))),
            ..Default::default()
        };
        let etag = self.region.call::<UploadPart>(input).await.unwrap().e_tag.unwrap();
        if let Some(upload) = self.model.uploads.get_mut(&id) {
            upload.parts.insert(number, (etag, body));
        }
    }

    async fn complete(&mut self, at: &Index, count: usize) {
        let Some(id) = self.pick(at).cloned() else { return };
        let Upload { key, parts } = self.model.uploads[&id].clone();
        let chosen: Vec<_> = parts.iter().take(count).collect();
        let named = chosen.iter().map(|(number, (etag, _))| CompletedPart {
            e_tag: Some(etag.clone()),
            part_number: Some(**number),
            ..Default::default()
        });
        let input = CompleteMultipartUploadInput {
            bucket: BUCKET.into(),
            key: key.clone(),
            upload_id: id.clone(),
            multipart_upload: Some(CompletedMultipartUpload { parts: Some(named.collect()) }),
            ..Default::default()
        };
        let result = self.region.call::<CompleteMultipartUpload>(input).await;
        // All parts here are below five megabytes, which only the last may be.
        let expected = ["MalformedXML", "ok", "EntityTooSmall"][chosen.len().min(2)];
        assert_eq!(code(&result), expected);
        if let Ok(output) = result {
            let body = Some(chosen[0].1.1.clone());
            let version = Version { id: shown(output.version_id), body, etag: output.e_tag.unwrap() };
            self.model.uploads.remove(&id);
            self.model.put(&key, version);
        }
    }

    /// Every version that there is says what was put, and nothing else is there.
    async fn same_contents(&self) {
        for (key, versions) in &self.model.keys {
            let newest = self.region.call::<GetObject>(getting(key)).await;
            match self.model.object(key) {
                None => assert_eq!(code(&newest), "NoSuchKey", "{key:?}"),
                Some(version) => {
                    let output = newest.unwrap();
                    assert_eq!(output.e_tag.as_ref(), Some(&version.etag));
                    assert_eq!(Some(content(&output).await.to_vec()), version.body, "{key:?}");
                }
            }
            for version in versions {
                let input = GetObjectInput { version_id: Some(version.id.clone()), ..getting(key) };
                let result = self.region.call::<GetObject>(input).await;
                match &version.body {
                    None => assert_eq!(code(&result), "MethodNotAllowed", "{key:?}"),
                    Some(body) => assert_eq!(&content(&result.unwrap()).await.to_vec(), body, "{key:?}"),
                }
            }
        }
    }

    /// All listings answer what the model does, page by page.
    async fn same_listings(&self, asked: &Asked) {
        let objects = self.model.listed(&asked.prefix, &asked.delimiter, &asked.after, false);
        self.by_token(asked, &objects).await;
        self.by_marker(asked, &objects).await;
        let versions = self.model.listed(&asked.prefix, &asked.delimiter, &asked.after, true);
        self.by_version(asked, &versions).await;
    }

    async fn by_token(&self, asked: &Asked, expected: &[Entry]) {
        let mut token = None;
        for (at, page) in pages(expected, asked.limit) {
            let input = ListObjectsV2Input {
                bucket: BUCKET.into(),
                prefix: Some(asked.prefix.clone()),
                delimiter: Some(asked.delimiter.clone()),
                start_after: Some(asked.after.clone()),
                max_keys: Some(asked.limit),
                continuation_token: token.clone(),
                ..Default::default()
            };
            let answer = self.region.call::<ListObjectsV2>(input).await.unwrap();
            // A page that is asked for by token does not say where the first one was to begin.
            assert_eq!(answer.start_after, Some(asked.after.clone()).filter(|_| token.is_none()));
            let keys: Vec<String> =
                answer.contents.into_iter().flatten().map(|object| object.key.unwrap()).collect();
            assert_eq!((keys, prefixes(answer.common_prefixes)), split(page), "{asked:?}");
            assert_eq!(answer.key_count, Some(page.len() as i32));
            assert_eq!(answer.is_truncated, Some(at + page.len() < expected.len()), "{asked:?}");
            token = answer.next_continuation_token;
            assert_eq!(token.is_some(), answer.is_truncated == Some(true));
        }
    }

    async fn by_marker(&self, asked: &Asked, expected: &[Entry]) {
        let mut marker = asked.after.clone();
        for (at, page) in pages(expected, asked.limit) {
            let input = ListObjectsInput {
                bucket: BUCKET.into(),
                prefix: Some(asked.prefix.clone()),
                delimiter: Some(asked.delimiter.clone()),
                max_keys: Some(asked.limit),
                marker: Some(marker),
                ..Default::default()
            };
            let answer = self.region.call::<ListObjects>(input).await.unwrap();
            let keys: Vec<String> =
                answer.contents.into_iter().flatten().map(|object| object.key.unwrap()).collect();
            // Without a delimiter the next page begins behind the last key.
            marker = answer.next_marker.or_else(|| keys.last().cloned()).unwrap_or_default();
            assert_eq!((keys, prefixes(answer.common_prefixes)), split(page), "{asked:?}");
            assert_eq!(answer.is_truncated, Some(at + page.len() < expected.len()), "{asked:?}");
        }
    }

    async fn by_version(&self, asked: &Asked, expected: &[Entry]) {
        let (mut key_marker, mut version_id_marker) = (Some(asked.after.clone()), None);
        for (at, page) in pages(expected, asked.limit) {
            let input = ListObjectVersionsInput {
                bucket: BUCKET.into(),
                prefix: Some(asked.prefix.clone()),
                delimiter: Some(asked.delimiter.clone()),
                max_keys: Some(asked.limit),
                key_marker,
                version_id_marker,
                ..Default::default()
            };
            let answer = self.region.call::<ListObjectVersions>(input).await.unwrap();
            let versions = answer.versions.into_iter().flatten().map(|version| Entry::Row {
                key: version.key.unwrap(),
                id: version.version_id.unwrap(),
                newest: version.is_latest.unwrap(),
                marker: false,
            });
            let markers = answer.delete_markers.into_iter().flatten().map(|marker| Entry::Row {
                key: marker.key.unwrap(),
                id: marker.version_id.unwrap(),
                newest: marker.is_latest.unwrap(),
                marker: true,
            });
            let of_page = |wanted: bool| -> Vec<Entry> {
                let kind = |entry: &&Entry| matches!(entry, Entry::Row { marker, .. } if *marker == wanted);
                page.iter().filter(kind).cloned().collect()
            };
            assert_eq!(versions.collect::<Vec<_>>(), of_page(false), "{asked:?}");
            assert_eq!(markers.collect::<Vec<_>>(), of_page(true), "{asked:?}");
            assert_eq!(prefixes(answer.common_prefixes), split(page).1, "{asked:?}");
            assert_eq!(answer.is_truncated, Some(at + page.len() < expected.len()), "{asked:?}");
            (key_marker, version_id_marker) = (answer.next_key_marker, answer.next_version_id_marker);
        }
    }
}

/// The pages of a listing with where each begins; one that is empty where there is nothing.
fn pages(entries: &[Entry], limit: i32) -> Vec<(usize, &[Entry])> {
    let size = usize::try_from(limit).unwrap();
    let mut pages: Vec<_> = entries.chunks(size).enumerate().map(|(at, page)| (at * size, page)).collect();
    if pages.is_empty() {
        pages.push((0, entries));
    }
    pages
}

/// The keys and the common prefixes of a page.
fn split(page: &[Entry]) -> (Vec<String>, Vec<String>) {
    let keys = page.iter().filter_map(|entry| match entry {
        Entry::Row { key, .. } => Some(key.clone()),
        Entry::Prefix(_) => None,
    });
    let prefixes = page.iter().filter_map(|entry| match entry {
        Entry::Prefix(prefix) => Some(prefix.clone()),
        Entry::Row { .. } => None,
    });
    (keys.collect(), prefixes.collect())
}

fn prefixes(found: Option<Vec<CommonPrefix>>) -> Vec<String> {
    found.into_iter().flatten().map(|prefix| prefix.prefix.unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_history_answers_as_the_model_does(
        steps in proptest::collection::vec(step(), 1..40),
        questions in proptest::collection::vec(asked(), 6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair { region: region().await, model: Bucket::default(), written: 0 };
            for step in steps {
                pair.take(step).await;
            }
            pair.same_contents().await;
            for asked in &questions {
                pair.same_listings(asked).await;
            }
        });
    }
}
