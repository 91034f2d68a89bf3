//! Event source mappings: what their owners may choose.

use crate::errors::LambdaError;
use crate::rules::filter::Filter;
use crate::state::Mapping;
use crate::state::mappings::StreamChoices;
use model_lambda::{
    CreateEventSourceMappingInput, DestinationConfig, EventSourcePosition, FilterCriteria,
    FunctionResponseType, ScalingConfig, UpdateEventSourceMappingInput,
};
use names::Arn;

/// Messages of one invocation, where the owner does not say.
pub const DEFAULT_BATCH: u32 = 10;
const MAX_BATCH: i32 = 10_000;
const MAX_FIFO_BATCH: i32 = 10;
/// Records of one invocation of a stream, where the owner does not say.
pub const DEFAULT_STREAM_BATCH: u32 = 100;
const MAX_STREAM_BATCH: i32 = 10_000;
/// Filters of one mapping (Lambda quotas).
const MAX_FILTERS: usize = 10;

/// Choices in the form that creation and change have in common; `None` leaves what is.
pub struct Choices<'a> {
    batch_size: Option<i32>,
    window: Option<i32>,
    filters: Option<&'a FilterCriteria>,
    responses: Option<&'a [FunctionResponseType]>,
    scaling: Option<&'a ScalingConfig>,
    parallel: Option<i32>,
    bisects: Option<bool>,
    retries: Option<i32>,
    max_age: Option<i32>,
    tumbling: Option<i32>,
    destinations: Option<&'a DestinationConfig>,
}

impl<'a> Choices<'a> {
    /// Those of a new mapping.
    pub fn of_new(input: &'a CreateEventSourceMappingInput) -> Self {
        Choices {
            batch_size: input.batch_size,
            window: input.maximum_batching_window_in_seconds,
            filters: input.filter_criteria.as_ref(),
            responses: input.function_response_types.as_deref(),
            scaling: input.scaling_config.as_ref(),
            parallel: input.parallelization_factor,
            bisects: input.bisect_batch_on_function_error,
            retries: input.maximum_retry_attempts,
            max_age: input.maximum_record_age_in_seconds,
            tumbling: input.tumbling_window_in_seconds,
            destinations: input.destination_config.as_ref(),
        }
    }

    /// Those of a change.
    pub fn of_change(input: &'a UpdateEventSourceMappingInput) -> Self {
        Choices {
            batch_size: input.batch_size,
            window: input.maximum_batching_window_in_seconds,
            filters: input.filter_criteria.as_ref(),
            responses: input.function_response_types.as_deref(),
            scaling: input.scaling_config.as_ref(),
            parallel: input.parallelization_factor,
            bisects: input.bisect_batch_on_function_error,
            retries: input.maximum_retry_attempts,
            max_age: input.maximum_record_age_in_seconds,
            tumbling: input.tumbling_window_in_seconds,
            destinations: input.destination_config.as_ref(),
        }
    }
}

/// The queue or stream of a mapping.
///
/// # Errors
/// Where the source is none that can be read here.
pub fn source(text: Option<&str>) -> Result<Arn, LambdaError> {
    let Some(text) = text else {
        return Err(LambdaError::invalid("Unrecognized event source."));
    };
    let arn: Arn =
        text.parse().map_err(|_| LambdaError::invalid(format!("Unrecognized event source: {text}")))?;
    match arn.service() {
        "sqs" => Ok(arn),
        "dynamodb" if arn.resource().contains("/stream/") => Ok(arn),
        "kinesis" | "kafka" | "mq" | "rds" => Err(LambdaError::invalid(format!(
            "Event sources of {} are not available in this region yet.",
            arn.service()
        ))),
        _ => Err(LambdaError::invalid("Unrecognized event source, must be kinesis, dynamodb stream or sqs.")),
    }
}

/// Refuses what the kind of source does not have.
///
/// # Errors
/// Where one of it is chosen.
pub fn refuse_absent(source: &Arn, input: &CreateEventSourceMappingInput) -> Result<(), LambdaError> {
    if source.service() == "sqs" && input.destination_config.is_some() {
        let message = "Unsupported DestinationConfig parameter for given event source mapping type.";
        return Err(LambdaError::invalid(message));
    }
    let (kind, refused): (_, Vec<(bool, &str)>) = if source.service() == "sqs" {
        let of_streams = vec![
            (input.starting_position.is_some(), "StartingPosition"),
            (input.parallelization_factor.is_some(), "ParallelizationFactor"),
            (input.bisect_batch_on_function_error.is_some(), "BisectBatchOnFunctionError"),
            (input.maximum_retry_attempts.is_some(), "MaximumRetryAttempts"),
            (input.maximum_record_age_in_seconds.is_some(), "MaximumRecordAgeInSeconds"),
            (input.tumbling_window_in_seconds.is_some(), "TumblingWindowInSeconds"),
            (input.provisioned_poller_config.is_some(), "ProvisionedPollerConfig"),
        ];
        ("sqs", of_streams)
    } else {
        let of_queues = vec![
            (input.scaling_config.is_some(), "ScalingConfig"),
            (input.provisioned_poller_config.is_some(), "ProvisionedPollerConfig"),
        ];
        ("dynamodb", of_queues)
    };
    match refused.iter().find(|(chosen, _)| *chosen) {
        Some((_, name)) => {
            Err(LambdaError::invalid(format!("{name} is not supported for the event source type {kind}.")))
        }
        None => Ok(()),
    }
}

/// How a new mapping reads a stream; none for queues.
///
/// # Errors
/// Where it does not say from where on, or says what streams of tables do not have.
pub fn stream(
    source: &Arn,
    input: &CreateEventSourceMappingInput,
) -> Result<Option<StreamChoices>, LambdaError> {
    if source.service() == "sqs" {
        return Ok(None);
    }
    let position = input.starting_position.as_ref().ok_or_else(|| {
        LambdaError::invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be \
             null.",
        )
    })?;
    if *position == EventSourcePosition::AtTimestamp {
        return Err(LambdaError::invalid(format!("Unsupported starting position for arn type: {source}")));
    }
    Ok(Some(StreamChoices {
        position: position.as_str().to_owned(),
        position_at: None,
        parallel: 1,
        bisects: false,
        retries: None,
        max_age_s: None,
        window_s: 0,
    }))
}

/// A mapping with choices, checked.
///
/// # Errors
/// Where a choice is none that it may have.
pub fn choose(mut mapping: Mapping, choices: &Choices<'_>) -> Result<Mapping, LambdaError> {
    if let Some(size) = choices.batch_size {
        let most = match mapping.source.resource().ends_with(".fifo") {
            _ if mapping.stream.is_some() => MAX_STREAM_BATCH,
            true => MAX_FIFO_BATCH,
            false => MAX_BATCH,
        };
        if size > most {
            return Err(LambdaError::invalid(format!("Batch size must be between 1 and {most}.")));
        }
        mapping.batch_size = size.unsigned_abs();
    }
    if let Some(window) = choices.window {
        mapping.window_s = window.unsigned_abs();
    }
    let fifo = mapping.source.resource().ends_with(".fifo");
    if fifo && mapping.window_s > 0 {
        return Err(LambdaError::invalid(
            "Batching window is not supported for FIFO queues. Please remove MaximumBatchingWindowInSeconds.",
        ));
    }
    if mapping.stream.is_none() && mapping.batch_size > DEFAULT_BATCH && mapping.window_s == 0 {
        return Err(LambdaError::invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ));
    }
    if let Some(criteria) = choices.filters {
        mapping.filters = filters(criteria)?;
    }
    if let Some(responses) = choices.responses {
        mapping.reports_failures = responses.contains(&FunctionResponseType::ReportBatchItemFailures);
    }
    if let Some(scaling) = choices.scaling {
        mapping.max_concurrency = scaling.maximum_concurrency.map(i32::unsigned_abs);
    }
    if let Some(stream) = &mut mapping.stream {
        choose_of_stream(stream, choices);
    }
    if let Some(destinations) = choices.destinations {
        mapping.on_failure = on_failure(destinations)?;
    }
    Ok(mapping)
}

/// A bound where the owner gives one; -1 is none.
fn bound(given: i32) -> Option<u32> {
    u32::try_from(given).ok()
}

fn choose_of_stream(stream: &mut StreamChoices, choices: &Choices<'_>) {
    stream.parallel = choices.parallel.map_or(stream.parallel, i32::unsigned_abs);
    stream.bisects = choices.bisects.unwrap_or(stream.bisects);
    stream.retries = choices.retries.map_or(stream.retries, bound);
    stream.max_age_s = choices.max_age.map_or(stream.max_age_s, bound);
    stream.window_s = choices.tumbling.map_or(stream.window_s, i32::unsigned_abs);
}

fn on_failure(destinations: &DestinationConfig) -> Result<Option<String>, LambdaError> {
    let given = destinations.on_failure.as_ref().and_then(|failure| failure.destination.as_deref());
    let Some(text) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    let arn = text.parse::<Arn>().ok().filter(|arn| matches!(arn.service(), "sqs" | "sns" | "s3"));
    let refused = || LambdaError::invalid(format!("The destination ARN {text} is invalid."));
    arn.map(|arn| Some(arn.to_string())).ok_or_else(refused)
}

fn filters(criteria: &FilterCriteria) -> Result<Vec<String>, LambdaError> {
    let patterns: Vec<String> =
        criteria.filters.iter().flatten().filter_map(|filter| filter.pattern.clone()).collect();
    if patterns.len() > MAX_FILTERS {
        return Err(LambdaError::invalid(format!("Filter list must not exceed {MAX_FILTERS} filters.")));
    }
    if patterns.iter().any(|pattern| Filter::parse(pattern).is_none()) {
        return Err(LambdaError::invalid("Invalid filter pattern definition."));
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::{Scope, Timestamp};

    fn mapping(source: &str) -> Mapping {
        Mapping {
            uuid: String::new(),
            scope: Scope::Partition,
            generation: 0,
            source: source.parse().unwrap(),
            function: "f".to_owned(),
            qualifier: None,
            enabled: true,
            batch_size: DEFAULT_BATCH,
            window_s: 0,
            filters: Vec::new(),
            reports_failures: false,
            max_concurrency: None,
            modified: Timestamp(0),
            stream: None,
            on_failure: None,
        }
    }

    #[test]
    fn batches_and_windows() {
        let (standard, fifo) =
            ("arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sqs:us-east-1:000000000000:q.fifo");
        let cases = [
            (standard, Some(10), None, true),
            (standard, Some(11), None, false),
            (standard, Some(11), Some(1), true),
            (standard, Some(10_001), Some(1), false),
            (fifo, Some(11), Some(1), false),
            (fifo, Some(10), None, true),
        ];
        for (source, batch_size, window, fine) in cases {
            let input = CreateEventSourceMappingInput {
                batch_size,
                maximum_batching_window_in_seconds: window,
                ..Default::default()
            };
            let chosen = choose(mapping(source), &Choices::of_new(&input));
            assert_eq!(chosen.is_ok(), fine, "{source} {batch_size:?} {window:?}");
        }
    }

    const STREAM: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000";

    /// CreateEventSourceMapping, API reference: -1 is no bound.
    #[test]
    fn streams() {
        let input = CreateEventSourceMappingInput {
            starting_position: Some(EventSourcePosition::Latest),
            maximum_retry_attempts: Some(3),
            maximum_record_age_in_seconds: Some(-1),
            batch_size: Some(500),
            ..Default::default()
        };
        let arn = source(Some(STREAM)).unwrap();
        let stream = stream(&arn, &input).unwrap();
        let mapping = choose(Mapping { stream, ..mapping(STREAM) }, &Choices::of_new(&input)).unwrap();
        let chosen = mapping.stream.unwrap();
        assert_eq!((chosen.retries, chosen.max_age_s, mapping.batch_size), (Some(3), None, 500));
        let absent = CreateEventSourceMappingInput::default();
        assert!(super::stream(&arn, &absent).is_err());
        assert!(refuse_absent(&arn, &input).is_ok());
        let queue = source(Some("arn:aws:sqs:us-east-1:000000000000:q")).unwrap();
        assert!(refuse_absent(&queue, &input).is_err());
    }

    #[test]
    fn sources() {
        assert!(source(Some("arn:aws:sqs:us-east-1:000000000000:q")).is_ok());
        assert!(source(Some(STREAM)).is_ok());
        for bad in
            [None, Some("q"), Some("arn:aws:s3:::b"), Some("arn:aws:kinesis:us-east-1:000000000000:stream/s")]
        {
            assert!(source(bad).is_err(), "{bad:?}");
        }
    }
}
