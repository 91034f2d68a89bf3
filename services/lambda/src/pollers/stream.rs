//! The poller of one stream: follows its shards, each by a reader of its own that begins when the shard's
//! parent is read to its end. How far each has come is committed, so that a restart goes on from there.

mod attempt;
mod reader;

use crate::errors::LambdaError;
use crate::invoke;
use crate::pollers::queue::caller;
use crate::rules::filter::Filter;
use crate::rules::names::Named;
use crate::state::mappings::{self, Checkpoint, StreamChoices};
use crate::state::{self, Mapping};
use model_dynamodbstreams::operations::{DescribeStream, GetRecords, GetShardIterator};
use model_dynamodbstreams::{
    DescribeStreamInput, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, Shard, ShardIteratorType,
};
use names::AccountId;
use ports::Caller;
use schema::ApiError;
use service::{Ctx, Log};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between two looks at the shards.
const LOOK: Duration = Duration::from_secs(2);
/// Rest after the first failure; doubled for each further one up to `MAX_REST`.
const FIRST_REST: Duration = Duration::from_millis(500);
const MAX_REST: Duration = Duration::from_secs(30);
/// Shards of one stream that are followed.
const MAX_SHARDS: usize = 1000;

/// What the readers of one stream share.
pub(super) struct Stream {
    ctx: Ctx,
    mapping: Mapping,
    choices: StreamChoices,
    named: Named,
    filters: Vec<Filter>,
}

/// Follows a stream until its mapping changes or goes.
pub async fn poll(ctx: Ctx, mapping: Mapping, mut stop: watch::Receiver<()>) {
    let named = Named {
        scope: mapping.scope.clone(),
        name: mapping.function.clone(),
        qualifier: mapping.qualifier.clone(),
    };
    let Some(choices) = mapping.stream.clone() else { return };
    let filters = mapping.filters.iter().filter_map(|text| Filter::parse(text)).collect();
    let stream = Arc::new(Stream { ctx, mapping, choices, named, filters });
    let (mut readers, mut running) = (JoinSet::new(), HashMap::new());
    let mut rest = FIRST_REST;
    loop {
        while let Some(Ok(shard)) = readers.try_join_next() {
            running.remove(&shard);
        }
        let pause = match stream.look(&mut readers, &mut running).await {
            Ok(()) => {
                rest = FIRST_REST;
                LOOK
            }
            Err(error) => {
                let why = ApiError::from(error);
                Log::warn("lambda", &format!("{} cannot be read: {why}", stream.mapping.source));
                rest = (rest * 2).min(MAX_REST);
                rest
            }
        };
        tokio::select! {
            // Dropping the readers ends them; what they had in hand comes again.
            _ = stop.changed() => return,
            Some(ended) = readers.join_next(), if !readers.is_empty() => {
                // A child may begin now.
                if let Ok(shard) = ended {
                    running.remove(&shard);
                }
            }
            () = stream.ctx.host().clock.rest(pause) => {}
        }
    }
}

impl Stream {
    async fn caller(&self) -> Result<Caller, LambdaError> {
        let function = invoke::found(&self.ctx.read(), &self.named)?;
        let account = self.named.scope.account().unwrap_or(AccountId::DEFAULT);
        caller(&self.ctx, &function.latest.settings.role, &self.named.name, account).await
    }

    fn is_open(&self) -> bool {
        self.ctx.ports().calls.is_open("lambda")
    }

    /// Starts the readers that are missing.
    async fn look(
        self: &Arc<Self>,
        readers: &mut JoinSet<String>,
        running: &mut HashMap<String, ()>,
    ) -> Result<(), LambdaError> {
        if !self.is_open() {
            return Ok(());
        }
        let shards = self.shards(&self.caller().await?).await?;
        let mut known: HashMap<String, Checkpoint> =
            mappings::checkpoints(&self.ctx.read(), &self.mapping.uuid)?.into_iter().collect();
        if known.is_empty() && self.choices.position == "LATEST" {
            known = self.begin_at_the_end(&shards).await?;
        }
        let listed = |id: &str| shards.iter().any(|shard| shard.shard_id.as_deref() == Some(id));
        for gone in known.keys().filter(|id| !listed(id)) {
            let (uuid, shard) = (self.mapping.uuid.clone(), gone.clone());
            self.ctx
                .commit(move |tx| Ok::<_, LambdaError>(mappings::remove_checkpoint(tx, &uuid, &shard)?))
                .await?;
        }
        for shard in &shards {
            let Some(id) = shard.shard_id.clone() else { continue };
            let checkpoint = known.get(&id).cloned().unwrap_or_default();
            let parent = shard.parent_shard_id.as_deref().filter(|parent| listed(parent));
            let ready = parent.is_none_or(|parent| known.get(parent).is_some_and(|parent| parent.finished));
            if checkpoint.finished || !ready || running.contains_key(&id) {
                continue;
            }
            running.insert(id.clone(), ());
            let reader = reader::Reader::new(self.clone(), id.clone(), checkpoint);
            readers.spawn(async move {
                reader.run().await;
                id
            });
        }
        Ok(())
    }

    async fn shards(&self, caller: &Caller) -> Result<Vec<Shard>, LambdaError> {
        let (mut shards, mut after) = (Vec::new(), None);
        loop {
            let input = DescribeStreamInput {
                stream_arn: self.mapping.source.to_string(),
                exclusive_start_shard_id: after,
                ..Default::default()
            };
            let told = self.ctx.call_as::<DescribeStream>(caller.clone(), input).await;
            let told = told.map_err(LambdaError::Other)?.stream_description.unwrap_or_default();
            shards.extend(told.shards.unwrap_or_default());
            after = told.last_evaluated_shard_id;
            if after.is_none() || shards.len() >= MAX_SHARDS {
                return Ok(shards);
            }
        }
    }

    /// Commits where a mapping begins that does not want what was written before it: behind the last record
    /// of each shard.
    async fn begin_at_the_end(&self, shards: &[Shard]) -> Result<HashMap<String, Checkpoint>, LambdaError> {
        let caller = self.caller().await?;
        let mut found = HashMap::new();
        for shard in shards {
            let Some(id) = shard.shard_id.clone() else { continue };
            let (mut checkpoint, mut iterator) =
                (Checkpoint::default(), self.iterator(&caller, &id, None).await?);
            loop {
                let told = self.records(&caller, iterator, 1000).await?;
                let records = told.records.unwrap_or_default();
                if let Some(last) = records.last().and_then(|last| last.dynamodb.as_ref()) {
                    checkpoint.after.clone_from(&last.sequence_number);
                }
                match told.next_shard_iterator {
                    None => {
                        checkpoint.finished = true;
                        break;
                    }
                    Some(_) if records.is_empty() => break,
                    Some(next) => iterator = next,
                }
            }
            found.insert(id, checkpoint);
        }
        let (uuid, all) = (self.mapping.uuid.clone(), found.clone());
        self.ctx
            .commit(move |tx| {
                for (shard, checkpoint) in &all {
                    mappings::put_checkpoint(tx, &uuid, shard, checkpoint)?;
                }
                Ok::<_, LambdaError>(())
            })
            .await?;
        Ok(found)
    }

    /// An iterator behind a record, or at the beginning of a shard.
    async fn iterator(
        &self,
        caller: &Caller,
        shard: &str,
        after: Option<&str>,
    ) -> Result<String, LambdaError> {
        let input = |after: Option<&str>| GetShardIteratorInput {
            stream_arn: self.mapping.source.to_string(),
            shard_id: shard.to_owned(),
            shard_iterator_type: match after {
                Some(_) => ShardIteratorType::AfterSequenceNumber,
                None => ShardIteratorType::TrimHorizon,
            },
            sequence_number: after.map(str::to_owned),
        };
        let mut told = self.ctx.call_as::<GetShardIterator>(caller.clone(), input(after)).await;
        if told.as_ref().is_err_and(|error| error.code == "TrimmedDataAccessException") {
            // What is gone cannot be read: on from the oldest that is there.
            told = self.ctx.call_as::<GetShardIterator>(caller.clone(), input(None)).await;
        }
        let iterator = told.map_err(LambdaError::Other)?.shard_iterator;
        iterator.ok_or_else(|| LambdaError::CannotRun("The stream gave no iterator.".to_owned()))
    }

    async fn records(
        &self,
        caller: &Caller,
        iterator: String,
        most: usize,
    ) -> Result<GetRecordsOutput, LambdaError> {
        let limit = i32::try_from(most.clamp(1, 1000)).ok();
        let input = GetRecordsInput { shard_iterator: iterator, limit };
        self.ctx.call_as::<GetRecords>(caller.clone(), input).await.map_err(LambdaError::Other)
    }

    /// The function, as the mapping names it.
    fn function(&self) -> names::Arn {
        state::arn(&self.named.scope, &self.named.name, self.named.qualifier.as_deref())
    }
}
