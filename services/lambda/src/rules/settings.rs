//! What the owner of a function chooses: read from requests, with Lambda's defaults, checked.

use crate::errors::LambdaError;
use crate::rules::environment;
use crate::state::{ImageChoices, LogLevels, Settings};
use model_lambda::{
    Architecture, CreateFunctionInput, DeadLetterConfig, Environment, FileSystemConfig, ImageConfig,
    LogFormat, LoggingConfig, PackageType, UpdateFunctionConfigurationInput, VpcConfig,
};
use names::Arn;

const MAX_TIMEOUT_S: i32 = 900;
const MAX_MEMORY_MB: i32 = 10_240;
const DEFAULT_TIMEOUT_S: i32 = 3;
const DEFAULT_MEMORY_MB: i32 = 128;
const DEFAULT_STORAGE_MB: i32 = 512;

/// Runtimes that new functions may have (Lambda developer guide, "Supported runtimes").
const SUPPORTED: [&str; 26] = [
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
    "provided.al2",
    "provided.al2023",
    "python3.8",
    "nodejs16.x",
];

/// Runtimes that functions had once (same guide, "Deprecated runtimes").
const RETIRED: [&str; 23] = [
    "nodejs",
    "nodejs4.3",
    "nodejs4.3-edge",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "java8",
    "python2.7",
    "python3.6",
    "python3.7",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "dotnet5.0",
    "dotnet7",
    "go1.x",
    "ruby2.5",
    "ruby2.7",
    "ruby3.1",
    "provided",
];

/// The runtimes as Lambda tells them, in its order (recorded answers of public test suites, 2025-11).
const TOLD: &str = "[nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, \
                    python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, \
                    dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2]";

/// Choices in the form that creation and change have in common; `None` leaves what is.
#[derive(Default)]
struct Choices<'a> {
    runtime: Option<&'a str>,
    role: Option<&'a str>,
    handler: Option<&'a str>,
    description: Option<&'a str>,
    timeout: Option<i32>,
    memory: Option<i32>,
    storage: Option<i32>,
    environment: Option<&'a Environment>,
    kms_key: Option<&'a str>,
    tracing: Option<&'a str>,
    snap_start: Option<&'a str>,
    dead_letter: Option<&'a DeadLetterConfig>,
    logging: Option<&'a LoggingConfig>,
    vpc: Option<&'a VpcConfig>,
    file_systems: &'a [FileSystemConfig],
}

/// The settings of a new function.
///
/// # Errors
/// Where a choice is none that a function may have, or cannot be had here.
pub fn of_new(input: &CreateFunctionInput) -> Result<Settings, LambdaError> {
    let package = input.package_type.as_ref().unwrap_or(&PackageType::Zip);
    let image = *package == PackageType::Image;
    check_package(input, image)?;
    if input.tenancy_config.is_some() {
        return Err(unavailable("Functions with tenant isolation"));
    }
    if !image && (input.runtime.is_none() || input.handler.is_none()) {
        return Err(LambdaError::invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    }
    let mut settings = defaults(role(&input.role)?);
    settings.image = input.image_config.as_ref().map(choices_of).unwrap_or_default();
    if let Some([architecture]) = input.architectures.as_deref() {
        settings.architecture = architecture.as_str().to_owned();
    }
    let choices = Choices {
        runtime: input.runtime.as_deref(),
        role: None,
        handler: input.handler.as_deref(),
        description: input.description.as_deref(),
        timeout: input.timeout,
        memory: input.memory_size,
        storage: input.ephemeral_storage.as_ref().map(|storage| storage.size),
        environment: input.environment.as_ref(),
        kms_key: input.kms_key_arn.as_deref(),
        tracing: mode(input.tracing_config.as_ref()),
        snap_start: input.snap_start.as_ref().and_then(|snap| snap.apply_on.as_ref()).map(|on| on.as_str()),
        dead_letter: input.dead_letter_config.as_ref(),
        logging: input.logging_config.as_ref(),
        vpc: None,
        file_systems: input.file_system_configs.as_deref().unwrap_or_default(),
    };
    choose(settings, &choices)
}

/// What comes with an image, and what with a zip archive.
fn check_package(input: &CreateFunctionInput, image: bool) -> Result<(), LambdaError> {
    let why = match (image, input.code.image_uri.is_some()) {
        (true, false) => "Please provide ImageUri when creating a function with packageType Image.",
        (false, true) => "Please don't provide ImageUri when creating a function with packageType Zip.",
        (false, false) if input.image_config.is_some() => {
            "ImageConfig is not supported for functions of PackageType Zip."
        }
        (true, true) if input.runtime.is_some() || input.handler.is_some() || input.layers.is_some() => {
            "Please don't provide handler or runtime or layer when the intended function PackageType is Image."
        }
        _ => return Ok(()),
    };
    Err(LambdaError::invalid(why))
}

fn choices_of(config: &ImageConfig) -> ImageChoices {
    let some = |list: &Option<Vec<String>>| list.clone().filter(|list| !list.is_empty());
    ImageChoices {
        entry_point: some(&config.entry_point),
        command: some(&config.command),
        working_directory: config.working_directory.clone().filter(|folder| !folder.is_empty()),
    }
}

/// The settings of a function after a change.
///
/// # Errors
/// Where a choice is none that a function may have, or cannot be had here.
pub fn changed(
    present: &Settings,
    input: &UpdateFunctionConfigurationInput,
) -> Result<Settings, LambdaError> {
    // Only images have no runtime.
    let image = present.runtime.is_empty();
    if input.image_config.is_some() && !image {
        return Err(LambdaError::invalid("ImageConfig is not supported for functions of PackageType Zip."));
    }
    if image && (input.runtime.is_some() || input.handler.is_some() || input.layers.is_some()) {
        return Err(LambdaError::invalid(
            "Please don't provide handler or runtime or layer when the intended function PackageType is Image.",
        ));
    }
    let choices = Choices {
        runtime: input.runtime.as_deref(),
        role: input.role.as_deref(),
        handler: input.handler.as_deref(),
        description: input.description.as_deref(),
        timeout: input.timeout,
        memory: input.memory_size,
        storage: input.ephemeral_storage.as_ref().map(|storage| storage.size),
        environment: input.environment.as_ref(),
        kms_key: input.kms_key_arn.as_deref(),
        tracing: mode(input.tracing_config.as_ref()),
        snap_start: input.snap_start.as_ref().and_then(|snap| snap.apply_on.as_ref()).map(|on| on.as_str()),
        dead_letter: input.dead_letter_config.as_ref(),
        logging: input.logging_config.as_ref(),
        vpc: input.vpc_config.as_ref(),
        file_systems: input.file_system_configs.as_deref().unwrap_or_default(),
    };
    let mut present = present.clone();
    if let Some(config) = &input.image_config {
        present.image = choices_of(config);
    }
    choose(present, &choices)
}

fn mode(config: Option<&model_lambda::TracingConfig>) -> Option<&str> {
    config?.mode.as_ref().map(|mode| mode.as_str())
}

fn defaults(role: Arn) -> Settings {
    Settings {
        runtime: String::new(),
        role,
        handler: String::new(),
        description: String::new(),
        timeout_s: DEFAULT_TIMEOUT_S.unsigned_abs(),
        memory_mb: DEFAULT_MEMORY_MB.unsigned_abs(),
        storage_mb: DEFAULT_STORAGE_MB.unsigned_abs(),
        environment: None,
        kms_key: None,
        architecture: Architecture::X8664.as_str().to_owned(),
        tracing: "PassThrough".to_owned(),
        snap_start: "None".to_owned(),
        dead_letter: None,
        log_group: None,
        json_logs: None,
        layers: Vec::new(),
        image: ImageChoices::default(),
    }
}

fn unavailable(what: &str) -> LambdaError {
    LambdaError::invalid(format!("{what} are not available in this region yet."))
}

fn role(text: &str) -> Result<Arn, LambdaError> {
    let arn = text.parse::<Arn>().ok().filter(|arn| arn.service() == "iam" && arn.kind_and_id().0 == "role");
    arn.ok_or_else(|| {
        LambdaError::Validation(format!(
            "1 validation error detected: Value '{text}' at 'role' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{{12}}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"
        ))
    })
}

fn above(name: &str, value: i32, limit: i32) -> LambdaError {
    LambdaError::Validation(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have value \
         less than or equal to {limit}"
    ))
}

fn choose(mut settings: Settings, choices: &Choices<'_>) -> Result<Settings, LambdaError> {
    refuse_absent(choices)?;
    if let Some(runtime) = choices.runtime {
        settings.runtime = supported(runtime)?.to_owned();
    }
    if let Some(text) = choices.role {
        settings.role = role(text)?;
    }
    if let Some(timeout) = choices.timeout {
        if timeout > MAX_TIMEOUT_S {
            return Err(above("timeout", timeout, MAX_TIMEOUT_S));
        }
        settings.timeout_s = timeout.unsigned_abs();
    }
    if let Some(memory) = choices.memory {
        if memory > MAX_MEMORY_MB {
            return Err(above("memorySize", memory, MAX_MEMORY_MB));
        }
        settings.memory_mb = memory.unsigned_abs();
    }
    if let Some(storage) = choices.storage {
        settings.storage_mb = storage.unsigned_abs();
    }
    if let Some(environment) = choices.environment {
        let variables = environment.variables.clone().unwrap_or_default();
        environment::check(&variables)?;
        settings.environment = Some(variables);
    }
    if let Some(config) = choices.dead_letter {
        settings.dead_letter = dead_letter(config)?;
    }
    if let Some(logging) = choices.logging {
        settings.json_logs = json_logs(logging, settings.json_logs.take())?;
        settings.log_group = logging.log_group.clone().or(settings.log_group);
    }
    let text = |into: &mut String, from: Option<&str>| {
        if let Some(from) = from {
            from.clone_into(into);
        }
    };
    text(&mut settings.handler, choices.handler);
    text(&mut settings.description, choices.description);
    text(&mut settings.tracing, choices.tracing);
    text(&mut settings.snap_start, choices.snap_start);
    if let Some(key) = choices.kms_key {
        settings.kms_key = Some(key.to_owned()).filter(|key| !key.is_empty());
    }
    Ok(settings)
}

/// The levels of logs in JSON. Levels are of that format alone, and INFO where they are not given.
fn json_logs(logging: &LoggingConfig, present: Option<LogLevels>) -> Result<Option<LogLevels>, LambdaError> {
    let json = match &logging.log_format {
        Some(format) => *format == LogFormat::Json,
        None => present.is_some(),
    };
    let (application, system) = (logging.application_log_level.as_ref(), logging.system_log_level.as_ref());
    if !json {
        if application.is_some() || system.is_some() {
            return Err(LambdaError::invalid(
                "To set log levels for your function, the LogFormat must be configured as JSON.",
            ));
        }
        return Ok(None);
    }
    let (old_application, old_system) =
        present.map_or((None, None), |levels| (Some(levels.application), Some(levels.system)));
    let info = || "INFO".to_owned();
    Ok(Some(LogLevels {
        application: application
            .map(|level| level.as_str().to_owned())
            .or(old_application)
            .unwrap_or_else(info),
        system: system.map(|level| level.as_str().to_owned()).or(old_system).unwrap_or_else(info),
    }))
}

/// Refuses what this region does not have.
fn refuse_absent(choices: &Choices<'_>) -> Result<(), LambdaError> {
    if !choices.file_systems.is_empty() {
        return Err(unavailable("File systems of functions"));
    }
    refuse_vpc(choices.vpc)
}

/// Refuses a network of one's own: of a new function, once its code was found, which is looked for first.
///
/// # Errors
/// Where there is one.
pub fn refuse_vpc(vpc: Option<&VpcConfig>) -> Result<(), LambdaError> {
    let subnets = vpc.and_then(|vpc| vpc.subnet_ids.as_deref()).unwrap_or_default();
    if subnets.is_empty() { Ok(()) } else { Err(unavailable("Functions in a VPC")) }
}

fn supported(runtime: &str) -> Result<&str, LambdaError> {
    if SUPPORTED.contains(&runtime) {
        return Ok(runtime);
    }
    if !RETIRED.contains(&runtime) {
        return Err(LambdaError::invalid(format!(
            "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: {TOLD} or be a \
             valid ARN"
        )));
    }
    Err(LambdaError::invalid(format!(
        "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We \
         recommend you use a supported runtime while creating or updating functions."
    )))
}

fn dead_letter(config: &DeadLetterConfig) -> Result<Option<Arn>, LambdaError> {
    let Some(text) = config.target_arn.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let arn = text.parse::<Arn>().ok().filter(|arn| matches!(arn.service(), "sqs" | "sns"));
    arn.map(Some).ok_or_else(|| {
        LambdaError::invalid(format!(
            "The provided target ARN {text} of the dead letter config is not supported."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_lambda::ApplicationLogLevel;

    fn input(change: impl FnOnce(&mut CreateFunctionInput)) -> CreateFunctionInput {
        let mut input = CreateFunctionInput {
            function_name: "f".to_owned(),
            runtime: Some("python3.11".to_owned()),
            role: "arn:aws:iam::000000000000:role/r".to_owned(),
            handler: Some("app.handler".to_owned()),
            ..Default::default()
        };
        change(&mut input);
        input
    }

    /// CreateFunction, API reference: Timeout 3, MemorySize 128, EphemeralStorage 512.
    #[test]
    fn defaults_are_lambdas() {
        let settings = of_new(&input(|_| {})).unwrap();
        assert_eq!((settings.timeout_s, settings.memory_mb, settings.storage_mb), (3, 128, 512));
        assert_eq!((settings.architecture.as_str(), settings.tracing.as_str()), ("x86_64", "PassThrough"));
    }

    #[test]
    fn refusals() {
        type Change = fn(&mut CreateFunctionInput);
        let cases: [(Change, &str); 11] = [
            (|input| input.runtime = None, "Runtime and Handler are mandatory"),
            (|input| input.runtime = Some("python2.7".to_owned()), "python2.7 is no longer supported"),
            (|input| input.runtime = Some("provided".to_owned()), "provided is no longer supported"),
            (|input| input.runtime = Some("PYTHON3.11".to_owned()), "Value PYTHON3.11 at 'runtime' failed"),
            (|input| input.timeout = Some(901), "less than or equal to 900"),
            (|input| input.memory_size = Some(10_241), "less than or equal to 10240"),
            (|input| input.package_type = Some(PackageType::Image), "Please provide ImageUri"),
            (|input| input.code.image_uri = Some("x".to_owned()), "Please don't provide ImageUri"),
            (|input| input.role = "arn:aws:iam::000000000000:user/u".to_owned(), "at 'role'"),
            (
                |input| {
                    let application_log_level = Some(ApplicationLogLevel::Debug);
                    input.logging_config =
                        Some(LoggingConfig { application_log_level, ..Default::default() });
                },
                "must be configured as JSON",
            ),
            (
                |input| {
                    input.dead_letter_config =
                        Some(DeadLetterConfig { target_arn: Some("arn:aws:s3:::b".to_owned()) });
                },
                "dead letter",
            ),
        ];
        for (change, expect) in cases {
            let error = format!("{:?}", of_new(&input(change)).unwrap_err());
            assert!(error.contains(expect), "{error}");
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let present = of_new(&input(|input| input.timeout = Some(30))).unwrap();
        let change = UpdateFunctionConfigurationInput { memory_size: Some(256), ..Default::default() };
        let after = changed(&present, &change).unwrap();
        assert_eq!((after.timeout_s, after.memory_mb, after.handler.as_str()), (30, 256, "app.handler"));
    }
}
