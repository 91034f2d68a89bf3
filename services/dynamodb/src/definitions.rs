//! From what CreateTable and UpdateTable are given to keys and indexes, with AWS's checks in its order.

use crate::errors::DynamoError;
use crate::rules::change::StreamView;
use crate::rules::keys::{KeyKind, KeyPart, KeySchema};
use crate::rules::sets;
use crate::state::{IndexRecord, IndexScope, Projected, Throughput};
use crate::units::{self, Units};
use model::{AttributeDefinition, KeySchemaElement, KeyType, ProvisionedThroughput, ScalarAttributeType};
use model_dynamodb as model;
use std::collections::{BTreeSet, HashSet};
use store::Incarnation;

/// The most local indexes of a table.
const MAX_LOCAL: usize = 5;
/// The most global indexes of a table.
pub const MAX_GLOBAL: usize = 20;
/// The most attributes that all indexes of a table may name beside their keys.
const MAX_INCLUDED: usize = 100;
/// Above this AWS refuses a throughput at once.
const MAX_UNITS: i64 = 1_000_000_000_000;

/// An index as it is asked for.
#[derive(Debug, Clone)]
pub struct IndexWish {
    /// Its name.
    pub name: String,
    /// Whose keys it has.
    pub scope: IndexScope,
    /// What it is keyed by.
    pub key: KeySchema,
    /// What it holds.
    pub projected: Projected,
    /// Its provisioned throughput.
    pub throughput: Throughput,
    /// Its warm throughput.
    pub warm: Option<Units>,
    /// Its bounds of request units.
    pub on_demand_limits: Option<Units>,
}

impl IndexWish {
    /// The index, with the number that its entries are keyed by.
    pub fn record(self, incarnation: Incarnation) -> IndexRecord {
        IndexRecord {
            name: self.name,
            incarnation,
            scope: self.scope,
            key: self.key,
            projected: self.projected,
            throughput: self.throughput,
            warm: self.warm,
            on_demand_limits: self.on_demand_limits,
            is_filling: false,
        }
    }
}

/// The key attributes that are defined.
pub fn attributes(definitions: &[AttributeDefinition]) -> Vec<KeyPart> {
    let kind = |kind: &ScalarAttributeType| match kind {
        ScalarAttributeType::N => KeyKind::N,
        ScalarAttributeType::B => KeyKind::B,
        // The model's enum was checked before the room.
        ScalarAttributeType::S | ScalarAttributeType::Other(_) => KeyKind::S,
    };
    let part = |definition: &AttributeDefinition| KeyPart {
        name: definition.attribute_name.clone(),
        kind: kind(&definition.attribute_type),
    };
    definitions.iter().map(part).collect()
}

/// Refuses an attribute that is defined twice.
///
/// # Errors
/// AWS's message.
pub fn check_defined_once(attributes: &[KeyPart]) -> Result<(), DynamoError> {
    let mut seen = BTreeSet::new();
    match attributes.iter().find(|part| !seen.insert(part.name.as_str())) {
        None => Ok(()),
        Some(twice) => Err(DynamoError::invalid(format!("Attribute Name is duplicated: {}", twice.name))),
    }
}

fn names<'n>(all: impl Iterator<Item = &'n String>) -> String {
    sets::listed(all.map(String::as_str))
}

/// The most attributes of the key of a table or a local index.
const MAX_PLAIN_KEY: usize = 2;
/// The most attributes of each side of the key of a global index.
const MAX_KEY_SIDE: usize = 4;

/// The key of a table or local index, of attributes that are defined.
///
/// # Errors
/// AWS's message.
pub fn key(elements: &[KeySchemaElement], attributes: &[KeyPart]) -> Result<KeySchema, DynamoError> {
    check_defined(elements, attributes)?;
    if elements.len() == MAX_PLAIN_KEY && elements[1].key_type != KeyType::Range {
        check_first(elements)?;
        return Err(DynamoError::invalid(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ));
    }
    global_key(elements, attributes)
}

/// Refuses a key of a table or local index with too many attributes, as a broken constraint.
///
/// # Errors
/// AWS's message.
pub fn check_plain_length(elements: &[KeySchemaElement], place: &str) -> Result<(), DynamoError> {
    if elements.len() <= MAX_PLAIN_KEY {
        return Ok(());
    }
    let printed = elements.iter().map(|element| {
        format!("KeySchemaElement(attributeName={}, keyType={})", element.attribute_name, element.key_type)
    });
    Err(DynamoError::invalid(format!(
        "1 validation error detected: Value '[{}]' at '{place}' failed to satisfy constraint: Member must \
         have length less than or equal to {MAX_PLAIN_KEY}",
        printed.collect::<Vec<_>>().join(", ")
    )))
}

fn check_defined(elements: &[KeySchemaElement], attributes: &[KeyPart]) -> Result<(), DynamoError> {
    let defined: HashSet<&str> = attributes.iter().map(|part| part.name.as_str()).collect();
    if elements.iter().all(|element| defined.contains(element.attribute_name.as_str())) {
        return Ok(());
    }
    Err(DynamoError::invalid_value(format!(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], \
         AttributeDefinitions: [{}]",
        names(elements.iter().map(|element| &element.attribute_name)),
        names(attributes.iter().map(|part| &part.name))
    )))
}

fn check_first(elements: &[KeySchemaElement]) -> Result<(), DynamoError> {
    let mut seen = BTreeSet::new();
    if !elements.iter().all(|element| seen.insert(element.attribute_name.as_str())) {
        return Err(DynamoError::invalid(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if elements.first().is_none_or(|first| first.key_type != KeyType::Hash) {
        return Err(DynamoError::invalid(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ));
    }
    Ok(())
}

/// The key of a global index: up to four attributes on each side (developer guide, "Multi-attribute keys").
///
/// # Errors
/// AWS's message.
pub fn global_key(elements: &[KeySchemaElement], attributes: &[KeyPart]) -> Result<KeySchema, DynamoError> {
    check_defined(elements, attributes)?;
    check_first(elements)?;
    if !elements.is_sorted_by_key(|element| element.key_type != KeyType::Hash) {
        return Err(DynamoError::invalid_value(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ));
    }
    let of_side = |side: KeyType| elements.iter().filter(move |element| element.key_type == side);
    for side in [KeyType::Hash, KeyType::Range] {
        if of_side(side.clone()).count() > MAX_KEY_SIDE {
            return Err(DynamoError::invalid_value(format!(
                "The KeySchema exceeds the maximum allowed number of {side} key attributes"
            )));
        }
    }
    let side = |side: KeyType| -> Vec<KeyPart> {
        let part = |element: &KeySchemaElement| {
            attributes.iter().find(|part| part.name == element.attribute_name).cloned()
        };
        of_side(side).filter_map(part).collect()
    };
    Ok(KeySchema { partition: side(KeyType::Hash), sort: side(KeyType::Range) })
}

fn projected(projection: &model::Projection) -> Result<Projected, DynamoError> {
    let kind = projection.projection_type.as_ref();
    let kind = kind.ok_or_else(|| DynamoError::invalid_value("Unknown ProjectionType: null"))?;
    match (kind, &projection.non_key_attributes) {
        (model::ProjectionType::Include, Some(names)) => {
            let mut seen = BTreeSet::new();
            match names.iter().find(|name| !seen.insert(name.as_str())) {
                None => Ok(Projected::Include(names.clone())),
                Some(twice) => {
                    Err(DynamoError::invalid_value(format!("Duplicate element in NonKeyAttributes: {twice}")))
                }
            }
        }
        (model::ProjectionType::Include, None) => Err(DynamoError::invalid_value(
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        )),
        (kind, Some(_)) => Err(DynamoError::invalid_value(format!(
            "ProjectionType is {kind}, but NonKeyAttributes is specified"
        ))),
        (model::ProjectionType::KeysOnly, None) => Ok(Projected::Keys),
        (_, None) => Ok(Projected::All),
    }
}

/// Checks a throughput that is asked for.
///
/// # Errors
/// AWS's message.
pub fn throughput(asked: &ProvisionedThroughput) -> Result<Throughput, DynamoError> {
    let units = [
        ("ReadCapacityUnits", asked.read_capacity_units),
        ("WriteCapacityUnits", asked.write_capacity_units),
    ];
    for (name, units) in units {
        if units > MAX_UNITS {
            return Err(DynamoError::invalid(format!("Given value {units} for {name} is out of bounds")));
        }
    }
    Ok(Throughput {
        read: asked.read_capacity_units,
        write: asked.write_capacity_units,
        ..Throughput::default()
    })
}

/// What units of a table that is paid by request are told.
pub fn units_on_demand() -> DynamoError {
    DynamoError::invalid_value(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    )
}

/// What a table is told that is to be provisioned without units.
pub fn no_units() -> DynamoError {
    DynamoError::invalid_value(
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
    )
}

/// The same of one of its indexes, or of several by their names.
pub fn no_index_units(names: &str) -> DynamoError {
    DynamoError::invalid_value(format!("ProvisionedThroughput must be specified for index: {names}"))
}

/// The view of a stream that is to be opened; `None` where none is.
///
/// # Errors
/// Where the two settings do not fit together, which AWS says in other words of a table that is new
/// (aws-controllers-k8s/dynamodb-controller, docs/api-quirks).
pub fn stream_view(
    asked: Option<&model::StreamSpecification>,
    is_new: bool,
) -> Result<Option<StreamView>, DynamoError> {
    let Some(asked) = asked else { return Ok(None) };
    match (asked.stream_enabled, &asked.stream_view_type, is_new) {
        (true, Some(view), _) => Ok(StreamView::named(view.as_str())),
        (true, None, true) => Err(DynamoError::invalid_value(
            "Table is being created with a stream enabled, UpdateViewType is required",
        )),
        (true, None, false) => {
            Err(DynamoError::invalid_value("If stream is being enabled then UpdateViewType is required"))
        }
        (false, Some(_), true) => Err(DynamoError::invalid_value(
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        )),
        (false, Some(_), false) => Err(DynamoError::invalid_value(
            "If stream is being disabled, then UpdateViewType must not be specified",
        )),
        (false, None, _) => Ok(None),
    }
}

/// The local indexes of a new table.
///
/// # Errors
/// AWS's message.
pub fn local_indexes(
    asked: Option<&Vec<model::LocalSecondaryIndex>>,
    table: &KeySchema,
    attributes: &[KeyPart],
) -> Result<Vec<IndexWish>, DynamoError> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    if asked.is_empty() {
        return Err(DynamoError::invalid_value("List of LocalSecondaryIndexes is empty"));
    }
    if table.sort.is_empty() {
        return Err(DynamoError::invalid_value(
            "Table KeySchema does not have a range key, which is required when specifying a \
             LocalSecondaryIndex",
        ));
    }
    let mut wishes: Vec<IndexWish> = Vec::new();
    // Of more than there may be the first that is too many is enough to refuse them.
    for index in asked.iter().take(MAX_LOCAL + 1) {
        check_plain_length(&index.key_schema, "localSecondaryIndexes.1.member.keySchema")?;
        let key = key(&index.key_schema, attributes)?;
        if key.sort.is_empty() {
            return Err(DynamoError::invalid_value(format!(
                "Index KeySchema does not have a range key for index: {}",
                index.index_name
            )));
        }
        if key.partition != table.partition {
            return Err(DynamoError::invalid_value(format!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {}. \
                 index hash key: {}, table hash key: {}",
                index.index_name,
                key.leading(),
                table.leading()
            )));
        }
        let wish = IndexWish {
            name: index.index_name.clone(),
            scope: IndexScope::Local,
            key,
            projected: projected(&index.projection)?,
            throughput: Throughput::default(),
            warm: None,
            on_demand_limits: None,
        };
        wishes.push(wish);
    }
    check_names(&wishes)?;
    if wishes.len() > MAX_LOCAL {
        return Err(DynamoError::invalid_value(
            "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        ));
    }
    Ok(wishes)
}

/// Refuses two indexes of one name, and too many included attributes.
///
/// # Errors
/// AWS's message.
pub fn check_names(wishes: &[IndexWish]) -> Result<(), DynamoError> {
    let (mut seen, mut included) = (BTreeSet::new(), 0);
    for wish in wishes {
        if !seen.insert(wish.name.as_str()) {
            return Err(DynamoError::invalid_value(format!("Duplicate index name: {}", wish.name)));
        }
        if let Projected::Include(names) = &wish.projected {
            included += names.len();
        }
    }
    if included <= MAX_INCLUDED {
        return Ok(());
    }
    Err(DynamoError::invalid_value(format!(
        "The total number of attributes projected into all secondary indexes exceeds the limit of {MAX_INCLUDED}"
    )))
}

/// A global index that is asked for.
///
/// # Errors
/// AWS's message.
pub fn global_index(
    index: &model::GlobalSecondaryIndex,
    attributes: &[KeyPart],
    on_demand: bool,
) -> Result<IndexWish, DynamoError> {
    let key = global_key(&index.key_schema, attributes)?;
    let projected = projected(&index.projection)?;
    let throughput = match (&index.provisioned_throughput, on_demand) {
        (Some(_), true) => {
            return Err(DynamoError::invalid_value(format!(
                "ProvisionedThroughput should not be specified for index: {} when BillingMode is \
                 PAY_PER_REQUEST",
                index.index_name
            )));
        }
        (None, false) => {
            return Err(no_index_units(&index.index_name));
        }
        (Some(asked), false) => self::throughput(asked)?,
        (None, true) => Throughput::default(),
    };
    let whose = format!("index {}", index.index_name);
    let warm = units::initial_warm(index.warm_throughput.as_ref(), on_demand, &throughput, &whose)?;
    let bounded = index.on_demand_throughput.as_ref();
    let bounded = bounded.map(|asked| units::bounds(asked, None, on_demand, &whose)).transpose()?;
    Ok(IndexWish {
        name: index.index_name.clone(),
        scope: IndexScope::Global,
        key,
        projected,
        throughput,
        warm,
        on_demand_limits: bounded.flatten(),
    })
}

/// The global indexes of a new table.
///
/// # Errors
/// AWS's message.
pub fn global_indexes(
    asked: Option<&Vec<model::GlobalSecondaryIndex>>,
    attributes: &[KeyPart],
    on_demand: bool,
) -> Result<Vec<IndexWish>, DynamoError> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    if asked.is_empty() {
        return Err(DynamoError::invalid_value("List of GlobalSecondaryIndexes is empty"));
    }
    // Of more than there may be the first that is too many is enough to refuse them.
    let asked = asked.iter().take(MAX_GLOBAL + 1);
    let wishes = asked.map(|index| global_index(index, attributes, on_demand));
    let wishes: Vec<IndexWish> = wishes.collect::<Result<_, _>>()?;
    if wishes.len() > MAX_GLOBAL {
        return Err(DynamoError::invalid_value(
            "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ));
    }
    Ok(wishes)
}

/// Refuses attributes that are defined and used by no key.
///
/// # Errors
/// AWS's message.
pub fn check_all_used<'k>(
    attributes: &[KeyPart],
    keys: impl Iterator<Item = &'k KeySchema>,
    has_indexes: bool,
) -> Result<(), DynamoError> {
    let used: BTreeSet<&str> = keys.flat_map(KeySchema::parts).map(|part| part.name.as_str()).collect();
    if attributes.iter().all(|part| used.contains(part.name.as_str())) {
        return Ok(());
    }
    if !has_indexes {
        return Err(DynamoError::invalid_value(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        ));
    }
    Err(DynamoError::invalid_value(format!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        names(attributes.iter().map(|part| &part.name)),
        sets::listed(used.into_iter())
    )))
}
