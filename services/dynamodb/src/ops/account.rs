//! DescribeLimits, DescribeEndpoints: what holds for all tables.

use crate::errors::DynamoError;
use crate::units;
use model_dynamodb::{
    DescribeEndpointsInput, DescribeEndpointsOutput, DescribeLimitsInput, DescribeLimitsOutput, Endpoint,
};
use service::Ctx;
use std::sync::Arc;

/// The quotas of an account in a region.
const ACCOUNT_UNITS: i64 = 80_000;
/// The quotas of a table.
const TABLE_UNITS: i64 = units::MAX_UNITS;
/// How long a client may keep an endpoint.
const ENDPOINT_MINUTES: i64 = 1_440;

/// DescribeLimits.
pub async fn describe_limits(
    _ctx: Ctx,
    _input: Arc<DescribeLimitsInput>,
) -> Result<DescribeLimitsOutput, DynamoError> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: Some(ACCOUNT_UNITS),
        account_max_write_capacity_units: Some(ACCOUNT_UNITS),
        table_max_read_capacity_units: Some(TABLE_UNITS),
        table_max_write_capacity_units: Some(TABLE_UNITS),
    })
}

/// DescribeEndpoints: the endpoint by which the client came.
pub async fn describe_endpoints(
    ctx: Ctx,
    _input: Arc<DescribeEndpointsInput>,
) -> Result<DescribeEndpointsOutput, DynamoError> {
    let origin = &ctx.request().origin;
    let address = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
    let endpoint = Endpoint { address: address.to_owned(), cache_period_in_minutes: ENDPOINT_MINUTES };
    Ok(DescribeEndpointsOutput { endpoints: vec![endpoint] })
}
