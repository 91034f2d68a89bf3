//! Event source mappings: what their owners may choose.

use crate::errors::LambdaError;
use crate::rules::filter::Filter;
use crate::state::Mapping;
use model_lambda::{
    CreateEventSourceMappingInput, FilterCriteria, FunctionResponseType, ScalingConfig,
    UpdateEventSourceMappingInput,
};
use names::Arn;

/// Messages of one invocation, where the owner does not say.
pub const DEFAULT_BATCH: u32 = 10;
const MAX_BATCH: i32 = 10_000;
const MAX_FIFO_BATCH: i32 = 10;
/// Filters of one mapping (Lambda quotas).
const MAX_FILTERS: usize = 10;

/// Choices in the form that creation and change have in common; `None` leaves what is.
pub struct Choices<'a> {
    batch_size: Option<i32>,
    window: Option<i32>,
    filters: Option<&'a FilterCriteria>,
    responses: Option<&'a [FunctionResponseType]>,
    scaling: Option<&'a ScalingConfig>,
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
        }
    }
}

/// The queue of a mapping.
///
/// # Errors
/// Where the source is none that can be read here.
pub fn queue(source: Option<&str>) -> Result<Arn, LambdaError> {
    let Some(text) = source else {
        return Err(LambdaError::invalid("Event source ARN is required."));
    };
    let arn: Arn =
        text.parse().map_err(|_| LambdaError::invalid(format!("Unrecognized event source: {text}")))?;
    match arn.service() {
        "sqs" => Ok(arn),
        "dynamodb" | "kinesis" | "kafka" | "mq" | "rds" => Err(LambdaError::invalid(format!(
            "Event sources of {} are not available in this region yet.",
            arn.service()
        ))),
        _ => Err(LambdaError::invalid("Unrecognized event source, must be kinesis, dynamodb stream or sqs.")),
    }
}

/// Refuses what queues do not have.
///
/// # Errors
/// Where one of it is chosen.
pub fn refuse_absent(input: &CreateEventSourceMappingInput) -> Result<(), LambdaError> {
    let of_streams = [
        (input.starting_position.is_some(), "StartingPosition"),
        (input.parallelization_factor.is_some(), "ParallelizationFactor"),
        (input.bisect_batch_on_function_error.is_some(), "BisectBatchOnFunctionError"),
        (input.maximum_retry_attempts.is_some(), "MaximumRetryAttempts"),
        (input.maximum_record_age_in_seconds.is_some(), "MaximumRecordAgeInSeconds"),
        (input.tumbling_window_in_seconds.is_some(), "TumblingWindowInSeconds"),
        (input.destination_config.is_some(), "DestinationConfig"),
        (input.provisioned_poller_config.is_some(), "ProvisionedPollerConfig"),
    ];
    match of_streams.iter().find(|(chosen, _)| *chosen) {
        Some((_, name)) => {
            Err(LambdaError::invalid(format!("{name} is not supported for the event source type sqs.")))
        }
        None => Ok(()),
    }
}

/// A mapping with choices, checked.
///
/// # Errors
/// Where a choice is none that it may have.
pub fn choose(mut mapping: Mapping, choices: &Choices<'_>) -> Result<Mapping, LambdaError> {
    if let Some(size) = choices.batch_size {
        let most = if mapping.source.resource().ends_with(".fifo") { MAX_FIFO_BATCH } else { MAX_BATCH };
        if size > most {
            return Err(LambdaError::invalid(format!("Batch size must be between 1 and {most}.")));
        }
        mapping.batch_size = size.unsigned_abs();
    }
    if let Some(window) = choices.window {
        mapping.window_s = window.unsigned_abs();
    }
    if mapping.batch_size > DEFAULT_BATCH && mapping.window_s == 0 {
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
    Ok(mapping)
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

    #[test]
    fn sources() {
        assert!(queue(Some("arn:aws:sqs:us-east-1:000000000000:q")).is_ok());
        for bad in
            [None, Some("q"), Some("arn:aws:s3:::b"), Some("arn:aws:kinesis:us-east-1:000000000000:stream/s")]
        {
            assert!(queue(bad).is_err(), "{bad:?}");
        }
    }
}
