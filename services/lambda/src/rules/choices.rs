//! What a request wants of durable executions and of a capacity provider, checked.

use crate::errors::LambdaError;
use crate::state::choices::{Capacity, Choices, Durable, Scaling};
use model_lambda as model;

/// How long a closed execution is kept where nothing is said, in days (SAM, DurableConfig).
const RETENTION_DAYS: u32 = 14;
/// A function is durable from its making on, or never (Lambda developer guide, "Configure Lambda durable
/// functions": existing functions cannot be made durable).
const NOT_DURABLE: &str = "You cannot add durable configuration to an existing function.";

/// Refuses `$LATEST.PUBLISHED` of a function that is on no capacity provider ("$LATEST.PUBLISHED version in Lambda
/// Managed Instances", Lambda developer guide: theirs alone have it). How AWS words that is not known.
///
/// # Errors
/// Where something is to be published to it.
pub fn check_published_to(
    to: Option<&model::FunctionVersionLatestPublished>,
    choices: &Choices,
) -> Result<(), LambdaError> {
    match to {
        Some(_) if choices.capacity.is_none() => Err(LambdaError::invalid(
            "PublishTo is only supported for functions with a capacity provider configuration.",
        )),
        _ => Ok(()),
    }
}

fn unsigned(value: Option<i32>) -> Option<u32> {
    value.and_then(|value| u32::try_from(value).ok())
}

/// The choices of a new function.
///
/// # Errors
/// Where they are none that a function may have.
pub fn of_new(input: &model::CreateFunctionInput) -> Result<Choices, LambdaError> {
    let durable = match &input.durable_config {
        None => None,
        Some(config) => {
            let timeout = unsigned(config.execution_timeout);
            let timeout_s = timeout.ok_or_else(|| {
                LambdaError::invalid("ExecutionTimeout is required when DurableConfig is provided.")
            })?;
            let retention_days = unsigned(config.retention_period_in_days).unwrap_or(RETENTION_DAYS);
            Some(Durable { timeout_s, retention_days })
        }
    };
    let capacity = input.capacity_provider_config.as_ref().map(capacity).transpose()?;
    let choices = Choices { durable, capacity, scaling: Scaling::default() };
    check_published_to(input.publish_to.as_ref(), &choices)?;
    Ok(choices)
}

/// The choices after a change of the configuration.
///
/// # Errors
/// Where they are none that the function may have.
pub fn changed(
    present: Choices,
    input: &model::UpdateFunctionConfigurationInput,
) -> Result<Choices, LambdaError> {
    let mut changed = present;
    if let Some(config) = &input.durable_config {
        let durable = changed.durable.as_mut().ok_or_else(|| LambdaError::invalid(NOT_DURABLE))?;
        durable.timeout_s = unsigned(config.execution_timeout).unwrap_or(durable.timeout_s);
        durable.retention_days = unsigned(config.retention_period_in_days).unwrap_or(durable.retention_days);
    }
    if let Some(config) = &input.capacity_provider_config {
        changed.capacity = Some(capacity(config)?);
    }
    Ok(changed)
}

fn capacity(config: &model::CapacityProviderConfig) -> Result<Capacity, LambdaError> {
    let config = &config.lambda_managed_instances_capacity_provider_config;
    let provider = config.capacity_provider_arn.parse().map_err(|_| {
        LambdaError::invalid(format!(
            "{} is not the ARN of a capacity provider.",
            config.capacity_provider_arn
        ))
    })?;
    Ok(Capacity {
        provider,
        concurrency: unsigned(config.per_execution_environment_max_concurrency),
        gib_per_vcpu: config.execution_environment_memory_gi_b_per_v_cpu,
    })
}

/// How a version is to scale; what is not said is as it was.
///
/// # Errors
/// Where the least is more than the most.
pub fn scaling(
    present: Scaling,
    wanted: Option<&model::FunctionScalingConfig>,
) -> Result<Scaling, LambdaError> {
    let Some(wanted) = wanted else { return Ok(present) };
    let scaling = Scaling {
        min: unsigned(wanted.min_execution_environments),
        max: unsigned(wanted.max_execution_environments),
    };
    match (scaling.min, scaling.max) {
        (Some(min), Some(max)) if min > max => Err(LambdaError::invalid(
            "MinExecutionEnvironments must be less than or equal to MaxExecutionEnvironments.",
        )),
        _ => Ok(scaling),
    }
}

/// How the choices of a version are told.
pub fn tell(choices: &Choices, answer: &mut model::FunctionConfiguration) {
    answer.durable_config = choices.durable.map(|durable| model::DurableConfig {
        retention_period_in_days: Some(durable.retention_days.cast_signed()),
        execution_timeout: Some(durable.timeout_s.cast_signed()),
    });
    answer.capacity_provider_config =
        choices.capacity.as_ref().map(|capacity| model::CapacityProviderConfig {
            lambda_managed_instances_capacity_provider_config:
                model::LambdaManagedInstancesCapacityProviderConfig {
                    capacity_provider_arn: capacity.provider.to_string(),
                    per_execution_environment_max_concurrency: capacity.concurrency.map(u32::cast_signed),
                    execution_environment_memory_gi_b_per_v_cpu: capacity.gib_per_vcpu,
                },
        });
}

/// How a version's scaling is told; nothing where nothing was ever said of it.
pub fn told_scaling(scaling: Scaling) -> Option<model::FunctionScalingConfig> {
    (scaling != Scaling::default()).then(|| model::FunctionScalingConfig {
        min_execution_environments: scaling.min.map(u32::cast_signed),
        max_execution_environments: scaling.max.map(u32::cast_signed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durable(timeout: Option<i32>, days: Option<i32>) -> Result<Option<Durable>, LambdaError> {
        let config = model::DurableConfig { retention_period_in_days: days, execution_timeout: timeout };
        let input = model::CreateFunctionInput { durable_config: Some(config), ..Default::default() };
        of_new(&input).map(|choices| choices.durable)
    }

    #[test]
    fn durable_functions_keep_their_executions_for_two_weeks_unless_told() {
        let of = |timeout_s, retention_days| Some(Durable { timeout_s, retention_days });
        assert_eq!(durable(Some(60), None).unwrap(), of(60, 14));
        assert_eq!(durable(Some(60), Some(1)).unwrap(), of(60, 1));
        assert!(durable(None, Some(1)).is_err());
    }

    #[test]
    fn functions_do_not_become_durable() {
        let config = model::DurableConfig { retention_period_in_days: Some(3), execution_timeout: None };
        let input =
            model::UpdateFunctionConfigurationInput { durable_config: Some(config), ..Default::default() };
        assert!(changed(Choices::default(), &input).is_err());
        let present =
            Choices { durable: Some(Durable { timeout_s: 9, retention_days: 9 }), ..Choices::default() };
        let changed = changed(present, &input).unwrap();
        assert_eq!(changed.durable, Some(Durable { timeout_s: 9, retention_days: 3 }));
    }

    #[test]
    fn the_least_is_no_more_than_the_most() {
        let of = |min, max| model::FunctionScalingConfig {
            min_execution_environments: min,
            max_execution_environments: max,
        };
        assert!(scaling(Scaling::default(), Some(&of(Some(3), Some(2)))).is_err());
        let both = scaling(Scaling::default(), Some(&of(Some(2), Some(3)))).unwrap();
        assert_eq!(both, Scaling { min: Some(2), max: Some(3) });
        assert_eq!(scaling(both, None).unwrap(), both);
    }
}
