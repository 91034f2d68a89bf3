//! Every model of the workspace by its folder's name, and the routers that find their operations.

use schema::{OperationShape, Protocol, ServiceShape};
use wire::{Router, Rules};

/// The models, by folder.
const MODELS: &[(&str, &ServiceShape)] = &[
    ("apigatewayv2", &model_apigatewayv2::SERVICE),
    ("dynamodb", &model_dynamodb::SERVICE),
    ("dynamodbstreams", &model_dynamodbstreams::SERVICE),
    ("fixture-cloudwatch", &model_fixture_cloudwatch::SERVICE),
    ("fixture-ec2", &model_fixture_ec2::SERVICE),
    ("fixture-kinesis", &model_fixture_kinesis::SERVICE),
    (SECOND_S3, &model_fixture_s3_select::SERVICE),
    ("iam", &model_iam::SERVICE),
    ("lambda", &model_lambda::SERVICE),
    ("logs", &model_logs::SERVICE),
    ("s3", &model_s3::SERVICE),
    ("s3control", &model_s3control::SERVICE),
    ("sns", &model_sns::SERVICE),
    ("sqs", &model_sqs::SERVICE),
    ("sts", &model_sts::SERVICE),
];

/// A fixture of a service that a room serves too: it needs a router of its own.
const SECOND_S3: &str = "fixture-s3-select";

/// The models and their routers.
pub struct Services {
    all: Router,
    second: Router,
}

impl Services {
    /// One router over all services, as the region has it, and one for the fixture that would clash.
    pub fn new() -> Self {
        let rules = || Rules {
            bases: vec!["localhost".to_owned(), "localhost.localstack.cloud".to_owned()],
            marks: vec!["execute-api", "lambda-url"],
        };
        let (second, all): (Vec<_>, Vec<_>) = MODELS.iter().partition(|(folder, _)| *folder == SECOND_S3);
        let shapes = |models: Vec<&(&str, &'static ServiceShape)>| -> Vec<&'static ServiceShape> {
            models.into_iter().map(|(_, service)| *service).collect()
        };
        Services { all: Router::new(&shapes(all), rules()), second: Router::new(&shapes(second), rules()) }
    }

    /// The router that knows a model.
    pub fn router(&self, folder: &str) -> &Router {
        if folder == SECOND_S3 { &self.second } else { &self.all }
    }
}

/// A served operation of a model.
pub fn operation(
    folder: &str,
    name: &str,
) -> Result<(&'static ServiceShape, &'static OperationShape), String> {
    let (_, service) = MODELS
        .iter()
        .find(|(known, _)| *known == folder)
        .ok_or_else(|| format!("there is no model {folder}"))?;
    let operation = service.operation(name).ok_or_else(|| format!("{folder} has no {name}"))?;
    Ok((service, operation))
}

/// A service's protocol by botocore's word for it.
pub fn protocol(service: &ServiceShape, word: &str) -> Result<Protocol, String> {
    let fits = |protocol: &&Protocol| match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => word == "json",
        Protocol::AwsQuery => word == "query",
        Protocol::Ec2Query => word == "ec2",
        Protocol::RestJson1 => word == "rest-json",
        Protocol::RestXml => word == "rest-xml",
        Protocol::RpcV2Cbor => word == "smithy-rpc-v2-cbor",
    };
    let found = service.protocols.iter().find(fits).copied();
    found.ok_or_else(|| format!("{} does not speak {word}", service.name))
}
