//! Configurations that are kept as they are given.

use crate::region;
use model_s3::operations::*;
use model_s3::*;

#[tokio::test]
async fn many_of_a_kind_are_listed_in_pages() {
    let region = region().await;
    let put = |id: String| PutBucketMetricsConfigurationInput {
        bucket: "bkt".into(),
        id: id.clone(),
        metrics_configuration: MetricsConfiguration { id, filter: None },
        ..Default::default()
    };
    for number in 0..120 {
        region.call::<PutBucketMetricsConfiguration>(put(format!("m{number:03}"))).await.unwrap();
    }
    let mut input = ListBucketMetricsConfigurationsInput { bucket: "bkt".into(), ..Default::default() };
    let first = region.call::<ListBucketMetricsConfigurations>(input.clone()).await.unwrap();
    assert_eq!(first.is_truncated, Some(true));
    input.continuation_token = first.next_continuation_token;
    let second = region.call::<ListBucketMetricsConfigurations>(input).await.unwrap();
    let counts =
        [first.metrics_configuration_list, second.metrics_configuration_list].map(|l| l.unwrap().len());
    assert_eq!(counts, [100, 20]);
    let one = |id: &str| GetBucketMetricsConfigurationInput {
        bucket: "bkt".into(),
        id: id.into(),
        ..Default::default()
    };
    let kept = region.call::<GetBucketMetricsConfiguration>(one("m007")).await.unwrap();
    assert_eq!(kept.metrics_configuration.unwrap().id, "m007");
    let delete = DeleteBucketMetricsConfigurationInput {
        bucket: "bkt".into(),
        id: "m007".into(),
        ..Default::default()
    };
    region.call::<DeleteBucketMetricsConfiguration>(delete).await.unwrap();
    let gone = region.refused::<GetBucketMetricsConfiguration>(one("m007")).await;
    assert_eq!((gone.code.as_ref(), gone.status), ("NoSuchConfiguration", 404));
}

#[tokio::test]
async fn settings_come_back() {
    let region = region().await;
    let payment = PutBucketRequestPaymentInput {
        bucket: "bkt".into(),
        request_payment_configuration: RequestPaymentConfiguration { payer: Payer::Requester },
        ..Default::default()
    };
    region.call::<PutBucketRequestPayment>(payment).await.unwrap();
    let asked = GetBucketRequestPaymentInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.call::<GetBucketRequestPayment>(asked).await.unwrap().payer, Some(Payer::Requester));
    let accelerate = |status| PutBucketAccelerateConfigurationInput {
        bucket: "bkt".into(),
        accelerate_configuration: AccelerateConfiguration { status: Some(status) },
        ..Default::default()
    };
    let asked = || GetBucketAccelerateConfigurationInput { bucket: "bkt".into(), ..Default::default() };
    for (status, kept) in [
        (BucketAccelerateStatus::Suspended, None),
        (BucketAccelerateStatus::Enabled, Some(BucketAccelerateStatus::Enabled)),
    ] {
        region.call::<PutBucketAccelerateConfiguration>(accelerate(status)).await.unwrap();
        assert_eq!(region.call::<GetBucketAccelerateConfiguration>(asked()).await.unwrap().status, kept);
    }
    let logging = PutBucketLoggingInput {
        bucket: "bkt".into(),
        bucket_logging_status: BucketLoggingStatus {
            logging_enabled: Some(LoggingEnabled { target_bucket: "nowhere".into(), ..Default::default() }),
        },
        ..Default::default()
    };
    assert_eq!(region.refused::<PutBucketLogging>(logging).await.code, "InvalidTargetBucketForLogging");
}
