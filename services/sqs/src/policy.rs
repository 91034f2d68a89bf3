//! What the operations need permission for: the queue of their URL, or the queue of their name.

use crate::errors::SqsError;
use crate::ops::of_place;
use crate::state;
use names::Scope;
use service::{Demand, Peek};
use std::sync::Arc;

/// Inputs that name a queue by its URL.
pub trait OfQueue {
    /// The URL.
    fn queue_url(&self) -> &str;
}

macro_rules! of_queue {
    ($($input:ident),* $(,)?) => {$(
        impl OfQueue for model_sqs::$input {
            fn queue_url(&self) -> &str {
                &self.queue_url
            }
        }
    )*};
}

of_queue!(
    AddPermissionInput,
    ChangeMessageVisibilityBatchInput,
    ChangeMessageVisibilityInput,
    DeleteMessageBatchInput,
    DeleteMessageInput,
    DeleteQueueInput,
    GetQueueAttributesInput,
    ListDeadLetterSourceQueuesInput,
    ListQueueTagsInput,
    PurgeQueueInput,
    ReceiveMessageInput,
    RemovePermissionInput,
    SendMessageBatchInput,
    SendMessageInput,
    SetQueueAttributesInput,
    TagQueueInput,
    UntagQueueInput,
);

/// The action on the queue of the input's URL. Batches need what their single operation needs.
pub async fn queue<I: OfQueue>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, SqsError> {
    let (scope, name) = of_place(input.queue_url(), peek.account(), peek.region());
    let action = peek.operation().trim_end_matches("Batch");
    Ok(vec![Demand::new(format!("sqs:{action}"), &state::arn(&scope, &name))])
}

/// The action on the queue that is to be made, with its tags.
pub async fn new_queue(peek: Peek, input: Arc<model_sqs::CreateQueueInput>) -> Result<Vec<Demand>, SqsError> {
    let mut demand = Demand::new("sqs:CreateQueue", &state::arn(&peek.scope(), &input.queue_name));
    for (key, value) in input.tags.iter().flatten() {
        demand = demand.when_tagged(key, value);
    }
    Ok(vec![demand])
}

/// The action on the queue of a name, which may be another account's.
pub async fn named_queue(
    peek: Peek,
    input: Arc<model_sqs::GetQueueUrlInput>,
) -> Result<Vec<Demand>, SqsError> {
    let owner = input.queue_owner_aws_account_id.as_deref().and_then(|text| text.parse().ok());
    let scope = Scope::Regional(owner.unwrap_or_else(|| peek.account()), peek.region().clone());
    Ok(vec![Demand::new("sqs:GetQueueUrl", &state::arn(&scope, &input.queue_name))])
}
