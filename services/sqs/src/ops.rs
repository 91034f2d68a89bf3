//! The operations of the room, one line each.

pub mod change_visibility;
pub mod create_queue;
pub mod dead_letters;
pub mod delete_message;
pub mod delete_queue;
pub mod list_queues;
pub mod move_tasks;
pub mod permissions;
pub mod queue_attributes;
pub mod receive_message;
pub mod send_message;
pub mod tags;

use crate::errors::SqsError;
use crate::policy;
use crate::rules::names::of_url;
use crate::rules::urls::{self, UrlForm};
use crate::state::{self, Queue};
use model_sqs::operations as of;
use names::{AccountId, Region, Scope};
use service::{Ctx, Operation};
use store::Read;

/// All operations.
pub fn all() -> Vec<Operation> {
    vec![
        Operation::new::<of::AddPermission, _, _, _>(permissions::add).acts_on(policy::queue),
        Operation::new::<of::CancelMessageMoveTask, _, _, _>(move_tasks::cancel)
            .acts_on(move_tasks::to_cancel),
        Operation::new::<of::ChangeMessageVisibility, _, _, _>(change_visibility::one).acts_on(policy::queue),
        Operation::new::<of::ChangeMessageVisibilityBatch, _, _, _>(change_visibility::batch)
            .acts_on(policy::queue),
        Operation::new::<of::CreateQueue, _, _, _>(create_queue::create_queue).acts_on(policy::new_queue),
        Operation::new::<of::DeleteMessage, _, _, _>(delete_message::one).acts_on(policy::queue),
        Operation::new::<of::DeleteMessageBatch, _, _, _>(delete_message::batch).acts_on(policy::queue),
        Operation::new::<of::DeleteQueue, _, _, _>(delete_queue::delete_queue).acts_on(policy::queue),
        Operation::new::<of::GetQueueAttributes, _, _, _>(queue_attributes::get).acts_on(policy::queue),
        Operation::new::<of::GetQueueUrl, _, _, _>(list_queues::get_queue_url).acts_on(policy::named_queue),
        Operation::new::<of::ListDeadLetterSourceQueues, _, _, _>(dead_letters::list_sources)
            .acts_on(policy::queue),
        Operation::new::<of::ListMessageMoveTasks, _, _, _>(move_tasks::list).acts_on(move_tasks::to_list),
        Operation::new::<of::ListQueueTags, _, _, _>(tags::list).acts_on(policy::queue),
        Operation::new::<of::ListQueues, _, _, _>(list_queues::list_queues).acts_on_everything(),
        Operation::new::<of::PurgeQueue, _, _, _>(delete_queue::purge_queue).acts_on(policy::queue),
        Operation::new::<of::ReceiveMessage, _, _, _>(receive_message::receive_message)
            .acts_on(policy::queue),
        Operation::new::<of::RemovePermission, _, _, _>(permissions::remove).acts_on(policy::queue),
        Operation::new::<of::SendMessage, _, _, _>(send_message::one).acts_on(policy::queue),
        Operation::new::<of::SendMessageBatch, _, _, _>(send_message::batch).acts_on(policy::queue),
        Operation::new::<of::SetQueueAttributes, _, _, _>(queue_attributes::set).acts_on(policy::queue),
        Operation::new::<of::StartMessageMoveTask, _, _, _>(move_tasks::start).acts_on(move_tasks::to_start),
        Operation::new::<of::TagQueue, _, _, _>(tags::tag).acts_on(policy::queue),
        Operation::new::<of::UntagQueue, _, _, _>(tags::untag).acts_on(policy::queue),
    ]
}

/// Where a queue lives, and its name.
pub type Place = (Scope, String);

/// Where a queue's URL leads.
pub fn place(ctx: &Ctx, url: &str) -> Place {
    of_place(url, ctx.account(), ctx.region())
}

/// Where a queue's URL leads; an account or a region that it does not name is the caller's.
pub fn of_place(url: &str, account: AccountId, region: &Region) -> Place {
    let of = of_url(url);
    let region = of.region.unwrap_or_else(|| region.clone());
    (Scope::Regional(of.account.unwrap_or(account), region), of.name.to_owned())
}

/// The queue of a place.
pub fn found(read: &impl Read, (scope, name): &(Scope, String)) -> Result<Queue, SqsError> {
    state::queue(read, scope, name)?.ok_or(SqsError::QueueDoesNotExist)
}

/// The URL of a queue, by the host that the client used.
pub fn url(ctx: &Ctx, scope: &Scope, name: &str) -> String {
    let account = scope.account().unwrap_or_else(|| ctx.account());
    let region = scope.region().unwrap_or(ctx.region());
    let form = **ctx.part::<UrlForm>();
    urls::url(form, &ctx.request().origin, ctx.region(), (region, account), name)
}
