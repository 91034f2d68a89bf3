//! Global tables: replicas of a table in other regions, each a table of its own that can be written to.
//!
//! What a request changes is in the table's stream; a timer carries it to each other region, in order, and
//! applies it there unless a later write was there already: the last writer wins, by the moment of the write
//! and then by the name of its region. What came from another region is not carried on.

use crate::consistency;
use crate::copy;
use crate::describe;
use crate::errors::DynamoError;
use crate::jobs::NOT_YET;
use crate::ops::create_table;
use crate::rules::change::{Change, Origin, StreamView};
use crate::rules::rows::RowRange;
use crate::state::backups::{self, Job};
use crate::state::global::{self, GlobalRecord};
use crate::state::replication::{self, Replication, Version};
use crate::state::{self, Expiry, Replica, Settings, TableRecord, streams as stored};
use crate::statistics::Count;
use crate::write::ItemWrite;
use crate::{streams, timers};
use bytes::Bytes;
use model::{ReplicationGroupUpdate, TableStatus};
use model_dynamodb as model;
use names::{AccountId, Region, Scope, Tags, Timestamp};
use schema::ApiError;
use service::{Heads, TimerHandler};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fault, Incarnation, Timer, Tx};

/// How many changes one commit carries to one region.
const CHANGES: usize = 25;
/// It ends when they have this many bytes.
const BYTES: usize = 1024 * 1024;

/// What the stream of a table must hold that becomes part of a global table of the version 2017.
const BOTH_IMAGES: &str =
    "Table must have DynamoDB Streams enabled with StreamViewType set to NEW_AND_OLD_IMAGES";

const CARRY: &str = "dynamodb/replicate";

/// The timer that carries changes to other regions.
pub fn handler() -> TimerHandler {
    TimerHandler { kind: CARRY, fire: carry }
}

/// The same account in another region.
pub fn elsewhere(scope: &Scope, region: &Region) -> Scope {
    Scope::Regional(scope.account().unwrap_or(AccountId::DEFAULT), region.clone())
}

/// The region of a scope.
pub fn region_of(scope: &Scope) -> Region {
    scope.region().cloned().unwrap_or_default()
}

/// What a request that changes replicas leads to: jobs that fill those that were made.
pub type Filling = Vec<(u64, Scope, Job)>;

/// Makes and removes replicas as a request says.
///
/// # Errors
/// AWS's message.
pub fn change(
    tx: &mut Tx,
    scope: &Scope,
    table: &mut TableRecord,
    updates: &[ReplicationGroupUpdate],
    (now, ids): (Timestamp, &[String]),
) -> Result<Filling, DynamoError> {
    if table.is_old_global && !updates.is_empty() {
        return Err(DynamoError::invalid(format!(
            "Table {} is part of a global table of the version 2017.11.29; use UpdateGlobalTable",
            table.name
        )));
    }
    let (mut filling, mut seen) = (Filling::new(), Vec::new());
    for (update, id) in updates.iter().zip(ids) {
        let (create, delete, change) = (&update.create, &update.delete, &update.update);
        let name = create.as_ref().map(|create| &create.region_name);
        let name = name.or(delete.as_ref().map(|delete| &delete.region_name));
        let name = name.or(change.as_ref().map(|change| &change.region_name));
        let name = name.ok_or_else(|| {
            DynamoError::invalid(
                "There are no actions specified in the Replica Update Action of the request.",
            )
        })?;
        let region = region(name)?;
        if region == region_of(scope) {
            return Err(DynamoError::invalid(
                "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or \
                 UpdateTable as required.",
            ));
        }
        let is_there = table.replicas.iter().any(|replica| replica.region == region);
        if let Some(create) = create {
            if seen.contains(&region) {
                continue;
            }
            if is_there {
                return Err(exists(&table.name));
            }
            seen.push(region.clone());
            let key = create.kms_master_key_id.clone();
            filling.extend(add(tx, scope, table, (region, id, key), now)?);
            continue;
        }
        if !is_there {
            return Err(DynamoError::invalid(format!(
                "Update global table operation failed because one or more replicas were not part of the global \
                 table. Please retry the request without these replicas: [{name}]."
            )));
        }
        match change {
            Some(change) => {
                let replica = table.replicas.iter_mut().find(|replica| replica.region == region);
                replica.into_iter().for_each(|replica| {
                    replica.encryption_key.clone_from(&change.kms_master_key_id);
                });
            }
            None => remove(tx, scope, table, &region, now)?,
        }
    }
    Ok(filling)
}

/// The region of a name that a request gives.
///
/// # Errors
/// Where it can be none.
pub fn region(name: &str) -> Result<Region, DynamoError> {
    name.parse().map_err(|_| DynamoError::invalid(format!("Invalid region: {name}")))
}

fn exists(name: &str) -> DynamoError {
    DynamoError::invalid(format!(
        "Failed to create a the new replica of table with name: ‘{name}’ because one or more replicas already \
         existed as tables."
    ))
}

/// Makes the replica of a region, and tells those of all others.
fn add(
    tx: &mut Tx,
    scope: &Scope,
    table: &mut TableRecord,
    (region, id, key): (Region, &str, Option<String>),
    now: Timestamp,
) -> Result<Option<(u64, Scope, Job)>, DynamoError> {
    let is_strong = table.global.strong;
    if table.stream.is_none() && !is_strong {
        streams::open(tx, scope, table, StreamView::Both, now)?;
    }
    let view = table.stream.as_ref().map(|stream| stream.view);
    let there = elsewhere(scope, &region);
    if state::table(tx, &there, &table.name)?.is_some() {
        return Err(exists(&table.name));
    }
    create_table::check_count(tx, &there)?;
    let member = |region: Region| Replica { region, creating_until: now, encryption_key: None };
    let mut made = replica_of(tx, table, id, now)?;
    made.replicas.push(member(region_of(scope)));
    for other in &table.replicas {
        let place = elsewhere(scope, &other.region);
        let Some(mut sibling) = state::table(tx, &place, &table.name)? else { continue };
        let head = stored::head(tx, &place, sibling.incarnation)?;
        begin(tx, &place, sibling.incarnation, &region, head.number + 1)?;
        sibling.replicas.push(member(region.clone()));
        state::put_table(tx, &place, &mut sibling)?;
    }
    view.map_or(Ok(()), |view| streams::open(tx, &there, &mut made, view, now))?;
    if is_strong {
        // Nothing is there that it would have to be filled with.
        made.creating_until = now;
    }
    let regions: Vec<Region> = made.replicas.iter().map(|replica| replica.region.clone()).collect();
    let head = stored::head(tx, &there, made.incarnation)?;
    for other in &regions {
        begin(tx, &there, made.incarnation, other, head.number + 1)?;
    }
    state::put_table(tx, &there, &mut made)?;
    let owner = scope.account().unwrap_or(AccountId::DEFAULT);
    create_table::put_head(tx, &there, &made, owner, (Tags::new(), None))?;
    // What is changed from here on is carried; what was before is copied.
    let head = stored::head(tx, scope, table.incarnation)?;
    begin(tx, scope, table.incarnation, &region, head.number + 1)?;
    table.replicas.push(Replica { encryption_key: key, ..member(region) });
    if is_strong {
        return Ok(None);
    }
    let job = Job::Replica(table.name.clone(), scope.clone());
    Ok(Some((backups::put_job(tx, &there, &job)?, there, job)))
}

/// A table like another, that is not filled yet.
fn replica_of(tx: &mut Tx, table: &TableRecord, id: &str, now: Timestamp) -> Result<TableRecord, Fault> {
    let mut made = TableRecord {
        id: id.to_owned(),
        incarnation: tx.fresh_incarnation()?,
        epoch: 0,
        created: now,
        creating_until: NOT_YET,
        updating_until: now,
        stream: None,
        latest_stream: None,
        history: None,
        restored: None,
        protected: false,
        policy_revision: 0,
        is_deleting: false,
        settings: Settings::default(),
        is_old_global: false,
        expiry_changed: None,
        ..table.clone()
    };
    for index in &mut made.indexes {
        index.incarnation = tx.fresh_incarnation()?;
        index.is_filling = false;
    }
    if let Some(expiry) = &table.expiry {
        let incarnation = tx.fresh_incarnation()?;
        made.expiry = Some(Expiry { incarnation, is_filling: true, ..expiry.clone() });
    }
    Ok(made)
}

fn begin(tx: &mut Tx, scope: &Scope, table: Incarnation, region: &Region, next: u64) -> Result<(), Fault> {
    let mut replication = replication::replication(tx, scope, table)?;
    replication.next.insert(region.clone(), next);
    replication::put_replication(tx, scope, table, &replication)
}

/// Removes the replica of a region: the table there, and what the others know of it.
fn remove(
    tx: &mut Tx,
    scope: &Scope,
    table: &mut TableRecord,
    region: &Region,
    now: Timestamp,
) -> Result<(), DynamoError> {
    let there = elsewhere(scope, region);
    table.replicas.retain(|replica| replica.region != *region);
    if let Some(mut gone) = state::table(tx, &there, &table.name)? {
        if describe::status(&gone, now) == TableStatus::Creating {
            let name = &table.name;
            return Err(DynamoError::InUse(format!("Replica is being created: {name} in {region}")));
        }
        if gone.protected {
            return Err(DynamoError::invalid(format!(
                "Cannot delete table {} in region {region} because it has deletion protection enabled. Disable \
                 deletion protection first.",
                table.name
            )));
        }
        streams::close(tx, &there, &mut gone, now)?;
        state::remove_table(tx, &there, &gone)?;
        if let Some(arn) = describe::table_arn(&there, &table.name) {
            tx.remove_head(&arn)?;
        }
    }
    for other in &table.replicas {
        leave(tx, &elsewhere(scope, &other.region), &table.name, region)?;
    }
    Ok(())
}

/// The table of a region becomes a part of a global table of the version 2017: each of its tables carries its
/// changes to each other from here on.
///
/// # Errors
/// AWS's message.
pub fn join(
    tx: &mut Tx,
    account: AccountId,
    global: &GlobalRecord,
    region: &Region,
) -> Result<(), DynamoError> {
    let there = Scope::Regional(account, region.clone());
    let table = state::table(tx, &there, &global.name)?;
    let mut table = table.ok_or_else(|| DynamoError::TableNotFound(global.name.clone()))?;
    if table.stream.as_ref().is_none_or(|stream| stream.view != StreamView::Both) {
        return Err(DynamoError::invalid(BOTH_IMAGES));
    }
    if !table.replicas.is_empty() || table.is_old_global {
        return Err(exists(&global.name));
    }
    if state::rows(tx, &there, table.incarnation, &RowRange::all(), true).next().is_some() {
        return Err(DynamoError::invalid(format!("The table {} in {region} must be empty", global.name)));
    }
    table.is_old_global = true;
    for other in &global.regions {
        let place = elsewhere(&there, other);
        let Some(mut sibling) = state::table(tx, &place, &global.name)? else { continue };
        if sibling.key != table.key {
            return Err(DynamoError::invalid(format!(
                "The tables of {} must have the same key schema in all regions",
                global.name
            )));
        }
        connect(tx, (&place, &mut sibling), region)?;
        state::put_table(tx, &place, &mut sibling)?;
        connect(tx, (&there, &mut table), other)?;
    }
    Ok(state::put_table(tx, &there, &mut table)?)
}

/// A table begins to carry its changes to a region.
fn connect(tx: &mut Tx, (scope, table): (&Scope, &mut TableRecord), to: &Region) -> Result<(), Fault> {
    let head = stored::head(tx, scope, table.incarnation)?;
    begin(tx, scope, table.incarnation, to, head.number + 1)?;
    table.replicas.push(Replica { region: to.clone(), creating_until: Timestamp(0), encryption_key: None });
    Ok(())
}

/// The table of a region, which stays, is no part of a global table of the version 2017 any more.
///
/// # Errors
/// The store's.
pub fn part(tx: &mut Tx, account: AccountId, global: &GlobalRecord, region: &Region) -> Result<(), Fault> {
    let there = Scope::Regional(account, region.clone());
    if let Some(mut table) = state::table(tx, &there, &global.name)? {
        leave_all(tx, &there, &table)?;
        (table.replicas, table.is_old_global) = (Vec::new(), false);
        state::put_table(tx, &there, &mut table)?;
    }
    Ok(())
}

/// A table's siblings forget it, as it is deleted.
///
/// # Errors
/// The store's.
pub fn leave_all(tx: &mut Tx, scope: &Scope, table: &TableRecord) -> Result<(), Fault> {
    let own = region_of(scope);
    if let (true, Some(account)) = (table.is_old_global, scope.account())
        && let Some(mut global) = global::global(tx, account, &table.name)?
    {
        global.regions.remove(&own);
        global::put_global(tx, account, &global)?;
    }
    table.replicas.iter().try_for_each(|other| leave(tx, &elsewhere(scope, &other.region), &table.name, &own))
}

fn leave(tx: &mut Tx, place: &Scope, name: &String, region: &Region) -> Result<(), Fault> {
    let Some(mut sibling) = state::table(tx, place, name)? else { return Ok(()) };
    sibling.replicas.retain(|replica| replica.region != *region);
    state::put_table(tx, place, &mut sibling)
}

/// When a write of this region is said to be: after the write of another region that it finds here, or the regions
/// would keep different ones where both were in the same millisecond.
///
/// # Errors
/// The store's.
pub fn moment(
    tx: &Tx,
    (scope, table): (&Scope, &TableRecord),
    row: &[u8],
    now: Timestamp,
) -> Result<Timestamp, Fault> {
    let version = Version { at: now, region: region_of(scope) };
    Ok(match replication::version(tx, scope, table.incarnation, row)? {
        Some(found) if found > version => found.at.plus_millis(i64::from(found.region > version.region)),
        _ => now,
    })
}

/// Notes a change of a table with replicas, and what it left: which write of its row was the last, and that it is
/// to be carried.
///
/// # Errors
/// The store's.
pub fn changed(
    tx: &mut Tx,
    write: &ItemWrite,
    at: Timestamp,
    after: Option<&Bytes>,
) -> Result<(), DynamoError> {
    let (scope, table) = (&write.scope, &*write.table);
    if table.global.strong {
        return consistency::mirror(tx, write, at, after);
    }
    let version = Version { at, region: region_of(scope) };
    replication::put_version(tx, scope, table.incarnation, &write.row, &version)?;
    let mut replication = replication::replication(tx, scope, table.incarnation)?;
    if replication.is_under_way {
        return Ok(());
    }
    replication.is_under_way = true;
    replication::put_replication(tx, scope, table.incarnation, &replication)?;
    Ok(schedule(tx, scope, &table.name, at)?)
}

fn schedule(tx: &mut Tx, scope: &Scope, table: &str, due: Timestamp) -> Result<(), Fault> {
    let timer = Timer {
        kind: CARRY.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::copy_from_slice(table.as_bytes()),
        payload: Bytes::new(),
    };
    tx.schedule(&timer).map(drop)
}

fn carry(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    Ok(carry_some(tx, timer)?)
}

/// Carries some changes to each region, and comes again for the rest.
fn carry_some(tx: &mut Tx, timer: &Timer) -> Result<(), DynamoError> {
    let (scope, name) = (&timer.scope, String::from_utf8_lossy(&timer.key).into_owned());
    let Some(table) = state::table(tx, scope, &name)? else { return Ok(()) };
    let mut replication = replication::replication(tx, scope, table.incarnation)?;
    let mut more = false;
    for replica in &table.replicas {
        let next = replication.next.get(&replica.region).copied().unwrap_or_default();
        let (changes, rest) = changes(tx, scope, &table, next)?;
        let there = elsewhere(scope, &replica.region);
        let Some(target) = state::table(tx, &there, &name)?.map(Arc::new) else { continue };
        // A replica that is being filled gets its changes afterwards; its job comes here again.
        if target.creating_until == NOT_YET {
            continue;
        }
        more |= rest;
        let Some((last, _)) = changes.last() else { continue };
        replication.next.insert(replica.region.clone(), last + 1);
        for (_, change) in &changes {
            apply(tx, (&there, &target), change, (scope, &table))?;
        }
    }
    replication.is_under_way = more;
    replication::put_replication(tx, scope, table.incarnation, &replication)?;
    if more {
        schedule(tx, scope, &name, timer.due)?;
    }
    Ok(())
}

/// Some changes of a table's stream from a number on, and whether there are more.
fn changes(
    tx: &Tx,
    scope: &Scope,
    table: &TableRecord,
    next: u64,
) -> Result<(Vec<(u64, Change)>, bool), DynamoError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let Some(open) = &table.stream else { return Ok((found, false)) };
    let Some(stream) = stored::stream(tx, scope, &table.name, &open.label)? else {
        return Ok((found, false));
    };
    for shard in stream.shards.iter().filter(|shard| shard.end.is_none_or(|(last, _)| last >= next)) {
        for change in stored::changes(tx, scope, shard.incarnation, next) {
            let (number, change) = change?;
            if found.len() == CHANGES || bytes > BYTES {
                return Ok((found, true));
            }
            bytes += change.new.as_ref().map_or(0, Bytes::len);
            found.push((number, change));
        }
    }
    Ok((found, false))
}

/// Applies a change of another region, unless a later write was here already.
fn apply(
    tx: &mut Tx,
    (scope, table): (&Scope, &Arc<TableRecord>),
    change: &Change,
    (from, source): (&Scope, &TableRecord),
) -> Result<(), DynamoError> {
    if change.origin == Origin::Replica {
        return Ok(());
    }
    let key = state::item(&change.keys)?;
    let row = table.key.row(&key).ok_or(DynamoError::Corrupt("a change has no key"))?;
    let version = Version { at: change.at, region: region_of(from) };
    let present = replication::version(tx, scope, table.incarnation, &row)?;
    if present.is_some_and(|present| present > version) {
        return Ok(());
    }
    // A stream that holds no new images says only where something changed: what is there now is carried, and what
    // changes it later is carried once more.
    let holds_new = source.stream.as_ref().is_none_or(|stream| stream.view.has_new());
    let new = match holds_new {
        true => change.new.clone(),
        false => state::row(tx, from, source.incarnation, &row)?,
    };
    put(tx, (scope, table), (change.at, &row, new.as_ref()))?;
    Ok(replication::put_version(tx, scope, table.incarnation, &row, &version)?)
}

/// Writes what another region wrote: a row and what is to be there.
///
/// # Errors
/// The store's.
pub fn put(
    tx: &mut Tx,
    (scope, table): (&Scope, &Arc<TableRecord>),
    (at, row, new): (Timestamp, &[u8], Option<&Bytes>),
) -> Result<(), DynamoError> {
    let mut write = copy::item_write(scope, table, at, row, new)?;
    write.origin = Origin::Replica;
    let mut sums = BTreeMap::<Incarnation, Count>::new();
    for (incarnation, count) in write.run(tx)?.deltas {
        let sum = sums.entry(incarnation).or_default();
        *sum = sum.plus(count);
    }
    for (incarnation, count) in sums {
        state::add_drift(tx, scope, incarnation, count)?;
    }
    Ok(())
}

/// A replica is filled: it can be used, and gets what has changed meanwhile.
///
/// # Errors
/// The store's.
pub fn filled(
    tx: &mut Tx,
    (scope, name): (&Scope, &String),
    source: &Scope,
    ready: Timestamp,
) -> Result<(), DynamoError> {
    let Some(mut table) = state::table(tx, scope, name)? else { return Ok(()) };
    table.creating_until = ready;
    state::put_table(tx, scope, &mut table)?;
    if table.expiry.as_ref().is_some_and(|expiry| expiry.is_filling) {
        timers::begin_filling(tx, scope, name, ready)?;
    }
    let others = table.replicas.iter().map(|replica| elsewhere(scope, &replica.region));
    for place in others.chain([source.clone()]) {
        let Some(sibling) = state::table(tx, &place, name)? else { continue };
        let mut replication: Replication = replication::replication(tx, &place, sibling.incarnation)?;
        if !replication.is_under_way {
            replication.is_under_way = true;
            replication::put_replication(tx, &place, sibling.incarnation, &replication)?;
            schedule(tx, &place, name, ready)?;
        }
    }
    Ok(())
}
