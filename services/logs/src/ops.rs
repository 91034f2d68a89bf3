//! The operations of the room, one line each, with the rates of the CloudWatch Logs quotas.

pub mod create_log_group;
pub mod create_log_stream;
pub mod delete_log_group;
pub mod delete_log_stream;
pub mod describe_log_groups;
pub mod describe_log_streams;
pub mod filter_log_events;
pub mod get_log_events;
pub mod metric_filters;
pub mod put_log_events;
pub mod resource_policies;
pub mod retention;
pub mod subscription_filters;
pub mod tags;

use crate::policy;
use model_logs::operations as of;
use service::Operation;

/// All operations.
pub fn all() -> Vec<Operation> {
    vec![
        Operation::new::<of::CreateLogGroup, _, _, _>(create_log_group::create_log_group)
            .acts_on(policy::new_group)
            .at_most(10, 10),
        Operation::new::<of::CreateLogStream, _, _, _>(create_log_stream::create_log_stream)
            .acts_on(policy::stream)
            .at_most(50, 50),
        Operation::new::<of::DeleteLogGroup, _, _, _>(delete_log_group::delete_log_group)
            .acts_on(policy::group)
            .at_most(10, 10),
        Operation::new::<of::DeleteLogStream, _, _, _>(delete_log_stream::delete_log_stream)
            .acts_on(policy::stream)
            .at_most(15, 15),
        Operation::new::<of::DeleteMetricFilter, _, _, _>(metric_filters::delete)
            .acts_on(policy::group)
            .at_most(5, 5),
        Operation::new::<of::DeleteResourcePolicy, _, _, _>(resource_policies::delete).acts_on_everything(),
        Operation::new::<of::DeleteRetentionPolicy, _, _, _>(retention::delete).acts_on(policy::group),
        Operation::new::<of::DescribeLogGroups, _, _, _>(describe_log_groups::describe_log_groups)
            .acts_on(policy::every_group)
            .at_most(10, 10),
        Operation::new::<of::DescribeLogStreams, _, _, _>(describe_log_streams::describe_log_streams)
            .acts_on(policy::group)
            .at_most(25, 25),
        Operation::new::<of::DeleteSubscriptionFilter, _, _, _>(subscription_filters::delete)
            .acts_on(policy::group)
            .at_most(5, 5),
        Operation::new::<of::DescribeMetricFilters, _, _, _>(metric_filters::describe)
            .acts_on(policy::maybe_group)
            .at_most(5, 5),
        Operation::new::<of::DescribeResourcePolicies, _, _, _>(resource_policies::describe)
            .acts_on_everything(),
        Operation::new::<of::DescribeSubscriptionFilters, _, _, _>(subscription_filters::describe)
            .acts_on(policy::group)
            .at_most(5, 5),
        Operation::new::<of::FilterLogEvents, _, _, _>(filter_log_events::filter_log_events)
            .acts_on(policy::group)
            .at_most(25, 25),
        Operation::new::<of::GetLogEvents, _, _, _>(get_log_events::get_log_events)
            .acts_on(policy::stream)
            .at_most(25, 25),
        Operation::new::<of::ListTagsForResource, _, _, _>(tags::list).acts_on(policy::tagged),
        Operation::new::<of::ListTagsLogGroup, _, _, _>(tags::list_of_group).acts_on(policy::group),
        Operation::new::<of::PutLogEvents, _, _, _>(put_log_events::put_log_events)
            .acts_on(policy::stream)
            .at_most(5000, 5000),
        Operation::new::<of::PutMetricFilter, _, _, _>(metric_filters::put)
            .acts_on(policy::group)
            .at_most(5, 5),
        Operation::new::<of::PutResourcePolicy, _, _, _>(resource_policies::put).acts_on_everything(),
        Operation::new::<of::PutRetentionPolicy, _, _, _>(retention::put).acts_on(policy::group),
        Operation::new::<of::PutSubscriptionFilter, _, _, _>(subscription_filters::put)
            .passes_role(crate::watch::PRINCIPAL, |input| input.role_arn.as_deref())
            .acts_on(policy::group)
            .at_most(5, 5),
        Operation::new::<of::TagLogGroup, _, _, _>(tags::tag_group).acts_on(policy::group),
        Operation::new::<of::TagResource, _, _, _>(tags::tag).acts_on(policy::newly_tagged),
        Operation::new::<of::TestMetricFilter, _, _, _>(metric_filters::test).acts_on_everything(),
        Operation::new::<of::UntagLogGroup, _, _, _>(tags::untag_group).acts_on(policy::group),
        Operation::new::<of::UntagResource, _, _, _>(tags::untag).acts_on(policy::tagged),
    ]
}
