//! What the requests of item operations have in common: their expressions, or what preceded those.

use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::Found;
use crate::rules::codec;
use crate::rules::expression::bind::Bound;
use crate::rules::expression::placeholders::{Names, Placeholders, Values};
use crate::rules::expression::projection::Projection;
use crate::rules::expression::update::Action;
use crate::rules::rows::{RowRange, Rows};
use crate::rules::value::{Item, Value};
use crate::state::{self, IndexScope};
use model_dynamodb::{ItemCollectionMetrics, ReturnItemCollectionMetrics};
use service::Ctx;
use store::Snapshot;

/// The expressions of a request with its names and values.
pub struct Binder<'r> {
    parsed: &'r Expressions,
    placeholders: Placeholders<'r>,
}

fn named(parameter: &'static str) -> impl Fn(String) -> DynamoError {
    move |message| DynamoError::Validation(format!("Invalid {parameter}: {message}"))
}

impl<'r> Binder<'r> {
    /// The names and values of a request.
    ///
    /// # Errors
    /// Where they are wrong by themselves.
    pub fn new(
        parsed: &'r Expressions,
        names: Option<&'r Names>,
        values: Option<&'r Values>,
    ) -> Result<Self, DynamoError> {
        Ok(Binder { parsed, placeholders: Placeholders::new(names, values)? })
    }

    /// A condition under the name of its parameter.
    ///
    /// # Errors
    /// AWS's message.
    pub fn condition(
        &mut self,
        parameter: &'static str,
        text: Option<&String>,
    ) -> Result<Option<Bound>, DynamoError> {
        let Some(text) = text else { return Ok(None) };
        let parsed = self.parsed.condition(text).map_err(named(parameter))?;
        parsed.bind(&mut self.placeholders).map(Some).map_err(named(parameter))
    }

    /// A projection.
    ///
    /// # Errors
    /// AWS's message.
    pub fn projection(&mut self, text: Option<&String>) -> Result<Option<Projection>, DynamoError> {
        let parameter = "ProjectionExpression";
        let Some(text) = text else { return Ok(None) };
        let parsed = self.parsed.projection(text).map_err(named(parameter))?;
        parsed.bind(&mut self.placeholders).map(Some).map_err(named(parameter))
    }

    /// An update.
    ///
    /// # Errors
    /// AWS's message.
    pub fn update(&mut self, text: Option<&String>) -> Result<Option<Vec<Action>>, DynamoError> {
        let parameter = "UpdateExpression";
        let Some(text) = text else { return Ok(None) };
        let parsed = self.parsed.update(text).map_err(named(parameter))?;
        parsed.bind(&mut self.placeholders).map(Some).map_err(named(parameter))
    }

    /// Refuses names and values that were not used.
    ///
    /// # Errors
    /// AWS's message.
    pub fn finish(self) -> Result<(), DynamoError> {
        Ok(self.placeholders.finish()?)
    }
}

/// `ItemCollectionMetrics`, which only tables with local indexes have: the size of the item's partition,
/// as the gigabytes it lies between.
///
/// # Errors
/// The store's.
pub async fn collection_metrics(
    ctx: &Ctx,
    found: &Found,
    key: &Item,
    asked: Option<&ReturnItemCollectionMetrics>,
) -> Result<Option<ItemCollectionMetrics>, DynamoError> {
    let has_local = found.table.indexes.iter().any(|index| index.scope == IndexScope::Local);
    let name = found.table.key.leading();
    let Some(value) =
        key.get(name).filter(|_| has_local && asked == Some(&ReturnItemCollectionMetrics::Size))
    else {
        return Ok(None);
    };
    let (read, found, value) = (ctx.read(), found.clone(), value.clone());
    let collection: Item = [(name.to_owned(), value.clone())].into();
    let bytes = ctx.compute(move || partition_bytes(&read, &found, &value)).await;
    let bytes = bytes.map_err(|_| DynamoError::Corrupt("the size of a partition cannot be computed"))??;
    let low = (bytes / GIGABYTE) as f64;
    Ok(Some(ItemCollectionMetrics {
        item_collection_key: Some(collection),
        size_estimate_range_gb: Some(vec![low, low + 1.0]),
    }))
}

const GIGABYTE: usize = 1 << 30;

/// The bytes of a partition in a table and its local indexes.
fn partition_bytes(read: &Snapshot, found: &Found, partition: &Value) -> Result<usize, DynamoError> {
    let locals = found.table.indexes.iter().filter(|index| index.scope == IndexScope::Local);
    let local = locals.map(|index| (index.incarnation, Rows::Index));
    let mut bytes = 0;
    for (incarnation, rows) in local.chain([(found.table.incarnation, Rows::Table)]) {
        let Some(range) = RowRange::of(rows, &[partition], &[], None) else { continue };
        for row in state::rows(read, &found.scope, incarnation, &range, true) {
            bytes += codec::stored_size(&row?.1);
        }
    }
    Ok(bytes)
}
