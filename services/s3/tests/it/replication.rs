//! Copies in other buckets.

use crate::{content, create, getting, pattern, putting, versioned};
use model_s3::operations::*;
use model_s3::*;
use schema::Body;
use testkit::Region;

async fn replicating() -> Region {
    let region = versioned().await;
    create(&region, "copies").await;
    let versioning = PutBucketVersioningInput {
        bucket: "copies".into(),
        versioning_configuration: VersioningConfiguration {
            status: Some(BucketVersioningStatus::Enabled),
            mfa_delete: None,
        },
        ..Default::default()
    };
    region.call::<PutBucketVersioning>(versioning).await.unwrap();
    let rule = ReplicationRule {
        id: Some("all".into()),
        priority: Some(1),
        status: ReplicationRuleStatus::Enabled,
        filter: Some(ReplicationRuleFilter { prefix: Some("in/".into()), ..Default::default() }),
        destination: Destination {
            bucket: "arn:aws:s3:::copies".into(),
            storage_class: Some(StorageClass::StandardIa),
            ..Default::default()
        },
        delete_marker_replication: Some(DeleteMarkerReplication {
            status: Some(DeleteMarkerReplicationStatus::Enabled),
        }),
        ..Default::default()
    };
    let input = PutBucketReplicationInput {
        bucket: "bkt".into(),
        replication_configuration: ReplicationConfiguration {
            role: "arn:aws:iam::000000000000:role/copier".into(),
            rules: vec![rule],
        },
        ..Default::default()
    };
    region.call::<PutBucketReplication>(input).await.unwrap();
    region
}

fn of_copies(key: &str) -> GetObjectInput {
    GetObjectInput { bucket: "copies".into(), ..getting(key) }
}

#[tokio::test]
async fn versions_and_markers_arrive() {
    let region = replicating().await;
    for size in [10, 200_000] {
        let put = region.call::<PutObject>(putting("in/a", pattern(size))).await.unwrap();
        region.settle().await;
        let copy = region.call::<GetObject>(of_copies("in/a")).await.unwrap();
        assert_eq!(copy.version_id, put.version_id);
        assert_eq!(copy.replication_status, Some(ReplicationStatus::Replica));
        assert_eq!(copy.storage_class, Some(StorageClass::StandardIa));
        assert_eq!(content(&copy).await, pattern(size));
        let head = HeadObjectInput { bucket: "bkt".into(), key: "in/a".into(), ..Default::default() };
        let head = region.call::<HeadObject>(head).await.unwrap();
        assert_eq!(head.replication_status, Some(ReplicationStatus::Completed));
    }
    region.call::<PutObject>(putting("out/a", "x")).await.unwrap();
    let delete = DeleteObjectInput { bucket: "bkt".into(), key: "in/a".into(), ..Default::default() };
    region.call::<DeleteObject>(delete).await.unwrap();
    region.settle().await;
    assert_eq!(region.refused::<GetObject>(of_copies("out/a")).await.code, "NoSuchKey");
    let hidden = region.refused::<GetObject>(of_copies("in/a")).await;
    assert_eq!(hidden.code, "NoSuchKey");
    assert!(hidden.headers.iter().any(|(name, _)| *name == "x-amz-delete-marker"));
}

#[tokio::test]
async fn objects_of_parts_arrive_and_outlive_their_source() {
    let region = replicating().await;
    let begin = CreateMultipartUploadInput { bucket: "bkt".into(), key: "in/p".into(), ..Default::default() };
    let id = region.call::<CreateMultipartUpload>(begin).await.unwrap().upload_id.unwrap();
    let part = UploadPartInput {
        bucket: "bkt".into(),
        key: "in/p".into(),
        upload_id: id.clone(),
        part_number: 1,
        body: Some(Body::from(pattern(300_000))),
        ..Default::default()
    };
    let e_tag = region.call::<UploadPart>(part).await.unwrap().e_tag;
    let complete = CompleteMultipartUploadInput {
        bucket: "bkt".into(),
        key: "in/p".into(),
        upload_id: id,
        multipart_upload: Some(CompletedMultipartUpload {
            parts: Some(vec![CompletedPart { e_tag, part_number: Some(1), ..Default::default() }]),
        }),
        ..Default::default()
    };
    let version_id = region.call::<CompleteMultipartUpload>(complete).await.unwrap().version_id;
    region.settle().await;
    let delete =
        DeleteObjectInput { bucket: "bkt".into(), key: "in/p".into(), version_id, ..Default::default() };
    region.call::<DeleteObject>(delete).await.unwrap();
    region.advance(std::time::Duration::from_secs(60)).await;
    region.settle().await;
    let copy = region.call::<GetObject>(of_copies("in/p")).await.unwrap();
    assert_eq!(content(&copy).await, pattern(300_000));
}

#[tokio::test]
async fn what_cannot_be_copied_to() {
    let region = replicating().await;
    let rule = |bucket: &str| PutBucketReplicationInput {
        bucket: "bkt".into(),
        replication_configuration: ReplicationConfiguration {
            role: "arn:aws:iam::000000000000:role/copier".into(),
            rules: vec![ReplicationRule {
                prefix: Some(String::new()),
                status: ReplicationRuleStatus::Enabled,
                destination: Destination { bucket: format!("arn:aws:s3:::{bucket}"), ..Default::default() },
                ..Default::default()
            }],
        },
        ..Default::default()
    };
    assert_eq!(region.refused::<PutBucketReplication>(rule("nowhere")).await.code, "InvalidRequest");
    create(&region, "unversioned").await;
    assert_eq!(region.refused::<PutBucketReplication>(rule("unversioned")).await.code, "InvalidRequest");
    assert_eq!(region.refused::<PutBucketReplication>(rule("bkt")).await.code, "InvalidRequest");
}
