//! DescribeLimits, DescribeEndpoints, DescribeContinuousBackups: what holds for all tables.

use crate::errors::DynamoError;
use crate::find;
use model::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput, DescribeEndpointsInput, DescribeEndpointsOutput, DescribeLimitsInput,
    DescribeLimitsOutput, Endpoint, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
};
use model_dynamodb as model;
use service::Ctx;
use std::sync::Arc;

/// The quotas of an account in a region.
const ACCOUNT_UNITS: i64 = 80_000;
/// The quotas of a table.
const TABLE_UNITS: i64 = 40_000;
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

/// DescribeContinuousBackups: no table has point-in-time recovery yet.
pub async fn describe_continuous_backups(
    ctx: Ctx,
    input: Arc<DescribeContinuousBackupsInput>,
) -> Result<DescribeContinuousBackupsOutput, DynamoError> {
    let (address, record) = find::known(&ctx, &input.table_name)?;
    if record.is_none() {
        return Err(DynamoError::TableNotFound(address.name));
    }
    let recovery = PointInTimeRecoveryDescription {
        point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
        ..PointInTimeRecoveryDescription::default()
    };
    Ok(DescribeContinuousBackupsOutput {
        continuous_backups_description: Some(ContinuousBackupsDescription {
            continuous_backups_status: ContinuousBackupsStatus::Enabled,
            point_in_time_recovery_description: Some(recovery),
        }),
    })
}
