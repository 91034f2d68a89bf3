//! From the `TableName` of a request, which may be an ARN, to the table.

use crate::errors::DynamoError;
use crate::state::{self, TableRecord};
use crate::throttle::{self, Side};
use crate::views::TablesView;
use names::{AccountId, Arn, Region, Scope, Timestamp};
use service::{Ctx, Peek};
use std::future::Future;
use std::sync::Arc;

/// How often an operation begins again because its table changed under it.
const ATTEMPTS: u32 = 8;

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The account and region.
    pub scope: Scope,
    /// Its name.
    pub name: String,
}

/// A table that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The account and region.
    pub scope: Scope,
    /// Its record.
    pub table: Arc<TableRecord>,
    /// When it was found.
    pub now: Timestamp,
}

/// The table that a text names: a name, or an ARN of this region.
///
/// # Errors
/// Where it can name no table.
pub fn address(account: AccountId, region: &Region, text: &str) -> Result<Address, DynamoError> {
    if !text.starts_with("arn:") {
        check_name("TableName", text)?;
        return Ok(Address { scope: Scope::Regional(account, region.clone()), name: text.to_owned() });
    }
    let invalid =
        || DynamoError::invalid(format!("Invalid TableArn: Invalid ResourceArn provided as input {text}"));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    let name =
        arn.resource().strip_prefix("table/").filter(|name| !name.contains('/')).ok_or_else(invalid)?;
    let account = arn.account().filter(|_| arn.service() == "dynamodb").ok_or_else(invalid)?;
    if arn.region_text() != region.as_str() {
        return Err(invalid());
    }
    check_name("TableName", name)?;
    Ok(Address { scope: Scope::Regional(account, region.clone()), name: name.to_owned() })
}

/// Checks the name of a table or an index.
///
/// # Errors
/// AWS's message.
pub fn check_name(parameter: &str, name: &str) -> Result<(), DynamoError> {
    if !(3..=255).contains(&name.len()) {
        return Err(DynamoError::invalid(format!(
            "{parameter} must be at least 3 characters long and at most 255 characters long"
        )));
    }
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')) {
        return Ok(());
    }
    let mut member = parameter.to_owned();
    member[..1].make_ascii_lowercase();
    Err(DynamoError::invalid(format!(
        "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must \
         satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    )))
}

/// The record of a table, as the view has it.
///
/// # Errors
/// The store's, or that of a bad name.
pub fn known(ctx: &Ctx, text: &str) -> Result<(Address, Option<Arc<TableRecord>>), DynamoError> {
    let address = address(ctx.account(), ctx.region(), text)?;
    let key = (address.scope, address.name);
    let record = ctx.view::<TablesView>().with(&key, |record| record.clone())?;
    Ok((Address { scope: key.0, name: key.1 }, record))
}

/// The same for an operation's demands.
pub fn peeked(peek: &Peek, text: &str) -> Option<Arc<TableRecord>> {
    let address = address(peek.account(), peek.region(), text).ok()?;
    peek.view::<TablesView>().with(&(address.scope, address.name), |record| record.clone()).ok().flatten()
}

fn usable(record: Option<Arc<TableRecord>>, now: Timestamp) -> Result<Arc<TableRecord>, DynamoError> {
    record.filter(|record| record.creating_until <= now && !record.is_deleting).ok_or(DynamoError::NoTable)
}

/// The table of an item operation: it exists and is not being made.
///
/// # Errors
/// `NoTable`, the store's, or that of a bad name.
pub fn item_table(ctx: &Ctx, text: &str) -> Result<Found, DynamoError> {
    let (address, record) = known(ctx, text)?;
    let now = ctx.now();
    let found = Found { scope: address.scope, table: usable(record, now)?, now };
    if let Some(side) = side(ctx.request().operation) {
        throttle::check(ctx, &found.table, side)?;
    }
    Ok(found)
}

/// What an operation takes units for; a statement of PartiQL says so only when it is read.
fn side(operation: &str) -> Option<Side> {
    match operation {
        "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan" => Some(Side::Read),
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
            Some(Side::Write)
        }
        _ => None,
    }
}

/// The same, read from the store: a view may be a moment behind.
///
/// # Errors
/// As `item_table`.
pub fn fresh_table(ctx: &Ctx, text: &str) -> Result<Found, DynamoError> {
    let address = address(ctx.account(), ctx.region(), text)?;
    let record = state::table(&ctx.read(), &address.scope, &address.name)?.map(Arc::new);
    let now = ctx.now();
    Ok(Found { scope: address.scope, table: usable(record, now)?, now })
}

/// How an operation finds tables in its present attempt.
pub type Finder = fn(&Ctx, &str) -> Result<Found, DynamoError>;

/// Runs an operation that decides by records of tables; it begins again where one has changed since.
///
/// # Errors
/// Those of the operation.
pub async fn settled<T, R>(mut attempt: impl FnMut(Finder) -> R) -> Result<T, DynamoError>
where
    R: Future<Output = Result<T, DynamoError>>,
{
    let mut result = attempt(item_table).await;
    for _ in 1..ATTEMPTS {
        if !matches!(result, Err(DynamoError::Stale)) {
            return result;
        }
        result = attempt(fresh_table).await;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns() {
        let region: Region = "us-east-1".parse().unwrap();
        let of = |text: &str| address(AccountId::DEFAULT, &region, text);
        assert_eq!(of("orders").unwrap().name, "orders");
        let arn = of("arn:aws:dynamodb:us-east-1:111122223333:table/orders").unwrap();
        let account = "111122223333".parse().unwrap();
        assert_eq!(arn, Address { scope: Scope::Regional(account, region.clone()), name: "orders".into() });
        for bad in [
            "",
            "ab",
            "a;bc",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
            "arn:aws:sqs:us-east-1:111122223333:table/orders",
            "arn:aws:dynamodb:us-east-1:111122223333:table/orders/index/x",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
