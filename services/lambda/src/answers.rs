//! What clients are told of functions, versions, aliases and mappings.

use crate::download;
use crate::ops::layers::arn_of as layer_arn;
use crate::rules::choices;
use crate::rules::layers::NamedLayer;
use crate::state::choices as kept_choices;
use crate::state::layers::LayerVersion;
use crate::state::{
    self, Alias, Configuration, EventConfig, Function, ImageChoices, LATEST, LayerUse, LogLevels, Mapping,
    Origin,
};
use model_lambda as model;
use names::{Arn, Scope, Timestamp};
use service::{Ctx, hex};
use sha2::{Digest, Sha256};
use store::{Fault, Read};

/// Where a function stands when it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be invoked.
    Active,
    /// It is being made.
    Creating,
    /// It is being changed.
    Updating,
}

/// `2026-01-31T12:00:00.000+0000`: the form of LastModified.
pub fn moment(at: Timestamp) -> String {
    let text = at.iso8601_millis();
    text.trim_end_matches('Z').to_owned() + "+0000"
}

/// The ARN by which a configuration is told: a version's with its number.
pub fn arn_of(scope: &Scope, configuration: &Configuration) -> Arn {
    let version = Some(configuration.version.as_str()).filter(|version| *version != LATEST);
    state::arn(scope, &configuration.name, version)
}

/// A configuration, under an ARN.
pub fn configuration(
    arn: &Arn,
    configuration: &Configuration,
    standing: Standing,
) -> model::FunctionConfiguration {
    let settings = &configuration.settings;
    let environment = settings
        .environment
        .clone()
        .map(|variables| model::EnvironmentResponse { variables: Some(variables), error: None });
    let dead_letter = settings.dead_letter.as_ref();
    let mut answer = model::FunctionConfiguration {
        function_name: Some(configuration.name.clone()),
        function_arn: Some(arn.to_string()),
        runtime: Some(settings.runtime.as_str()).filter(|name| !name.is_empty()).map(model::Runtime::from),
        role: Some(settings.role.to_string()),
        handler: Some(settings.handler.clone()).filter(|name| !name.is_empty()),
        image_config_response: image_choices(configuration),
        code_size: Some(i64::try_from(configuration.code.size).unwrap_or(i64::MAX)),
        description: Some(settings.description.clone()),
        timeout: Some(settings.timeout_s.cast_signed()),
        memory_size: Some(settings.memory_mb.cast_signed()),
        last_modified: Some(moment(configuration.modified)),
        code_sha256: Some(match configuration.origin {
            // The image's own digest, as its URI has it.
            Origin::Image(_) => service::hex(&configuration.code.sha256),
            _ => base64(&configuration.code.sha256),
        }),
        version: Some(configuration.version.clone()),
        dead_letter_config: dead_letter
            .map(|arn| model::DeadLetterConfig { target_arn: Some(arn.to_string()) }),
        environment,
        kms_key_arn: settings.kms_key.clone(),
        tracing_config: Some(model::TracingConfigResponse {
            mode: Some(model::TracingMode::from(settings.tracing.as_str())),
        }),
        revision_id: Some(configuration.revision.clone()),
        package_type: Some(match configuration.origin {
            Origin::Image(_) => model::PackageType::Image,
            Origin::Package | Origin::Folder(_) => model::PackageType::Zip,
        }),
        layers: told_layers(&settings.layers),
        architectures: Some(vec![model::Architecture::from(settings.architecture.as_str())]),
        ephemeral_storage: Some(model::EphemeralStorage { size: settings.storage_mb.cast_signed() }),
        snap_start: Some(model::SnapStartResponse {
            apply_on: Some(model::SnapStartApplyOn::from(settings.snap_start.as_str())),
            optimization_status: Some(model::SnapStartOptimizationStatus::Off),
        }),
        logging_config: Some(logging(configuration)),
        runtime_version_config: runtime_version(arn, configuration),
        ..Default::default()
    };
    stand(&mut answer, standing);
    answer
}

/// Adds what only some versions of functions have.
///
/// # Errors
/// The store's.
pub fn tell_choices(
    read: &impl Read,
    (scope, function): (&Scope, &Function),
    answer: &mut model::FunctionConfiguration,
) -> Result<(), Fault> {
    let version = answer.version.as_deref().unwrap_or(LATEST);
    choices::tell(&kept_choices::of(read, scope, function.incarnation, version)?, answer);
    Ok(())
}

/// Which version of its runtime a configuration is run with: the one that was chosen by hand, or the only one
/// that this region has. Images bring their own.
fn runtime_version(arn: &Arn, configuration: &Configuration) -> Option<model::RuntimeVersionConfig> {
    let runtime = configuration.settings.runtime.as_str();
    if runtime.is_empty() {
        return None;
    }
    let only = || {
        let region = arn.region().unwrap_or_default();
        let digits = hex(&Sha256::digest(format!("{runtime}/{}", configuration.settings.architecture)));
        format!("arn:aws:lambda:{}::runtime:{digits}", region.as_str())
    };
    let version = configuration.runtime_update.version.clone().unwrap_or_else(only);
    Some(model::RuntimeVersionConfig { runtime_version_arn: Some(version), error: None })
}

fn image_choices(configuration: &Configuration) -> Option<model::ImageConfigResponse> {
    let ImageChoices { entry_point, command, working_directory } = &configuration.settings.image;
    let config = model::ImageConfig {
        entry_point: entry_point.clone(),
        command: command.clone(),
        working_directory: working_directory.clone(),
    };
    let any = entry_point.is_some() || command.is_some() || working_directory.is_some();
    any.then_some(model::ImageConfigResponse { image_config: Some(config), error: None })
}

fn told_layers(layers: &[LayerUse]) -> Option<Vec<model::Layer>> {
    let told = layers.iter().map(|layer| model::Layer {
        arn: Some(layer.arn.to_string()),
        code_size: Some(i64::try_from(layer.code.size).unwrap_or(i64::MAX)),
        ..Default::default()
    });
    Some(told.collect()).filter(|layers: &Vec<_>| !layers.is_empty())
}

fn logging(configuration: &Configuration) -> model::LoggingConfig {
    let settings = &configuration.settings;
    let group = settings.log_group.clone();
    let mut logging = model::LoggingConfig {
        log_format: Some(model::LogFormat::Text),
        log_group: Some(group.unwrap_or_else(|| format!("/aws/lambda/{}", configuration.name))),
        ..Default::default()
    };
    if let Some(LogLevels { application, system }) = &settings.json_logs {
        logging.log_format = Some(model::LogFormat::Json);
        logging.application_log_level = Some(model::ApplicationLogLevel::from(application.as_str()));
        logging.system_log_level = Some(model::SystemLogLevel::from(system.as_str()));
    }
    logging
}

fn runtimes(version: &LayerVersion) -> Option<Vec<model::Runtime>> {
    let told: Vec<_> = version.runtimes.iter().map(|text| model::Runtime::from(text.as_str())).collect();
    Some(told).filter(|told| !told.is_empty())
}

fn architectures(version: &LayerVersion) -> Option<Vec<model::Architecture>> {
    let told: Vec<_> =
        version.architectures.iter().map(|text| model::Architecture::from(text.as_str())).collect();
    Some(told).filter(|told| !told.is_empty())
}

/// A version of a layer, with a link to its content.
pub fn layer_version(
    ctx: &Ctx,
    layer: &NamedLayer,
    version: &LayerVersion,
) -> model::GetLayerVersionResponse {
    model::GetLayerVersionResponse {
        content: Some(model::LayerVersionContentOutput {
            location: Some(download::link(ctx, &version.code)),
            code_sha256: Some(base64(&version.code.sha256)),
            code_size: Some(i64::try_from(version.code.size).unwrap_or(i64::MAX)),
            ..Default::default()
        }),
        layer_arn: Some(layer_arn(&layer.scope, &layer.name, None).to_string()),
        layer_version_arn: Some(layer_arn(&layer.scope, &layer.name, Some(version.number)).to_string()),
        description: Some(version.description.clone()),
        created_date: Some(moment(version.created)),
        version: Some(i64::try_from(version.number).unwrap_or(i64::MAX)),
        compatible_runtimes: runtimes(version),
        license_info: version.license.clone(),
        compatible_architectures: architectures(version),
    }
}

/// A version of a layer in a listing.
pub fn listed_layer(scope: &Scope, name: &str, version: &LayerVersion) -> model::LayerVersionsListItem {
    model::LayerVersionsListItem {
        layer_version_arn: Some(layer_arn(scope, name, Some(version.number)).to_string()),
        version: Some(i64::try_from(version.number).unwrap_or(i64::MAX)),
        description: Some(version.description.clone()).filter(|text| !text.is_empty()),
        created_date: Some(moment(version.created)),
        compatible_runtimes: runtimes(version),
        license_info: version.license.clone(),
        compatible_architectures: architectures(version),
    }
}

fn stand(answer: &mut model::FunctionConfiguration, standing: Standing) {
    match standing {
        Standing::Active => {
            answer.state = Some(model::State::Active);
            answer.last_update_status = Some(model::LastUpdateStatus::Successful);
        }
        Standing::Creating => {
            answer.state = Some(model::State::Pending);
            answer.state_reason = Some("The function is being created.".to_owned());
            answer.state_reason_code = Some(model::StateReasonCode::Creating);
        }
        Standing::Updating => {
            answer.state = Some(model::State::Active);
            answer.last_update_status = Some(model::LastUpdateStatus::InProgress);
            answer.last_update_status_reason = Some("The function is being created.".to_owned());
            answer.last_update_status_reason_code =
                Some(model::LastUpdateStatusReasonCode::Other("Creating".to_owned()));
        }
    }
}

/// A configuration in a listing, which does not tell where functions stand.
pub fn listed(scope: &Scope, found: &Configuration) -> model::FunctionConfiguration {
    model::FunctionConfiguration {
        state: None,
        last_update_status: None,
        runtime_version_config: None,
        ..active(scope, found)
    }
}

/// A configuration that can be invoked, under its own ARN.
pub fn active(scope: &Scope, found: &Configuration) -> model::FunctionConfiguration {
    configuration(&arn_of(scope, found), found, Standing::Active)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// An alias of a function.
pub fn alias(scope: &Scope, function: &str, alias: &Alias) -> model::AliasConfiguration {
    let weights = alias.weighted.clone().map(|(version, weight)| [(version, weight)].into());
    model::AliasConfiguration {
        alias_arn: Some(state::arn(scope, function, Some(&alias.name)).to_string()),
        name: Some(alias.name.clone()),
        function_version: Some(alias.version.clone()),
        description: Some(alias.description.clone()),
        routing_config: weights
            .map(|weights| model::AliasRoutingConfiguration { additional_version_weights: Some(weights) }),
        revision_id: Some(alias.revision.clone()),
    }
}

/// How asynchronous invocations end, under the ARN they are for.
pub fn event_config(arn: &Arn, config: &EventConfig) -> model::FunctionEventInvokeConfig {
    let text = |arn: &Option<Arn>| arn.as_ref().map(Arn::to_string);
    model::FunctionEventInvokeConfig {
        last_modified: Some(config.modified),
        function_arn: Some(arn.to_string()),
        maximum_retry_attempts: config.retries.map(u32::cast_signed),
        maximum_event_age_in_seconds: config.max_age_s.map(u32::cast_signed),
        destination_config: Some(model::DestinationConfig {
            on_success: Some(model::OnSuccess { destination: text(&config.on_success) }),
            on_failure: Some(model::OnFailure { destination: text(&config.on_failure) }),
        }),
    }
}

/// An event source mapping in a state such as `Enabled` or `Creating`.
pub fn mapping(mapping: &Mapping, state: &str) -> model::EventSourceMappingConfiguration {
    let arn = |resource: &str| state::in_scope(&mapping.scope, resource).to_string();
    let filters: Vec<model::Filter> =
        mapping.filters.iter().map(|pattern| model::Filter { pattern: Some(pattern.clone()) }).collect();
    let stream = mapping.stream.as_ref();
    // No bound is told as -1.
    let bound = |bound: Option<u32>| bound.map_or(-1, u32::cast_signed);
    let reports = mapping.reports_failures.then_some(model::FunctionResponseType::ReportBatchItemFailures);
    model::EventSourceMappingConfiguration {
        uuid: Some(mapping.uuid.clone()),
        batch_size: Some(mapping.batch_size.cast_signed()),
        maximum_batching_window_in_seconds: Some(mapping.window_s.cast_signed()),
        event_source_arn: Some(mapping.source.to_string()),
        function_arn: Some(
            state::arn(&mapping.scope, &mapping.function, mapping.qualifier.as_deref()).to_string(),
        ),
        filter_criteria: (!filters.is_empty()).then_some(model::FilterCriteria { filters: Some(filters) }),
        last_modified: Some(mapping.modified),
        state: Some(state.to_owned()),
        starting_position: stream.map(|stream| model::EventSourcePosition::from(stream.position.as_str())),
        parallelization_factor: stream.map(|stream| stream.parallel.cast_signed()),
        bisect_batch_on_function_error: stream.map(|stream| stream.bisects),
        maximum_retry_attempts: stream.map(|stream| bound(stream.retries)),
        maximum_record_age_in_seconds: stream.map(|stream| bound(stream.max_age_s)),
        tumbling_window_in_seconds: stream.map(|stream| stream.window_s.cast_signed()),
        last_processing_result: stream.map(|_| "No records processed".to_owned()),
        destination_config: stream.map(|_| model::DestinationConfig {
            on_failure: Some(model::OnFailure { destination: mapping.on_failure.clone() }),
            on_success: None,
        }),
        // Both are AWS's words.
        state_transition_reason: Some(
            if stream.is_some() { "User action" } else { "USER_INITIATED" }.to_owned(),
        ),
        function_response_types: Some(reports.into_iter().collect()),
        scaling_config: mapping
            .max_concurrency
            .map(|most| model::ScalingConfig { maximum_concurrency: Some(most.cast_signed()) }),
        event_source_mapping_arn: Some(arn(&format!("event-source-mapping:{}", mapping.uuid))),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(Timestamp(1_767_225_600_250)), "2026-01-01T00:00:00.250+0000");
    }
}
