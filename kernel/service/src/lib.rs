//! The room contract: what a service of the region is made of, and what all services share.
//!
//! A room is built by one function that returns a [`Service`]: its operations, its target, its workers,
//! its timers, its views. It is built without ports and gets everything through [`Ctx`]: the caller, the
//! clocks, ids, the store, the ports. An operation reads as find, decide, commit.
//!
//! ```ignore
//! pub fn all() -> Vec<Operation> {
//!     vec![
//!         Operation::new::<SendMessage, _, _, _>(send_message::send_message).acts_on(policy::queue_of_url),
//!     ]
//! }
//!
//! pub async fn send_message(ctx: Ctx, input: Arc<SendMessageInput>) -> Result<SendMessageOutput, SqsError> {
//!     let (id, now) = (ctx.uuid(), ctx.now());
//!     ctx.commit(move |tx| { … }).await
//! }
//! ```

mod bucket;
mod budget;
pub mod checksum;
mod clock;
mod compute;
mod cross_origin;
mod ctx;
mod delivery;
mod demand;
mod digits;
mod entropy;
pub mod front;
mod heads;
mod host;
mod lent;
mod log;
pub mod mail_words;
mod once;
mod operation;
mod pages;
mod receivers;
mod room;
mod tagging;
mod target;
mod watchdog;
mod witness;
mod worker;

pub use bucket::TokenBucket;
pub use budget::{Budget, Budgets, Held};
pub use clock::Clock;
pub use compute::{Begun, Compute};
pub use cross_origin::{CrossOrigin, PageHeaders, PageRequest};
pub use ctx::{Ctx, Peek, Request};
pub use delivery::{
    AttributeContent, Deliver, Delivery, DeliveryContext, Ended, MessageDetail, TypedAttribute,
};
pub use demand::Demand;
pub use digits::{hex, uuid_of};
pub use entropy::Entropy;
pub use front::{Front, FrontBody, FrontReply, FrontRequest, Needs};
pub use heads::{Head, HeadWithPolicy, Heads, HeadsView, forget_heads, head_scope};
pub use host::{Fidelity, Host, Pace, Permits, Ports, Settings};
pub use lent::{Lent, Loan};
pub use log::Log;
pub use once::{AnswerSweep, Once, once};
pub use operation::{Access, Operation, Rate, Ungated};
pub use pages::Seal;
pub use receivers::{Door, MAX_HOPS, Receivers, hand_over};
pub use room::{End, Forget, Measure, Measures, Service};
pub use tagging::{TagFault, TagRules};
pub use target::{Reception, Target};
pub use watchdog::Watchdog;
pub use witness::{Answered, Witness};
pub use worker::{TimerHandler, Work, Worker};

/// Re-exported so that rooms name one crate for a boxed future.
pub use ports::BoxFuture;
