//! Jobs: backups, restored tables, exports and imports, done while the caller waits where they are small and
//! behind its back otherwise. A job is a row until it is done: what a stop of the region cut short is taken up
//! again after the next start.

use crate::copy::{self, Sink, Source};
use crate::errors::DynamoError;
use crate::ops::update_table::CHANGE;
use crate::state::backups::{self, Job, Progress, RestoreFrom};
use crate::state::{self};
use crate::{export, import, replicas};
use names::{Scope, Timestamp};
use schema::ApiError;
use service::{Ctx, Log, Worker};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use store::Snapshot;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Between two looks for jobs that nobody does, in milliseconds of virtual time.
const PERIOD_MS: i64 = 60_000;

/// What a table is told that is not made yet: it will be as soon as its job is done.
pub const NOT_YET: Timestamp = Timestamp(i64::MAX);

/// How often a job is done again at once that others were in the way of.
const TRIES: u32 = 5;

/// The jobs that this process is doing.
#[derive(Default)]
pub struct Running {
    numbers: Mutex<HashSet<u64>>,
    /// Whoever writes a job down holds this until it does it: what nobody does was cut short then.
    written: Arc<RwLock<()>>,
}

/// Leave to write jobs down, which nobody takes up before they are given to [`start`].
pub struct Starting(#[expect(dead_code, reason = "held until it is dropped")] OwnedRwLockReadGuard<()>);

/// To be had before a job is written down.
pub async fn starting(ctx: &Ctx) -> Starting {
    Starting(ctx.part::<Running>().written.clone().read_owned().await)
}

/// A job that is being done; it is not any more when this is dropped.
struct Doing {
    running: Arc<Running>,
    number: u64,
}

impl Running {
    fn begin(self: &Arc<Self>, number: u64) -> Option<Doing> {
        let is_new = self.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        is_new.then(|| Doing { running: self.clone(), number })
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.running.numbers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// The worker that takes up what was cut short.
pub fn worker() -> Worker {
    Worker::every("dynamodb/jobs", PERIOD_MS, resume)
}

/// Does jobs that were just written down, each with its number.
///
/// # Errors
/// Where one is done at once and fails.
pub async fn start(
    ctx: &Ctx,
    starting: Starting,
    jobs: Vec<(u64, Scope, Job)>,
    is_small: bool,
) -> Result<(), DynamoError> {
    let running = ctx.part::<Running>();
    let begun =
        jobs.into_iter().filter_map(|(number, scope, job)| Some((running.begin(number)?, scope, job)));
    let begun: Vec<_> = begun.collect();
    drop(starting);
    for (doing, scope, job) in begun {
        if is_small {
            run(ctx, &doing, &scope, &job, false).await?;
            continue;
        }
        let ctx = ctx.clone();
        tokio::spawn(async move {
            if let Err(error) = run(&ctx, &doing, &scope, &job, false).await {
                told(&job, error);
            }
        });
    }
    Ok(())
}

fn told(job: &Job, error: DynamoError) {
    Log::warn("dynamodb", &format!("{job:?} is not done: {}", ApiError::from(error)));
}

/// Takes up the jobs that nobody does.
async fn resume(ctx: Ctx) -> Result<(), DynamoError> {
    for (doing, scope, job) in left(&ctx).await? {
        if let Err(error) = run(&ctx, &doing, &scope, &job, true).await {
            told(&job, error);
        }
    }
    Ok(())
}

async fn left(ctx: &Ctx) -> Result<Vec<(Doing, Scope, Job)>, DynamoError> {
    let running = ctx.part::<Running>();
    let _nobody_else = running.written.write().await;
    let mut left = Vec::new();
    for job in backups::jobs(&ctx.read()) {
        let (scope, number, _) = job?;
        let Some(doing) = running.begin(number) else { continue };
        // It may have been done since the list was read.
        if let Some(job) = backups::job(&ctx.read(), &scope, number)? {
            left.push((doing, scope, job));
        }
    }
    Ok(left)
}

/// Does a job, again where others kept writing what it read.
async fn run(ctx: &Ctx, doing: &Doing, scope: &Scope, job: &Job, again: bool) -> Result<(), DynamoError> {
    let mut result = once(ctx, doing, scope, job, again).await;
    for _ in 1..TRIES {
        match &result {
            Err(DynamoError::Fault(fault)) if fault.is_retriable() => {
                result = once(ctx, doing, scope, job, again).await;
            }
            _ => break,
        }
    }
    result
}

async fn once(ctx: &Ctx, doing: &Doing, scope: &Scope, job: &Job, again: bool) -> Result<(), DynamoError> {
    let (read, number) = (ctx.read(), doing.number);
    match job {
        Job::Replica(table, source) => fill_replica(ctx, read, scope, (table, source), number).await,
        Job::Backup(table, id) => back_up(ctx, read, scope, (table, id), number).await,
        Job::Restore(table, from) => restore(ctx, read, scope, (table, from), number).await,
        Job::Export(table, id) if again => {
            export::finish(ctx, scope, (table, id), number, cut_short(ctx)).await
        }
        Job::Import(table, id) if again => {
            import::finish(ctx, scope, (table, id), number, cut_short(ctx)).await
        }
        Job::Export(table, id) => export::run(ctx, read, scope, (table, id), number).await,
        Job::Import(table, id) => import::run(ctx, scope, (table, id), number).await,
    }
}

/// What becomes of a job that was done on behalf of a caller who is not there any more.
fn cut_short(ctx: &Ctx) -> Progress {
    let why = "The region was stopped before it was done".to_owned();
    Progress::Failed(ctx.now(), "UNKNOWN".to_owned(), why)
}

async fn back_up(
    ctx: &Ctx,
    read: Snapshot,
    scope: &Scope,
    (table, id): (&str, &str),
    number: u64,
) -> Result<(), DynamoError> {
    let Some(backup) = backups::backup(&read, scope, table, id)? else {
        return gone(ctx, scope, number).await;
    };
    let rows = backup.record.record()?.incarnation;
    let source = Source { read: read.clone(), scope: scope.clone(), rows, back: None };
    copy::copy(ctx, &source, rows, &Sink::Rows(backup.rows)).await?;
    let count = copy::count(ctx, &read, scope, rows).await?;
    let (scope, table, id) = (scope.clone(), table.to_owned(), id.to_owned());
    ctx.commit(move |tx| {
        backups::remove_job(tx, &scope, number)?;
        match backups::backup(tx, &scope, &table, &id)? {
            Some(mut backup) => {
                backup.count = Some(count);
                Ok::<_, DynamoError>(backups::put_backup(tx, &scope, &backup)?)
            }
            None => Ok(tx.discard(&scope, backup.rows)?),
        }
    })
    .await
}

/// A job whose object is not there any more.
async fn gone(ctx: &Ctx, scope: &Scope, number: u64) -> Result<(), DynamoError> {
    let scope = scope.clone();
    ctx.commit(move |tx| Ok(backups::remove_job(tx, &scope, number)?)).await
}

/// Copies the rows of a table into its replica; what is changed meanwhile is carried there afterwards.
async fn fill_replica(
    ctx: &Ctx,
    read: Snapshot,
    scope: &Scope,
    (name, from): (&String, &Scope),
    number: u64,
) -> Result<(), DynamoError> {
    let target = state::table(&read, scope, name)?.filter(|table| table.creating_until == NOT_YET);
    let (Some(target), Some(source)) = (target, state::table(&read, from, name)?) else {
        return gone(ctx, scope, number).await;
    };
    let rows = source.incarnation;
    let source = Source { read, scope: from.clone(), rows, back: None };
    copy::copy(ctx, &source, rows, &Sink::Replica(scope.clone(), Arc::new(target))).await?;
    let pace = i64::try_from(ctx.pace(CHANGE).as_millis()).unwrap_or(i64::MAX);
    let ready = ctx.now().plus_millis(pace);
    let (scope, name, from) = (scope.clone(), name.clone(), from.clone());
    ctx.commit(move |tx| {
        backups::remove_job(tx, &scope, number)?;
        replicas::filled(tx, (&scope, &name), &from, ready)
    })
    .await
}

async fn restore(
    ctx: &Ctx,
    read: Snapshot,
    scope: &Scope,
    (name, from): (&String, &RestoreFrom),
    number: u64,
) -> Result<(), DynamoError> {
    let Some(table) = state::table(&read, scope, name)?.filter(|table| table.creating_until == NOT_YET)
    else {
        return gone(ctx, scope, number).await;
    };
    let (rows, back) = match *from {
        RestoreFrom::Backup(rows) => (rows, None),
        RestoreFrom::Moment(rows, history, moment) => (rows, Some((history, moment))),
    };
    let source = Source { read, scope: scope.clone(), rows, back };
    copy::copy(ctx, &source, rows, &Sink::Table(Arc::new(table))).await?;
    let pace = i64::try_from(ctx.pace(CHANGE).as_millis()).unwrap_or(i64::MAX);
    let (scope, name, ready) = (scope.clone(), name.clone(), ctx.now().plus_millis(pace));
    ctx.commit(move |tx| {
        backups::remove_job(tx, &scope, number)?;
        let Some(mut table) = state::table(tx, &scope, &name)? else { return Ok(()) };
        table.creating_until = ready;
        table.restored.iter_mut().for_each(|restored| restored.in_progress = false);
        Ok(state::put_table(tx, &scope, &mut table)?)
    })
    .await
}
