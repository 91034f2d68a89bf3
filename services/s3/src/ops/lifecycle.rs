//! The lifecycle rules of a bucket, which `ageing` carries out.

use super::bucket_configurations::{drop_it, keep, place, read};
use crate::errors::{Configuration, S3Error};
use crate::in_directory;
use crate::rules::directory_buckets;
use crate::rules::lifecycle_validity::{self, RuleFault};
use model_s3 as api;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// Small objects stay in their class, whatever the next is: what a request without the header asks for.
const EVERYWHERE: &str = "all_storage_classes_128K";

/// PutBucketLifecycleConfiguration: these rules and no others.
pub async fn put(
    ctx: Ctx,
    input: Arc<api::PutBucketLifecycleConfigurationInput>,
) -> Result<api::PutBucketLifecycleConfigurationOutput, S3Error> {
    let mut configuration = input.lifecycle_configuration.clone().ok_or(S3Error::MalformedXml)?;
    lifecycle_validity::validate(&configuration.rules).map_err(refused)?;
    if directory_buckets::is_named_so(&input.bucket) {
        in_directory::check_lifecycle(&configuration.rules)?;
    }
    for rule in &mut configuration.rules {
        if rule.id.as_deref().is_none_or(str::is_empty) {
            rule.id = Some(ctx.uuid());
        }
    }
    let least = input.transition_default_minimum_object_size.clone();
    let least = least.unwrap_or_else(|| api::TransitionDefaultMinimumObjectSize::from(EVERYWHERE));
    if matches!(least, api::TransitionDefaultMinimumObjectSize::Other(_)) {
        return Err(S3Error::InvalidRequest {
            message: format!("Invalid TransitionDefaultMinimumObjectSize found: {}", least.as_str()),
        });
    }
    let kept = api::GetBucketLifecycleConfigurationOutput {
        rules: Some(configuration.rules),
        transition_default_minimum_object_size: Some(least.clone()),
    };
    keep(&ctx, place!(input, Lifecycle), kept, |_, _| Ok(())).await?;
    Ok(api::PutBucketLifecycleConfigurationOutput { transition_default_minimum_object_size: Some(least) })
}

fn refused(fault: RuleFault) -> S3Error {
    match fault {
        RuleFault::Shape => S3Error::MalformedXml,
        RuleFault::NoAction => S3Error::InvalidRequest {
            message: "At least one action needs to be specified in a rule".to_owned(),
        },
        RuleFault::Conflict(message) => S3Error::InvalidRequest { message: message.into_owned() },
        RuleFault::Argument(message) => S3Error::WordedArgument { message },
        // Recorded of AWS by LocalStack's test_put_bucket_lifecycle_conf_exc.
        RuleFault::Date(given) => S3Error::InvalidArgument {
            message: "'Date' must be at midnight GMT",
            name: "Date",
            value: given.iso8601_millis(),
        },
        RuleFault::SameId(id) => S3Error::WordedArgument {
            message: format!("Rule ID must be unique. Found same ID for more than one rule: {id}"),
        },
    }
}

/// GetBucketLifecycleConfiguration.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetBucketLifecycleConfigurationInput>,
) -> Result<api::GetBucketLifecycleConfigurationOutput, S3Error> {
    let kept = read(&ctx, &place!(input, Lifecycle))?;
    kept.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::Lifecycle))
}

/// DeleteBucketLifecycle.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteBucketLifecycleInput>) -> Result<Unit, S3Error> {
    drop_it::<api::GetBucketLifecycleConfigurationOutput>(&ctx, place!(input, Lifecycle)).await
}
