//! A region with tables, and short ways to say items and requests.

use model_dynamodb::operations::{CreateTable, DescribeTable, GetItem, PutItem, Scan};
use model_dynamodb::{
    AttributeDefinition, AttributeValue, BillingMode, CreateTableInput, DescribeTableInput, GetItemInput,
    GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection, ProjectionType,
    PutItemInput, ScanInput, TableDescription,
};
use ports::CallRequest;
use schema::{ApiError, OperationModel};
use std::collections::BTreeMap;
use testkit::Region;

/// The region that calls go to where they name none, and another.
pub const HOME: &str = "us-east-1";
pub const AWAY: &str = "eu-west-1";

pub type Item = BTreeMap<String, AttributeValue>;

pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub fn item(pairs: &[(&str, AttributeValue)]) -> Item {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub fn names(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(pairs.iter().map(|(alias, name)| ((*alias).to_owned(), (*name).to_owned())).collect())
}

pub async fn region() -> Region {
    Region::of(vec![dynamodb::service()]).await
}

fn key(attributes: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let pair = attributes.iter().zip(kinds);
    pair.map(|(name, key_type)| KeySchemaElement { attribute_name: (*name).into(), key_type }).collect()
}

/// A table's wish: attributes as `name:type`, the first of them its key.
pub fn table(name: &str, attributes: &[&str], keys: usize) -> CreateTableInput {
    let split =
        |text: &str| text.split_once(':').map(|(name, kind)| (name.to_owned(), kind.to_owned())).unwrap();
    let all: Vec<(String, String)> = attributes.iter().map(|text| split(text)).collect();
    let key_names: Vec<&str> = all[..keys].iter().map(|(name, _)| name.as_str()).collect();
    CreateTableInput {
        table_name: name.into(),
        key_schema: key(&key_names),
        attribute_definitions: all
            .iter()
            .map(|(name, kind)| AttributeDefinition {
                attribute_name: name.clone(),
                attribute_type: kind.as_str().into(),
            })
            .collect(),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..Default::default()
    }
}

pub fn projection(kind: ProjectionType, names: &[&str]) -> Projection {
    Projection {
        projection_type: Some(kind),
        non_key_attributes: (!names.is_empty()).then(|| names.iter().map(|name| (*name).into()).collect()),
    }
}

pub fn global(name: &str, keys: &[&str], projection: Projection) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex { index_name: name.into(), key_schema: key(keys), projection, ..Default::default() }
}

pub fn local(name: &str, keys: &[&str], projection: Projection) -> LocalSecondaryIndex {
    LocalSecondaryIndex { index_name: name.into(), key_schema: key(keys), projection }
}

/// A region with the table `things`, keyed by text `p` and number `r`.
pub async fn with_things() -> Region {
    let region = region().await;
    region.call::<CreateTable>(table("things", &["p:S", "r:N"], 2)).await.unwrap();
    region
}

pub async fn put(region: &Region, table: &str, item: Item) {
    let input = PutItemInput { table_name: table.into(), item, ..Default::default() };
    region.call::<PutItem>(input).await.unwrap();
}

pub async fn get(region: &Region, table: &str, key: Item) -> Option<Item> {
    let input = GetItemInput { table_name: table.into(), key, ..Default::default() };
    region.call::<GetItem>(input).await.unwrap().item
}

/// Calls in a region.
pub async fn called<M: OperationModel>(
    region: &Region,
    name: &str,
    input: M::Input,
) -> Result<M::Output, ApiError> {
    let call = CallRequest::of::<M>(input, Region::root(), name.parse().unwrap());
    region.host().ports().calls.typed::<M>(call).await
}

/// An item of the table `things`.
pub fn thing(r: i64, v: &str) -> Item {
    item(&[("p", s("a")), ("r", n(r)), ("v", s(v))])
}

/// All items of the table `things` of a region.
pub async fn all_in(region: &Region, name: &str) -> Vec<Item> {
    let input = ScanInput { table_name: "things".into(), ..Default::default() };
    called::<Scan>(region, name, input).await.unwrap().items.unwrap()
}

/// The table `things` of a region.
pub async fn table_in(region: &Region, name: &str) -> TableDescription {
    let input = DescribeTableInput { table_name: "things".into() };
    called::<DescribeTable>(region, name, input).await.unwrap().table.unwrap()
}

/// Puts an item into the table `things` of a region.
pub async fn put_in(region: &Region, name: &str, item: Item) {
    let input = PutItemInput { table_name: "things".into(), item, ..Default::default() };
    called::<PutItem>(region, name, input).await.unwrap();
}
