//! What the operations need permission for. An operation on a group is judged by the ARN
//! `…:log-group:NAME:log-stream:`, one on a stream by that ARN with the stream's name, as AWS's refusals
//! print them: a policy for `…:log-group:NAME:*` lets both in. Only the tagging operations by ARN are
//! judged by `…:log-group:NAME`.

use crate::errors::LogsError;
use crate::rules::identifiers;
use crate::state::{self, filters};
use policy::ResourceRule;
use service::{Demand, Peek};
use std::sync::Arc;

/// Inputs that name a group, and maybe a stream in it.
pub trait OfGroup {
    /// The group.
    fn group(&self) -> Result<&str, LogsError>;

    /// The stream.
    fn stream(&self) -> &str {
        ""
    }
}

macro_rules! of_group {
    ($($input:ident),* $(,)?) => {$(
        impl OfGroup for model_logs::$input {
            fn group(&self) -> Result<&str, LogsError> {
                Ok(&self.log_group_name)
            }
        }
    )*};
}
of_group!(
    DeleteLogGroupInput,
    DeleteMetricFilterInput,
    DeleteRetentionPolicyInput,
    DeleteSubscriptionFilterInput,
    DescribeSubscriptionFiltersInput,
    ListTagsLogGroupInput,
    PutMetricFilterInput,
    PutRetentionPolicyInput,
    PutSubscriptionFilterInput,
    TagLogGroupInput,
    UntagLogGroupInput,
);

macro_rules! of_stream {
    ($($input:ident),* $(,)?) => {$(
        impl OfGroup for model_logs::$input {
            fn group(&self) -> Result<&str, LogsError> {
                Ok(&self.log_group_name)
            }

            fn stream(&self) -> &str {
                &self.log_stream_name
            }
        }
    )*};
}
of_stream!(CreateLogStreamInput, DeleteLogStreamInput, PutLogEventsInput);

macro_rules! of_identified_group {
    ($($input:ident),* $(,)?) => {$(
        impl OfGroup for model_logs::$input {
            fn group(&self) -> Result<&str, LogsError> {
                identifiers::one_of(self.log_group_name.as_deref(), self.log_group_identifier.as_deref())
            }
        }
    )*};
}
of_identified_group!(DescribeLogStreamsInput, FilterLogEventsInput);

impl OfGroup for model_logs::GetLogEventsInput {
    fn group(&self) -> Result<&str, LogsError> {
        identifiers::one_of(self.log_group_name.as_deref(), self.log_group_identifier.as_deref())
    }

    fn stream(&self) -> &str {
        &self.log_stream_name
    }
}

fn demand(peek: &Peek, group: &str, stream: &str) -> Result<Demand, LogsError> {
    let scope = peek.scope();
    let head = state::arn(&scope, group);
    let mut demand = Demand::new(format!("logs:{}", peek.operation()), &head);
    demand.resource = format!("{head}:log-stream:{stream}");
    // The policies of the region's groups lie under one head, since each may speak of any of them.
    let policies = peek.head(&filters::policies_arn(&scope))?;
    Ok(match policies.and_then(|policies| policies.policy.clone()) {
        Some(policies) => demand.under(policies, ResourceRule::Grants),
        None => demand,
    })
}

/// The action on the group of the input.
pub async fn group<I: OfGroup>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LogsError> {
    Ok(vec![demand(&peek, input.group()?, "")?])
}

/// The action on the stream of the input.
pub async fn stream<I: OfGroup>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LogsError> {
    Ok(vec![demand(&peek, input.group()?, input.stream())?])
}

/// The action on the group of the input, or on all groups where it names none.
pub async fn maybe_group(
    peek: Peek,
    input: Arc<model_logs::DescribeMetricFiltersInput>,
) -> Result<Vec<Demand>, LogsError> {
    let group = input.log_group_name.as_deref().unwrap_or_default();
    Ok(vec![demand(&peek, group, "")?])
}

/// The action on all groups.
pub async fn every_group(
    peek: Peek,
    _input: Arc<model_logs::DescribeLogGroupsInput>,
) -> Result<Vec<Demand>, LogsError> {
    Ok(vec![demand(&peek, "", "")?])
}

/// The action on the group that is to be made, with its tags.
pub async fn new_group(
    peek: Peek,
    input: Arc<model_logs::CreateLogGroupInput>,
) -> Result<Vec<Demand>, LogsError> {
    let mut create = demand(&peek, &input.log_group_name, "")?;
    for (key, value) in input.tags.iter().flatten() {
        create = create.when_tagged(key, value);
    }
    Ok(vec![create])
}

/// The action on the resource of an ARN.
pub async fn tagged<I: OfArn>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LogsError> {
    let group = identifiers::of_arn(input.arn())?;
    let action = format!("logs:{}", peek.operation());
    Ok(vec![Demand::new(action, &state::arn(&peek.scope(), group))])
}

/// TagResource on the resource of its ARN, with the tags.
pub async fn newly_tagged(
    peek: Peek,
    input: Arc<model_logs::TagResourceInput>,
) -> Result<Vec<Demand>, LogsError> {
    let group = identifiers::of_arn(&input.resource_arn)?;
    let mut demand = Demand::new("logs:TagResource", &state::arn(&peek.scope(), group));
    for (key, value) in &input.tags {
        demand = demand.when_tagged(key, value);
    }
    Ok(vec![demand])
}

/// Inputs that name a resource by its ARN.
pub trait OfArn {
    /// The ARN.
    fn arn(&self) -> &str;
}

impl OfArn for model_logs::ListTagsForResourceInput {
    fn arn(&self) -> &str {
        &self.resource_arn
    }
}

impl OfArn for model_logs::UntagResourceInput {
    fn arn(&self) -> &str {
        &self.resource_arn
    }
}
