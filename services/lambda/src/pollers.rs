//! Event source mappings at work: one poller for each that is enabled, begun when it comes or changes and
//! after each start of the region, ended when it goes.

mod places;
mod queue;
mod stream;

pub use queue::caller;

use crate::errors::LambdaError;
use crate::invoke;
use crate::rules::names::Named;
use crate::state::{self, Configuration, Mapping};
use model_dynamodbstreams::DescribeStreamInput;
use model_dynamodbstreams::operations::DescribeStream;
use model_sqs::GetQueueAttributesInput;
use model_sqs::operations::GetQueueAttributes;
use names::{AccountId, Arn};
use schema::ApiError;
use service::Ctx;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Pollers of one region.
const MAX_POLLERS: usize = 1000;

/// A poller; it ends when this is dropped, after what it has in hand.
struct Poller {
    generation: u64,
    task: JoinHandle<()>,
    _stop: watch::Sender<()>,
}

/// The pollers that run.
pub struct Pollers {
    running: Mutex<HashMap<String, Poller>>,
    /// How the last batch of a mapping ended, since this region started.
    results: Mutex<HashMap<String, &'static str>>,
    wake: Arc<Notify>,
}

impl Pollers {
    /// None yet; this worker starts them.
    pub fn new(wake: Arc<Notify>) -> Self {
        Pollers { running: Mutex::default(), results: Mutex::default(), wake }
    }

    /// Ends all of them, each after what it has in hand.
    pub fn end(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A mapping came, changed or went.
    pub fn changed(&self) {
        self.wake.notify_one();
    }

    /// How the last batch of a mapping ended, in AWS's words ("Troubleshooting event source mapping issues", Lambda
    /// developer guide); none where it had no batch.
    pub fn result(&self, uuid: &str) -> Option<&'static str> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(uuid).copied()
    }

    fn note(&self, uuid: &str, succeeded: bool) {
        let result = if succeeded { "OK" } else { "PROBLEM: Function call failed" };
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        match results.get_mut(uuid) {
            Some(known) => *known = result,
            None => drop(results.insert(uuid.to_owned(), result)),
        }
    }
}

/// Starts and ends pollers, so that they are those of the mappings.
pub async fn round(ctx: Ctx) -> Result<(), LambdaError> {
    let read = ctx.read();
    let enabled = state::mappings(&read, None)
        .filter(|mapping| mapping.as_ref().map_or(true, |mapping| mapping.enabled))
        .take(MAX_POLLERS)
        .map(|mapping| mapping.map(|mapping| (mapping.uuid.clone(), mapping)));
    let enabled: HashMap<String, Mapping> = enabled.collect::<Result<_, _>>()?;
    let pollers = ctx.part::<Pollers>();
    let is_enabled = |uuid: &String, _: &mut &'static str| enabled.contains_key(uuid);
    pollers.results.lock().unwrap_or_else(PoisonError::into_inner).retain(is_enabled);
    let mut running = pollers.running.lock().unwrap_or_else(PoisonError::into_inner);
    running.retain(|uuid, poller| {
        let same = enabled.get(uuid).is_some_and(|mapping| mapping.generation == poller.generation);
        same && !poller.task.is_finished()
    });
    for (uuid, mapping) in enabled {
        if running.contains_key(&uuid) {
            continue;
        }
        let (stop, stopped) = watch::channel(());
        let generation = mapping.generation;
        let own = invoke::within(&ctx, &mapping.scope);
        let task = match mapping.stream {
            Some(_) => tokio::spawn(stream::poll(own, mapping, stopped)),
            None => tokio::spawn(queue::poll(own, mapping, stopped)),
        };
        running.insert(uuid, Poller { generation, task, _stop: stop });
    }
    Ok(())
}

/// Checks, as the function's role, that its queue is there and hides messages as long as the function may
/// run.
///
/// # Errors
/// Where it is not, or the role may not read it.
pub async fn queue_of(
    ctx: &Ctx,
    named: &Named,
    configuration: &Configuration,
    queue: &Arn,
) -> Result<(), LambdaError> {
    let account = named.scope.account().unwrap_or(AccountId::DEFAULT);
    let caller = queue::caller(ctx, &configuration.settings.role, &named.name, account).await?;
    let input = GetQueueAttributesInput {
        queue_url: queue::url(ctx, queue),
        attribute_names: Some(vec!["VisibilityTimeout".to_owned()]),
    };
    let told = ctx.call_as::<GetQueueAttributes>(caller, input).await.map_err(|error| refused(&error))?;
    let hides =
        told.attributes.and_then(|all| all.get("VisibilityTimeout")?.parse::<u32>().ok()).unwrap_or(0);
    let runs = configuration.settings.timeout_s;
    if hides < runs {
        return Err(LambdaError::invalid(format!(
            "Queue visibility timeout: {hides} seconds is less than Function timeout: {runs} seconds"
        )));
    }
    Ok(())
}

/// Checks, as the function's role, that its stream is there.
///
/// # Errors
/// Where it is not, or the role may not read it.
pub async fn stream_of(
    ctx: &Ctx,
    named: &Named,
    configuration: &Configuration,
    stream: &Arn,
) -> Result<(), LambdaError> {
    let account = named.scope.account().unwrap_or(AccountId::DEFAULT);
    let caller = queue::caller(ctx, &configuration.settings.role, &named.name, account).await?;
    let input = DescribeStreamInput { stream_arn: stream.to_string(), ..Default::default() };
    match ctx.call_as::<DescribeStream>(caller, input).await {
        Ok(_) => Ok(()),
        Err(error) if error.status == 403 => Err(LambdaError::invalid(format!(
            "Cannot access stream {stream}. Please ensure the role can perform the GetRecords, GetShardIterator, \
             DescribeStream, and ListStreams Actions on your stream in IAM."
        ))),
        Err(error) if error.code == "ResourceNotFoundException" => {
            Err(LambdaError::invalid(format!("Stream not found: {stream}")))
        }
        Err(error) => Err(LambdaError::Other(error)),
    }
}

fn refused(error: &ApiError) -> LambdaError {
    if error.status == 403 {
        return LambdaError::invalid(
            "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        );
    }
    let code = if error.code == "QueueDoesNotExist" {
        "AWS.SimpleQueueService.NonExistentQueue"
    } else {
        error.code.as_ref()
    };
    LambdaError::invalid(format!(
        "Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {}",
        error.message
    ))
}
