//! What a bucket tells: committed with the object, delivered to whoever listens.

use crate::lifecycle::restoring;
use crate::{create, put, putting, versioned};
use model_s3::operations::*;
use model_s3::*;
use names::{AccountId, Arn, Tags, Timestamp};
use schema::ApiError;
use serde_json::Value;
use service::{Delivery, Head, Heads, Reception, Service, Target};
use std::sync::{Arc, Mutex};
use store::{Fault, Tx};
use testkit::Region;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:told";

/// A queue that remembers what it was told.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<Delivery>>>);

impl Target for Queue {
    fn service(&self) -> &'static str {
        "sqs"
    }
    fn action(&self) -> &'static str {
        "sqs:SendMessage"
    }
    fn reception(&self) -> Reception {
        Reception::Stores
    }
    fn accept(&self, _: &mut Tx, deliveries: &[Delivery], _: Timestamp) -> Result<(), ApiError> {
        let mut told = self.0.lock().unwrap();
        for delivery in deliveries {
            if !told.iter().any(|known| known.id == delivery.id) {
                told.push(delivery.clone());
            }
        }
        Ok(())
    }
}

impl Queue {
    fn messages(&self) -> Vec<Value> {
        let mut told = self.0.lock().unwrap();
        told.drain(..).map(|delivery| serde_json::from_slice(&delivery.payload).unwrap()).collect()
    }
}

async fn region_with_queue() -> (Region, Queue) {
    let queue = Queue::default();
    let room = Service::new("sqs", Vec::new()).target(queue.clone());
    let region = Region::of(vec![s3::service(), room]).await;
    create(&region, "bkt").await;
    let made: Result<(), Fault> = region
        .host()
        .store
        .commit(|tx| {
            let head = Head {
                incarnation: tx.fresh_incarnation()?,
                owner: AccountId::DEFAULT,
                kind: "AWS::SQS::Queue".into(),
                created: testkit::START,
                tags: Tags::new(),
                policy: None,
            };
            tx.put_head(&QUEUE.parse::<Arn>().unwrap(), &head)
        })
        .await;
    made.unwrap();
    (region, queue)
}

fn listening(events: &[Event], arn: &str) -> PutBucketNotificationConfigurationInput {
    let rule = |name: FilterRuleName, value: &str| FilterRule { name: Some(name), value: Some(value.into()) };
    let rules = vec![rule(FilterRuleName::Prefix, "in/"), rule(FilterRuleName::Suffix, ".wav")];
    let queue = QueueConfiguration {
        id: Some("listener".into()),
        queue_arn: arn.into(),
        events: events.to_vec(),
        filter: Some(NotificationConfigurationFilter {
            key: Some(S3KeyFilter { filter_rules: Some(rules) }),
        }),
    };
    PutBucketNotificationConfigurationInput {
        bucket: "bkt".into(),
        notification_configuration: NotificationConfiguration {
            queue_configurations: Some(vec![queue]),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// S3 User Guide, "Event message structure": version 2.1, and the test event.
#[tokio::test]
async fn a_queue_is_told_of_what_it_listens_to() {
    let (region, queue) = region_with_queue().await;
    let both = [Event::S3ObjectCreated, Event::S3ObjectRemovedDelete];
    region.call::<PutBucketNotificationConfiguration>(listening(&both, QUEUE)).await.unwrap();
    region.settle().await;
    assert_eq!(queue.messages()[0]["Event"], "s3:TestEvent");

    put(&region, "in/a b.wav", "sound").await;
    put(&region, "out/a.wav", "sound").await;
    put(&region, "in/a.mp3", "sound").await;
    region.settle().await;
    let messages = queue.messages();
    assert_eq!(messages.len(), 1);
    let record = &messages[0]["Records"][0];
    assert_eq!(record["eventName"], "ObjectCreated:Put");
    assert_eq!(record["eventVersion"], "2.1");
    assert_eq!(record["s3"]["configurationId"], "listener");
    assert_eq!(record["s3"]["object"]["key"], "in/a+b.wav");
    assert_eq!(record["s3"]["object"]["size"], 5);

    let delete = DeleteObjectInput { bucket: "bkt".into(), key: "in/a b.wav".into(), ..Default::default() };
    region.call::<DeleteObject>(delete).await.unwrap();
    region.settle().await;
    assert_eq!(queue.messages()[0]["Records"][0]["eventName"], "ObjectRemoved:Delete");

    let asked = GetBucketNotificationConfigurationInput { bucket: "bkt".into(), ..Default::default() };
    let asked = region.call::<GetBucketNotificationConfiguration>(asked).await.unwrap();
    let queue = asked.queue_configurations.unwrap().remove(0);
    assert_eq!((queue.id.as_deref(), queue.events.as_slice()), (Some("listener"), both.as_slice()));
    let rules = queue.filter.unwrap().key.unwrap().filter_rules.unwrap();
    // S3 answers the names of filter rules with a capital, however they were given.
    let names: Vec<_> = rules.iter().map(|rule| rule.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["Prefix", "Suffix"]);
}

/// "If the object is previously restored, Amazon S3 returns 200 OK" (S3 API Reference, RestoreObject); nothing begins
/// then, and nothing is told.
#[tokio::test]
async fn a_restore_is_told_of_once() {
    let (region, queue) = region_with_queue().await;
    region
        .call::<PutBucketNotificationConfiguration>(listening(&[Event::S3ObjectRestore], QUEUE))
        .await
        .unwrap();
    let archived =
        PutObjectInput { storage_class: Some(StorageClass::Glacier), ..putting("in/old.wav", "sound") };
    region.call::<PutObject>(archived).await.unwrap();
    region.settle().await;
    queue.messages();
    let mut told = Vec::new();
    for status in [None, Some(200)] {
        let answer = region.call::<RestoreObject>(restoring("in/old.wav")).await.unwrap();
        assert_eq!(answer.status, status);
        region.settle().await;
        told.push(queue.messages().len());
    }
    assert_eq!(told, [2, 0]);
}

/// test_delete_objects of LocalStack's test_s3_notifications_sqs, recorded of AWS: DeleteObjects tells of keys that
/// are not there, too; test_restore_object: a copy that is ready tells until when.
#[tokio::test]
async fn what_is_told_of_nothing_and_of_restores() {
    let (region, queue) = region_with_queue().await;
    let listened = [Event::S3ObjectRemoved, Event::S3ObjectRestoreCompleted];
    region.call::<PutBucketNotificationConfiguration>(listening(&listened, QUEUE)).await.unwrap();
    region.settle().await;
    queue.messages();
    let objects = vec![ObjectIdentifier { key: "in/none.wav".into(), ..Default::default() }];
    let delete = Delete { objects, quiet: None };
    let input = DeleteObjectsInput { bucket: "bkt".into(), delete, ..Default::default() };
    region.call::<DeleteObjects>(input).await.unwrap();
    let delete = DeleteObjectInput { bucket: "bkt".into(), key: "in/none.wav".into(), ..Default::default() };
    region.call::<DeleteObject>(delete).await.unwrap();
    region.settle().await;
    let told = queue.messages();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["Records"][0]["eventName"], "ObjectRemoved:Delete");
    let archived =
        PutObjectInput { storage_class: Some(StorageClass::Glacier), ..putting("in/old.wav", "sound") };
    region.call::<PutObject>(archived).await.unwrap();
    region.call::<RestoreObject>(restoring("in/old.wav")).await.unwrap();
    region.settle().await;
    let record = queue.messages()[0]["Records"][0].take();
    let restore = &record["glacierEventData"]["restoreEventData"];
    assert_eq!(restore["lifecycleRestoreStorageClass"], "GLACIER");
    assert!(restore["lifecycleRestorationExpiryTime"].as_str().is_some());
    assert!(record["userIdentity"]["principalId"].as_str().unwrap().starts_with("AmazonCustomer:"));
    assert_eq!(record["requestParameters"]["sourceIPAddress"], "s3.amazonaws.com");
}

/// Every account has a bus on AWS, so a bucket may always be told to use it: what is configured comes back.
#[tokio::test]
async fn a_bus_is_configured_where_none_listens() {
    let (region, _) = region_with_queue().await;
    let configured = || PutBucketNotificationConfigurationInput {
        bucket: "bkt".into(),
        notification_configuration: NotificationConfiguration {
            event_bridge_configuration: Some(EventBridgeConfiguration::default()),
            ..Default::default()
        },
        ..Default::default()
    };
    region.call::<PutBucketNotificationConfiguration>(configured()).await.unwrap();
    put(&region, "in/a.wav", "sound").await;
    region.settle().await;
    let asked = GetBucketNotificationConfigurationInput { bucket: "bkt".into(), ..Default::default() };
    let asked = region.call::<GetBucketNotificationConfiguration>(asked).await.unwrap();
    assert!(asked.event_bridge_configuration.is_some() && asked.queue_configurations.is_none());
}

/// S3 User Guide, "Setting up a destination to receive event notifications".
#[tokio::test]
async fn a_listener_is_in_the_buckets_region() {
    let (region, _) = region_with_queue().await;
    let elsewhere = QUEUE.replace("us-east-1", "eu-west-1");
    for skips in [None, Some(true)] {
        let input = PutBucketNotificationConfigurationInput {
            skip_destination_validation: skips,
            ..listening(&[Event::S3ObjectCreated], &elsewhere)
        };
        let refused = region.refused::<PutBucketNotificationConfiguration>(input).await;
        assert_eq!(refused.code, "InvalidArgument");
        assert!(refused.message.starts_with("The notification destination service region"), "{refused}");
    }
}

#[tokio::test]
async fn a_listener_must_be_there_and_alone() {
    let (region, _) = region_with_queue().await;
    let absent = listening(&[Event::S3ObjectCreated], "arn:aws:sqs:us-east-1:000000000000:nobody");
    let refused = region.refused::<PutBucketNotificationConfiguration>(absent).await;
    assert_eq!(refused.code, "InvalidArgument");
    assert_eq!(refused.message, "Unable to validate the following destination configurations");
    let mut twice = listening(&[Event::S3ObjectCreated], QUEUE);
    let queues = twice.notification_configuration.queue_configurations.as_mut().unwrap();
    let mut second = queues[0].clone();
    second.id = Some("second".into());
    second.events = vec![Event::S3ObjectCreatedPut];
    queues.push(second);
    assert_eq!(region.refused::<PutBucketNotificationConfiguration>(twice).await.code, "InvalidArgument");
}

#[tokio::test]
async fn nobody_listens_to_a_bucket_of_its_own() {
    let region = versioned().await;
    put(&region, "k", "v").await;
    region.settle().await;
}
