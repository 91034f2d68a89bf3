//! Settings that are stored and described: contributor insights, streams of Kinesis, scaling.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;

#[tokio::test]
async fn contributor_insights() {
    let region = with_things().await;
    let change = |action| UpdateContributorInsightsInput {
        table_name: "things".into(),
        contributor_insights_action: action,
        ..Default::default()
    };
    let described = async || {
        let input = DescribeContributorInsightsInput { table_name: "things".into(), index_name: None };
        region.call::<DescribeContributorInsights>(input).await.unwrap()
    };
    assert_eq!(described().await.contributor_insights_status, Some(ContributorInsightsStatus::Disabled));
    let told = region.call::<UpdateContributorInsights>(change(ContributorInsightsAction::Enable)).await;
    assert_eq!(told.unwrap().contributor_insights_status, Some(ContributorInsightsStatus::Enabling));
    let again = region.call::<UpdateContributorInsights>(change(ContributorInsightsAction::Enable)).await;
    assert_eq!(again.unwrap().contributor_insights_status, Some(ContributorInsightsStatus::Enabled));
    let on = described().await;
    assert_eq!(on.contributor_insights_mode, Some(ContributorInsightsMode::AccessedAndThrottledKeys));
    assert_eq!(on.contributor_insights_status, Some(ContributorInsightsStatus::Enabled));
    assert_eq!(on.contributor_insights_rule_list.map(|rules| rules.len()), Some(4));
    let listed = region.call::<ListContributorInsights>(ListContributorInsightsInput::default()).await;
    assert_eq!(listed.unwrap().contributor_insights_summaries.unwrap().len(), 1);
    let told = region.call::<UpdateContributorInsights>(change(ContributorInsightsAction::Disable)).await;
    assert_eq!(told.unwrap().contributor_insights_status, Some(ContributorInsightsStatus::Disabling));
    let listed = region.call::<ListContributorInsights>(ListContributorInsightsInput::default()).await;
    assert_eq!(listed.unwrap().contributor_insights_summaries.unwrap(), []);
    let absent = UpdateContributorInsightsInput {
        index_name: Some("nothing".into()),
        ..change(ContributorInsightsAction::Enable)
    };
    assert_eq!(region.refused::<UpdateContributorInsights>(absent).await.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_stream_of_kinesis_is_kept_and_said_to_fail() {
    let region = with_things().await;
    let stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/changes".to_owned();
    let input = EnableKinesisStreamingDestinationInput {
        table_name: "things".into(),
        stream_arn: stream_arn.clone(),
        ..Default::default()
    };
    region.call::<EnableKinesisStreamingDestination>(input).await.unwrap();
    let described = async || {
        let input = DescribeKinesisStreamingDestinationInput { table_name: "things".into() };
        let told = region.call::<DescribeKinesisStreamingDestination>(input).await.unwrap();
        told.kinesis_data_stream_destinations.unwrap().remove(0)
    };
    let one = described().await;
    assert_eq!(one.destination_status, Some(DestinationStatus::EnableFailed));
    assert!(one.destination_status_description.is_some());
    let off = DisableKinesisStreamingDestinationInput {
        table_name: "things".into(),
        stream_arn,
        ..Default::default()
    };
    region.call::<DisableKinesisStreamingDestination>(off.clone()).await.unwrap();
    assert_eq!(described().await.destination_status, Some(DestinationStatus::Disabled));
    let again = region.refused::<DisableKinesisStreamingDestination>(off).await;
    assert_eq!(again.code, "ValidationException");
}

#[tokio::test]
async fn scaling() {
    let region = with_things().await;
    let update = AutoScalingSettingsUpdate {
        minimum_units: Some(5),
        maximum_units: Some(50),
        scaling_policy_update: Some(AutoScalingPolicyUpdate {
            policy_name: Some("seventy".into()),
            target_tracking_scaling_policy_configuration:
                AutoScalingTargetTrackingScalingPolicyConfigurationUpdate {
                    target_value: 70.0,
                    ..Default::default()
                },
        }),
        ..Default::default()
    };
    let input = UpdateTableReplicaAutoScalingInput {
        table_name: "things".into(),
        provisioned_write_capacity_auto_scaling_update: Some(update),
        ..Default::default()
    };
    region.call::<UpdateTableReplicaAutoScaling>(input).await.unwrap();
    let input = DescribeTableReplicaAutoScalingInput { table_name: "things".into() };
    let told = region.call::<DescribeTableReplicaAutoScaling>(input).await.unwrap();
    let replica = told.table_auto_scaling_description.unwrap().replicas.unwrap().remove(0);
    assert_eq!(replica.region_name.as_deref(), Some("us-east-1"));
    let settings = replica.replica_provisioned_write_capacity_auto_scaling_settings.unwrap();
    assert_eq!((settings.minimum_units, settings.maximum_units), (Some(5), Some(50)));
    assert_eq!(settings.scaling_policies.unwrap()[0].policy_name.as_deref(), Some("seventy"));
}

/// What is no ARN of a table or stream has no tags and no policy (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks, DDB-TABLE-442).
#[tokio::test]
async fn tags_and_policies_are_of_tables_and_streams() {
    let region = with_things().await;
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/things";
    let index = format!("{table}/index/one");
    for (arn, message) in [
        ("things", "ARNs must start with 'arn:': things".to_owned()),
        (
            "arn:aws:s3:::things",
            "Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::things".to_owned(),
        ),
        (
            &index,
            format!(
                "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {index}"
            ),
        ),
    ] {
        let message = format!("One or more parameter values were invalid: {message}");
        let resource_arn = Some(arn.to_owned());
        let list = ListTagsOfResourceInput { resource_arn: resource_arn.clone(), next_token: None };
        assert_eq!(region.refused::<ListTagsOfResource>(list).await.message, message);
        let tags = Some(vec![Tag { key: "a".into(), value: "b".into() }]);
        assert_eq!(
            region.refused::<TagResource>(TagResourceInput { resource_arn, tags }).await.message,
            message
        );
        let policy = GetResourcePolicyInput { resource_arn: arn.to_owned() };
        assert_eq!(region.refused::<GetResourcePolicy>(policy).await.message, message);
    }
    // A token that nobody gave is not looked at (DDB-TABLE-073).
    let list = ListTagsOfResourceInput { resource_arn: Some(table.into()), next_token: Some("any".into()) };
    assert_eq!(region.call::<ListTagsOfResource>(list).await.unwrap().tags, Some(Vec::new()));
}
