//! UpdateTable: billing, throughput, class, protection; global indexes made and removed on a live table.

use crate::consistency;
use crate::definitions;
use crate::describe::{self, Counts};
use crate::encryption;
use crate::errors::DynamoError;
use crate::find;
use crate::jobs;
use crate::ops::create_table::keep_used_attributes;
use crate::replicas;
use crate::state::{self, IndexRecord, IndexScope, TableRecord, Throughput};
use crate::statistics::Statistics;
use crate::streams;
use crate::timers;
use crate::units;
use model::{BillingMode, GlobalSecondaryIndexUpdate, TableStatus, UpdateTableInput, UpdateTableOutput};
use model_dynamodb as model;
use names::{AccountId, Scope, Timestamp};
use service::{Ctx, Pace};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Tx;

/// How long AWS takes to change a table.
pub const CHANGE: Pace = Pace { aws_ms: 10_000 };

/// UpdateTable.
pub async fn update_table(ctx: Ctx, input: Arc<UpdateTableInput>) -> Result<UpdateTableOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    check(&input)?;
    let pace = i64::try_from(ctx.pace(CHANGE).as_millis()).unwrap_or(i64::MAX);
    let (now, encryption) = (ctx.now(), encryption::key(&ctx, input.sse_specification.as_ref()));
    let ids: Vec<String> = input.replica_updates.iter().flatten().map(|_| ctx.uuid()).collect();
    let (scope, name) = (address.scope.clone(), address.name);
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    let starting = jobs::starting(&ctx).await;
    let (limits, is_warming) = (input.on_demand_throughput.clone(), input.warm_throughput.is_some());
    let (record, before, filling) = ctx
        .commit(move |tx| {
            let record = state::table(tx, &scope, &name)?;
            let mut record = record.ok_or_else(|| DynamoError::NoSuchTable(name.clone()))?;
            let status = describe::status(&record, now);
            if status != TableStatus::Active {
                return Err(describe::in_use(&name, &status));
            }
            let before = record.throughput.clone();
            let updates = input.replica_updates.as_deref().unwrap_or_default();
            consistency::decide(tx, &scope, &mut record, &input)?;
            let filling = replicas::change(tx, &scope, &mut record, updates, (now, &ids))?;
            consistency::settle(&mut record);
            let wish = Wish { input: &input, encryption: &encryption, now, pace, account };
            wish.change(tx, &scope, &mut record)?;
            units::check_maxima(units_of(&input), scope.region())?;
            if updates.is_empty() && !record.is_old_global {
                wish.change_replicas(tx, &record)?;
            }
            Ok::<_, DynamoError>((record, before, filling))
        })
        .await?;
    let is_small = ctx.part::<Statistics>().get(record.incarnation).is_some_and(|count| count.items < 2_000);
    jobs::start(&ctx, starting, filling, is_small).await?;
    let counts = Counts::known(&ctx, &address.scope, &record).await?;
    // While a table is being changed it is described with the figures it had.
    let throughput = Throughput { read: before.read, write: before.write, ..record.throughput.clone() };
    let record = TableRecord { throughput, ..record };
    let status = if is_warming { TableStatus::Active } else { TableStatus::Updating };
    let mut description = describe::table(&address.scope, &record, status, &counts);
    if let Some((_, before)) = record.warming.filter(|_| is_warming) {
        description.warm_throughput = Some(describe::warmth(before, TableStatus::Updating));
    }
    if let Some(limits) = limits.filter(|limits| *limits != model::OnDemandThroughput::default()) {
        // The bounds as they were asked for, also where that ends one.
        let told = description.on_demand_throughput.get_or_insert_default();
        told.max_read_request_units = limits.max_read_request_units.or(told.max_read_request_units);
        told.max_write_request_units = limits.max_write_request_units.or(told.max_write_request_units);
    }
    Ok(UpdateTableOutput { table_description: Some(description) })
}

/// What is changed of a table, and of its replicas.
struct Wish<'i> {
    input: &'i UpdateTableInput,
    encryption: &'i Option<String>,
    now: Timestamp,
    pace: i64,
    account: AccountId,
}

impl Wish<'_> {
    fn change(&self, tx: &mut Tx, scope: &Scope, record: &mut TableRecord) -> Result<(), DynamoError> {
        if let Some(asked) = &self.input.sse_specification {
            encryption::check_change(Some(asked), record.encryption_key.as_ref())?;
            record.encryption_key.clone_from(self.encryption);
        }
        let (warm, until) = (units::warm_of(record), self.now.plus_millis(self.pace));
        change(tx, scope, record, self.input, self.now)?;
        // A table stays active while its warm throughput is raised, and has the one before until then
        // (aws-controllers-k8s/dynamodb-controller, docs/api-quirks, DDB-TABLE-179, recorded in October 2026).
        match self.input.warm_throughput {
            Some(_) => record.warming = Some((until, warm)),
            None => record.updating_until = until,
        }
        state::put_table(tx, scope, record)?;
        if record.indexes.iter().any(|index| index.is_filling) {
            timers::begin_filling(tx, scope, &record.name, self.now)?;
        }
        Ok(())
    }

    /// Indexes and billing are the same in all regions; a stream and a protection are each region's own.
    fn change_replicas(&self, tx: &mut Tx, record: &TableRecord) -> Result<(), DynamoError> {
        let input = UpdateTableInput {
            stream_specification: None,
            deletion_protection_enabled: None,
            sse_specification: None,
            table_class: None,
            ..self.input.clone()
        };
        let shared = Wish { input: &input, ..*self };
        for replica in &record.replicas {
            let scope = Scope::Regional(self.account, replica.region.clone());
            if let Some(mut sibling) = state::table(tx, &scope, &record.name)? {
                shared.change(tx, &scope, &mut sibling)?;
            }
        }
        Ok(())
    }
}

fn check(input: &UpdateTableInput) -> Result<(), DynamoError> {
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    let replicas = input.replica_updates.as_deref().unwrap_or_default();
    definitions::stream_view(input.stream_specification.as_ref(), false)?;
    encryption::check(input.sse_specification.as_ref())?;
    let asks = [
        input.provisioned_throughput.is_some(),
        input.billing_mode.is_some(),
        input.stream_specification.is_some(),
        !updates.is_empty(),
        input.sse_specification.is_some(),
        input.table_class.is_some(),
        input.deletion_protection_enabled.is_some(),
        input.on_demand_throughput.is_some(),
        input.warm_throughput.is_some(),
        input.global_table_settings_replication_mode.is_some(),
    ];
    if asks.contains(&true) && !replicas.is_empty() {
        return Err(DynamoError::invalid_value(match consistency::is_wished(input) {
            true => "Requests that modify replicas or witnesses must not also modify other fields",
            false => "Replica modification must be the only operation in the request",
        }));
    }
    if !asks.contains(&true) && replicas.is_empty() {
        return Err(nothing_asked(input));
    }
    consistency::check(input)?;
    check_together(input)?;
    if input.billing_mode == Some(BillingMode::Provisioned) && input.provisioned_throughput.is_none() {
        return Err(DynamoError::invalid_value(
            "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ));
    }
    input.provisioned_throughput.as_ref().map(definitions::throughput).transpose()?;
    check_index_updates(updates)
}

/// The units that a request asks for: of the table, and of indexes by their names.
fn units_of(input: &UpdateTableInput) -> impl Iterator<Item = (Option<&str>, &model::ProvisionedThroughput)> {
    let own = input.provisioned_throughput.iter().map(|asked| (None, asked));
    let indexes = input.global_secondary_index_updates.iter().flatten().filter_map(|update| {
        let changed = update.update.as_ref();
        let changed = changed.and_then(|one| Some((&one.index_name, one.provisioned_throughput.as_ref()?)));
        let made = update.create.as_ref();
        let made = made.and_then(|one| Some((&one.index_name, one.provisioned_throughput.as_ref()?)));
        changed.or(made).map(|(name, asked)| (Some(name.as_str()), asked))
    });
    own.chain(indexes)
}

/// What is told that changes nothing (aws-controllers-k8s/dynamodb-controller, docs/api-quirks, DDB-TABLE-442): it
/// names what is missing, also what only AWS's own tools can ask for.
fn nothing_asked(input: &UpdateTableInput) -> DynamoError {
    let consistency = if input.multi_region_consistency.is_some() { "" } else { "MultiRegionConsistency, " };
    DynamoError::invalid(format!(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, \
         SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, \
         {consistency}DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"
    ))
}

/// Refuses what AWS does not do in one request, in its order and words (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks).
fn check_together(input: &UpdateTableInput) -> Result<(), DynamoError> {
    let refused = |message: String| Err(DynamoError::invalid_value(message));
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    let throughput = input.provisioned_throughput.is_some();
    let stream = input.stream_specification.is_some();
    let alone = [
        (input.sse_specification.is_some(), "Server-Side Encryption modification"),
        (input.table_class.is_some(), "TableClass modification"),
        (input.deletion_protection_enabled.is_some(), "DeletionProtection modification"),
        (input.warm_throughput.is_some(), "WarmThroughput"),
    ];
    let billing = input.billing_mode.is_some();
    let bounds = input.on_demand_throughput.is_some();
    let asked = alone.iter().filter(|(is_asked, _)| *is_asked).count();
    let together = asked + [throughput, billing, stream, bounds].into_iter().filter(|asked| *asked).count();
    let (raises, makes) =
        (input.warm_throughput.is_some(), updates.iter().any(|update| update.create.is_some()));
    if raises && makes && together == 1 {
        return refused(
            "Create global secondary index cannot be specified when updating WarmThroughput".to_owned(),
        );
    }
    // The table's warm throughput and those of its indexes may be raised at once.
    let is_alone = together == 1 && (updates.is_empty() || raises);
    if let Some((_, what)) = alone.iter().find(|(is_asked, _)| *is_asked && !is_alone) {
        return refused(format!("{what} must be the only operation in the request"));
    }
    if bounds && (throughput || stream) {
        return refused(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request".to_owned(),
        );
    }
    if stream && (throughput || input.billing_mode == Some(BillingMode::Provisioned)) {
        return refused("You cannot modify stream status while updating table IOPS".to_owned());
    }
    if updates.iter().all(|update| update.create.is_none() && update.delete.is_none()) {
        return Ok(());
    }
    if throughput {
        return refused("You cannot create or delete index while updating table IOPS".to_owned());
    }
    match stream {
        true => refused("You cannot create or delete index while changing stream status".to_owned()),
        false => Ok(()),
    }
}

fn index_name(update: &GlobalSecondaryIndexUpdate) -> Option<&String> {
    let updated = update.update.as_ref().map(|update| &update.index_name);
    let created = update.create.as_ref().map(|create| &create.index_name);
    updated.or(created).or(update.delete.as_ref().map(|delete| &delete.index_name))
}

fn check_index_updates(updates: &[GlobalSecondaryIndexUpdate]) -> Result<(), DynamoError> {
    let mut seen = BTreeSet::new();
    for update in updates {
        let Some(name) = index_name(update) else {
            return Err(DynamoError::invalid_value(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                 GlobalSecondaryIndexUpdate.Delete must not be null",
            ));
        };
        let asks = [update.update.is_some(), update.create.is_some(), update.delete.is_some()];
        if asks.into_iter().filter(|asked| *asked).count() > 1 {
            return Err(DynamoError::invalid_value(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
            ));
        }
        if !seen.insert(name) {
            return Err(DynamoError::invalid_value(format!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
    }
    let online = updates.iter().filter(|update| update.create.is_some() || update.delete.is_some()).count();
    if online > 1 {
        return Err(DynamoError::Limit(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                .to_owned(),
        ));
    }
    Ok(())
}

fn change(
    tx: &mut Tx,
    scope: &Scope,
    record: &mut TableRecord,
    input: &UpdateTableInput,
    now: Timestamp,
) -> Result<(), DynamoError> {
    change_billing(record, input, now)?;
    for update in input.global_secondary_index_updates.iter().flatten() {
        if let Some(create) = &update.create {
            create_index(tx, record, input, create)?;
        } else if let Some(delete) = &update.delete {
            delete_index(tx, scope, record, &delete.index_name)?;
        } else if let Some(update) = &update.update {
            update_index(record, update, now)?;
        }
    }
    if let Some(asked) = &input.stream_specification {
        change_stream(tx, scope, record, asked, now)?;
    }
    if let Some(class) = &input.table_class {
        // One that was never stated is the standard class already.
        if record.class.is_some() || *class != model::TableClass::Standard {
            record.class = Some((class.to_string(), Some(now)));
        }
    }
    if let Some(protected) = input.deletion_protection_enabled {
        record.protected = protected;
    }
    if let Some(mode) = &input.global_table_settings_replication_mode {
        if *mode == model::GlobalTableSettingsReplicationMode::EnabledWithOverrides {
            return Err(DynamoError::invalid(
                "Value 'ENABLED_WITH_OVERRIDES' at 'GlobalTableSettingsReplicationMode' failed to satisfy \
                 constraint: Only ENABLED and DISABLED settings replication are supported for a Regional Table.",
            ));
        }
        record.global.settings_mode = Some(mode.to_string());
    }
    if let Some(limits) = &input.on_demand_throughput {
        let on_demand = record.on_demand.is_some();
        record.on_demand_limits = units::bounds(limits, record.on_demand_limits, on_demand, "table")?;
    }
    if let Some(asked) = &input.warm_throughput {
        let present = units::warm_of(record);
        record.warm = Some(units::raised_warm(asked, present, "table")?);
    }
    Ok(())
}

fn change_stream(
    tx: &mut Tx,
    scope: &Scope,
    record: &mut TableRecord,
    asked: &model::StreamSpecification,
    now: Timestamp,
) -> Result<(), DynamoError> {
    match (definitions::stream_view(Some(asked), false)?, &record.stream) {
        (Some(_), Some(_)) => {
            let name = &record.name;
            Err(DynamoError::invalid(format!("Table already has an enabled stream: TableName: {name}")))
        }
        (None, None) => {
            let name = &record.name;
            Err(DynamoError::invalid(format!("Table has no stream to disable: TableName: {name}")))
        }
        (Some(view), None) => Ok(streams::open(tx, scope, record, view, now)?),
        (None, Some(_)) if is_carried(record) => {
            Err(DynamoError::invalid_value("Disabling Stream is not allowed for a Global Table replica."))
        }
        (None, Some(_)) => Ok(streams::close(tx, scope, record, now)?),
    }
}

/// Whether other regions get what is written, by the stream.
fn is_carried(record: &TableRecord) -> bool {
    record.is_old_global || !(record.replicas.is_empty() || record.global.strong)
}

fn change_billing(
    record: &mut TableRecord,
    input: &UpdateTableInput,
    now: Timestamp,
) -> Result<(), DynamoError> {
    let on_demand_after = match &input.billing_mode {
        Some(mode) => *mode == BillingMode::PayPerRequest,
        None => record.on_demand.is_some(),
    };
    if input.provisioned_throughput.is_some() && on_demand_after {
        return Err(definitions::units_on_demand());
    }
    // Told of tables that once were paid by request (aws-controllers-k8s/dynamodb-controller, docs/api-quirks,
    // DDB-TABLE-058).
    record.billing_stated |= on_demand_after != record.on_demand.is_some();
    if on_demand_after != record.on_demand.is_some() || input.provisioned_throughput.is_some() {
        keep_warm(record);
    }
    if on_demand_after && record.on_demand.is_none() {
        (record.on_demand, record.was_on_demand) = (Some(now), Some(now));
        record.throughput = Throughput::default();
        record.indexes.iter_mut().for_each(|index| index.throughput = Throughput::default());
    }
    if !on_demand_after && let Some(since) = record.on_demand.take() {
        record.was_on_demand = Some(since);
        // What bounds request units ends with them.
        record.on_demand_limits = None;
        record.indexes.iter_mut().for_each(|index| index.on_demand_limits = None);
        check_index_throughputs(record, input)?;
    }
    match &input.provisioned_throughput {
        Some(asked) => units::change(&mut record.throughput, asked, now, "the table"),
        None => Ok(()),
    }
}

/// What a table and its indexes could take at once they can take from now on, however they are paid.
fn keep_warm(record: &mut TableRecord) {
    let on_demand = record.on_demand.is_some();
    let held = |asked, throughput: &Throughput| {
        let (read, write) = units::warm(asked, throughput, on_demand);
        Some((Some(read), Some(write)))
    };
    record.warm = held(record.warm, &record.throughput);
    for index in record.indexes.iter_mut().filter(|index| index.scope == IndexScope::Global) {
        index.warm = held(index.warm, &index.throughput);
    }
}

/// A table that is provisioned again needs figures for each of its indexes.
fn check_index_throughputs(record: &TableRecord, input: &UpdateTableInput) -> Result<(), DynamoError> {
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    let given = |index: &&IndexRecord| {
        updates
            .iter()
            .any(|update| update.update.as_ref().is_some_and(|update| update.index_name == index.name))
    };
    let global = record.indexes.iter().filter(|index| index.scope == IndexScope::Global);
    let missing: Vec<&str> = global.filter(|index| !given(index)).map(|index| index.name.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(definitions::no_index_units(&missing.join(",")))
}

fn create_index(
    tx: &mut Tx,
    record: &mut TableRecord,
    input: &UpdateTableInput,
    create: &model::CreateGlobalSecondaryIndexAction,
) -> Result<(), DynamoError> {
    find::check_name("IndexName", &create.index_name)?;
    let global = record.indexes.iter().filter(|index| index.scope == IndexScope::Global).count();
    if global >= definitions::MAX_GLOBAL {
        return Err(DynamoError::Limit(
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20"
                .to_owned(),
        ));
    }
    if record.index(&create.index_name).is_some() {
        return Err(DynamoError::invalid(format!(
            "Attempting to create an index which already exists: {}",
            create.index_name
        )));
    }
    if record.indexes.iter().any(|index| index.is_filling) {
        return Err(DynamoError::Limit(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                .to_owned(),
        ));
    }
    let given = definitions::attributes(input.attribute_definitions.as_deref().unwrap_or_default());
    if given.is_empty() {
        return Err(DynamoError::invalid_value(format!(
            "AttributeDefinitions is not specified for index: {}",
            create.index_name
        )));
    }
    definitions::check_defined_once(&given)?;
    let index = model::GlobalSecondaryIndex {
        index_name: create.index_name.clone(),
        key_schema: create.key_schema.clone(),
        projection: create.projection.clone(),
        provisioned_throughput: create.provisioned_throughput.clone(),
        on_demand_throughput: create.on_demand_throughput.clone(),
        warm_throughput: create.warm_throughput.clone(),
    };
    // The keys of a new index are defined with it, also those that are known already.
    let wish = definitions::global_index(&index, &given, record.on_demand.is_some())?;
    let mut attributes = record.attributes.clone();
    for part in given {
        match attributes.iter().find(|old| old.name == part.name) {
            None => attributes.push(part),
            Some(old) if old.kind == part.kind => {}
            Some(old) => {
                return Err(DynamoError::invalid_value(format!(
                    "Attributes cannot be redefined. Please check that your attribute has the same type as \
                     previously defined. Existing schema: Schema:[SchemaElement: key{{{0}:{1}:HASH}}] New \
                     schema: Schema:[SchemaElement: key{{{0}:{2}:HASH}}]",
                    part.name,
                    old.kind.name(),
                    part.kind.name()
                )));
            }
        }
    }
    let made = IndexRecord { is_filling: true, ..wish.record(tx.fresh_incarnation()?) };
    let last_global = record.indexes.iter().rposition(|index| index.scope == IndexScope::Global);
    record.indexes.insert(last_global.map_or(0, |place| place + 1), made);
    record.attributes = attributes;
    keep_used_attributes(record);
    Ok(())
}

fn delete_index(tx: &mut Tx, scope: &Scope, record: &mut TableRecord, name: &str) -> Result<(), DynamoError> {
    let place = record.indexes.iter().position(|index| index.name == name);
    let place = place.ok_or_else(|| no_index(name, &record.name))?;
    check_global(&record.indexes[place], "delete")?;
    let gone = record.indexes.remove(place);
    tx.discard(scope, gone.incarnation)?;
    keep_used_attributes(record);
    Ok(())
}

fn update_index(
    record: &mut TableRecord,
    update: &model::UpdateGlobalSecondaryIndexAction,
    now: Timestamp,
) -> Result<(), DynamoError> {
    if update.provisioned_throughput.as_ref().is_some_and(|asked| definitions::throughput(asked).is_err()) {
        return Err(DynamoError::invalid(
            "This operation cannot be performed with given input values. Please contact DynamoDB service team \
             for more info: Action Blocked: IndexUpdate",
        ));
    }
    let (table, on_demand) = (record.name.clone(), record.on_demand.is_some());
    let index = record.indexes.iter_mut().find(|index| index.name == update.index_name);
    let index = index.ok_or_else(|| no_index(&update.index_name, &table))?;
    check_global(index, "update")?;
    let is_empty = update.on_demand_throughput.is_none() && update.warm_throughput.is_none();
    if on_demand && is_empty {
        return Err(DynamoError::invalid_value(format!(
            "The only Updates for index: {} when TableThroughputMode is PAY_PER_REQUEST can be to \
             OnDemandThroughput, WarmThroughput",
            index.name
        )));
    }
    let whose = format!("index {}", index.name);
    if let Some(asked) = &update.provisioned_throughput {
        let warm = units::warm(index.warm, &index.throughput, on_demand);
        units::change(&mut index.throughput, asked, now, &format!("the {whose}"))?;
        index.warm = Some((Some(warm.0), Some(warm.1)));
    }
    if let Some(limits) = &update.on_demand_throughput {
        index.on_demand_limits = units::bounds(limits, index.on_demand_limits, on_demand, &whose)?;
    }
    if let Some(asked) = &update.warm_throughput {
        if *asked == model::WarmThroughput::default() {
            return Err(DynamoError::invalid_value(format!(
                "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified \
                 for index: {}",
                index.name
            )));
        }
        let present = units::warm(index.warm, &index.throughput, on_demand);
        index.warm = Some(units::raised_warm(asked, present, &whose)?);
    }
    Ok(())
}

/// Refuses a local index, which stays as it was made.
fn check_global(index: &IndexRecord, what: &str) -> Result<(), DynamoError> {
    match index.scope {
        IndexScope::Global => Ok(()),
        IndexScope::Local => Err(DynamoError::invalid(format!(
            "Cannot {what} an index that is not a GlobalSecondaryIndex: {}",
            index.name
        ))),
    }
}

/// What names an index that a table has not.
fn no_index(index: &str, table: &str) -> DynamoError {
    DynamoError::NoResource(format!("Requested resource not found: Index {index} for table {table}"))
}
