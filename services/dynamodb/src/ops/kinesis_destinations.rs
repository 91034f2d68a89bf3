//! EnableKinesisStreamingDestination, UpdateKinesisStreamingDestination, DisableKinesisStreamingDestination,
//! DescribeKinesisStreamingDestination: stored, and described as failed, since no room of the region keeps
//! streams of Kinesis.

use crate::errors::DynamoError;
use crate::find;
use crate::state::{self, Destination};
use model::{
    ApproximateCreationDateTimePrecision as Precision, DescribeKinesisStreamingDestinationInput,
    DescribeKinesisStreamingDestinationOutput, DestinationStatus, DisableKinesisStreamingDestinationInput,
    DisableKinesisStreamingDestinationOutput, EnableKinesisStreamingConfiguration,
    EnableKinesisStreamingDestinationInput, EnableKinesisStreamingDestinationOutput,
    KinesisDataStreamDestination, UpdateKinesisStreamingConfiguration,
    UpdateKinesisStreamingDestinationInput, UpdateKinesisStreamingDestinationOutput,
};
use model_dynamodb as model;
use names::Arn;
use service::Ctx;
use std::sync::Arc;

/// Why no change reaches its stream.
const ABSENT: &str = "Kinesis Data Streams is not served in this region";

async fn change(
    ctx: &Ctx,
    table: &str,
    stream: &str,
    change: impl Fn(&mut Vec<Destination>) -> Result<(), DynamoError> + Send + 'static,
) -> Result<String, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), table)?;
    let is_stream = stream.parse::<Arn>().is_ok_and(|arn| arn.service() == "kinesis");
    if !is_stream {
        return Err(DynamoError::invalid(format!("Invalid StreamArn: {stream}")));
    }
    let name = address.name.clone();
    ctx.commit(move |tx| {
        let table = state::table(tx, &address.scope, &address.name)?;
        let mut table = table.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
        change(&mut table.settings.destinations)?;
        Ok::<_, DynamoError>(state::put_table(tx, &address.scope, &mut table)?)
    })
    .await?;
    Ok(name)
}

fn wanted<'d>(all: &'d mut [Destination], stream: &str) -> Result<&'d mut Destination, DynamoError> {
    let found = all.iter_mut().find(|one| one.stream == stream && one.enabled);
    found.ok_or_else(|| {
        DynamoError::invalid(
            "Table is not in a valid state to enable Kinesis Streaming Destination: KinesisStreamingDestination must \
             be ACTIVE to perform DISABLE operation.",
        )
    })
}

/// EnableKinesisStreamingDestination.
pub async fn enable_kinesis_streaming_destination(
    ctx: Ctx,
    input: Arc<EnableKinesisStreamingDestinationInput>,
) -> Result<EnableKinesisStreamingDestinationOutput, DynamoError> {
    let (stream, asked) = (input.stream_arn.clone(), input.enable_kinesis_streaming_configuration.clone());
    let precision = asked.as_ref().and_then(|asked| asked.approximate_creation_date_time_precision.clone());
    let precision = precision.map(|precision| precision.to_string());
    let name = change(&ctx, &input.table_name, &input.stream_arn, move |all| {
        // AWS allows two; one that failed may be enabled again.
        all.retain(|one| one.stream != stream);
        if all.iter().filter(|one| one.enabled).count() >= 2 {
            return Err(DynamoError::Limit(
                "Subscriber limit exceeded: Only 2 Kinesis streaming destinations are allowed per table"
                    .to_owned(),
            ));
        }
        let stream = stream.clone();
        all.push(Destination { stream, enabled: true, precision: precision.clone() });
        Ok(())
    });
    Ok(EnableKinesisStreamingDestinationOutput {
        table_name: Some(name.await?),
        stream_arn: Some(input.stream_arn.clone()),
        destination_status: Some(DestinationStatus::Enabling),
        enable_kinesis_streaming_configuration: asked.map(|asked| EnableKinesisStreamingConfiguration {
            approximate_creation_date_time_precision: asked.approximate_creation_date_time_precision,
        }),
    })
}

/// UpdateKinesisStreamingDestination.
pub async fn update_kinesis_streaming_destination(
    ctx: Ctx,
    input: Arc<UpdateKinesisStreamingDestinationInput>,
) -> Result<UpdateKinesisStreamingDestinationOutput, DynamoError> {
    let asked = input.update_kinesis_streaming_configuration.clone();
    let precision = asked.as_ref().and_then(|asked| asked.approximate_creation_date_time_precision.clone());
    let Some(precision) = precision else {
        return Err(DynamoError::invalid(
            "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration cannot \
             be null or contain only null values",
        ));
    };
    let (stream, text) = (input.stream_arn.clone(), precision.to_string());
    let name = change(&ctx, &input.table_name, &input.stream_arn, move |all| {
        wanted(all, &stream)?.precision = Some(text.clone());
        Ok(())
    });
    Ok(UpdateKinesisStreamingDestinationOutput {
        table_name: Some(name.await?),
        stream_arn: Some(input.stream_arn.clone()),
        destination_status: Some(DestinationStatus::Updating),
        update_kinesis_streaming_configuration: Some(UpdateKinesisStreamingConfiguration {
            approximate_creation_date_time_precision: Some(precision),
        }),
    })
}

/// DisableKinesisStreamingDestination.
pub async fn disable_kinesis_streaming_destination(
    ctx: Ctx,
    input: Arc<DisableKinesisStreamingDestinationInput>,
) -> Result<DisableKinesisStreamingDestinationOutput, DynamoError> {
    let stream = input.stream_arn.clone();
    let name = change(&ctx, &input.table_name, &input.stream_arn, move |all| {
        wanted(all, &stream)?.enabled = false;
        Ok(())
    });
    Ok(DisableKinesisStreamingDestinationOutput {
        table_name: Some(name.await?),
        stream_arn: Some(input.stream_arn.clone()),
        destination_status: Some(DestinationStatus::Disabling),
        enable_kinesis_streaming_configuration: None,
    })
}

/// DescribeKinesisStreamingDestination.
pub async fn describe_kinesis_streaming_destination(
    ctx: Ctx,
    input: Arc<DescribeKinesisStreamingDestinationInput>,
) -> Result<DescribeKinesisStreamingDestinationOutput, DynamoError> {
    let (address, table) = find::known(&ctx, &input.table_name)?;
    let table = table.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
    let described = |one: &Destination| KinesisDataStreamDestination {
        stream_arn: Some(one.stream.clone()),
        destination_status: Some(match one.enabled {
            true => DestinationStatus::EnableFailed,
            false => DestinationStatus::Disabled,
        }),
        destination_status_description: one.enabled.then(|| ABSENT.to_owned()),
        approximate_creation_date_time_precision: one.precision.as_deref().map(Precision::from),
    };
    Ok(DescribeKinesisStreamingDestinationOutput {
        table_name: Some(address.name),
        kinesis_data_stream_destinations: Some(table.settings.destinations.iter().map(described).collect()),
    })
}
