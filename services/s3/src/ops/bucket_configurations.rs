//! Configurations of a bucket that are kept as they are given: acceleration, request payment, attributes,
//! logging, website, and the ones of which a bucket may have many: analytics, archive tiers, inventories,
//! metrics.

use crate::access_logs::AccessLogs;
use crate::ageing;
use crate::errors::{Configuration, S3Error};
use crate::grants;
use crate::lookup;
use crate::rules::website;
use crate::state::buckets::{self, Bucket};
use crate::state::configurations::{self, Kind};
use crate::state::{Configured, Ownership};
use model_s3 as api;
use schema::{Obj, Unit};
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// Most configurations of one kind in a page, and of one kind in a bucket.
const PAGE: usize = 100;
const MAX_OF_A_KIND: usize = 1000;

/// Where a configuration belongs.
#[derive(Debug, Clone)]
pub struct Place {
    /// The bucket's name.
    pub bucket: String,
    /// The account it must be of.
    pub expected_owner: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Its id; empty where there is one of a kind only.
    pub id: String,
}

/// The place of the one configuration of a kind that an input names a bucket for.
macro_rules! place {
    ($input:expr, $kind:ident) => {
        $crate::ops::bucket_configurations::Place {
            bucket: $input.bucket.clone(),
            expected_owner: $input.expected_bucket_owner.clone(),
            kind: $crate::state::configurations::Kind::$kind,
            id: String::new(),
        }
    };
}

pub(crate) use place;

/// Which flag of a bucket says that a kind is there.
fn flag(configured: &mut Configured, kind: Kind) -> Option<&mut bool> {
    match kind {
        Kind::Lifecycle => Some(&mut configured.lifecycle),
        Kind::Replication => Some(&mut configured.replication),
        Kind::Logging => Some(&mut configured.logging),
        Kind::Website => Some(&mut configured.website),
        _ => None,
    }
}

fn mark(tx: &mut Tx, bucket: &mut Bucket, kind: Kind, there: bool) -> Result<(), S3Error> {
    if let Some(known) = flag(&mut bucket.record.configured, kind).filter(|known| **known != there) {
        *known = there;
        buckets::update(tx, bucket)?;
    }
    Ok(())
}

/// Writes a configuration that the check has nothing against.
///
/// # Errors
/// The check's, and where the bucket is not there.
pub async fn keep<T: Obj + Default>(
    ctx: &Ctx,
    place: Place,
    content: T,
    check: impl Fn(&mut Tx, &Bucket) -> Result<(), S3Error> + Send + Sync + 'static,
) -> Result<(), S3Error> {
    let now = ctx.now();
    ctx.commit(move |tx: &mut Tx| {
        let mut bucket = lookup::bucket(tx, &place.bucket, place.expected_owner.as_deref())?;
        check(tx, &bucket)?;
        if !place.id.is_empty() {
            let others = configurations::list::<T, _>(tx, &bucket, place.kind, "").take(MAX_OF_A_KIND);
            let full = others.filter(|row| row.as_ref().map_or(true, |(id, _)| *id != place.id)).count();
            if full == MAX_OF_A_KIND {
                return Err(S3Error::TooManyConfigurations);
            }
        }
        configurations::put(tx, &bucket, place.kind, &place.id, &content)?;
        if place.kind == Kind::Lifecycle {
            ageing::begin(tx, &bucket, now)?;
        }
        mark(tx, &mut bucket, place.kind, true)
    })
    .await
}

/// Removes a configuration; one that is not there is an error where there may be many of its kind.
///
/// # Errors
/// Where the bucket, or one of many, is not there.
pub async fn drop_it<T: Obj + Default>(ctx: &Ctx, place: Place) -> Result<Unit, S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        let mut bucket = lookup::bucket(tx, &place.bucket, place.expected_owner.as_deref())?;
        let known: Option<T> = configurations::get(tx, &bucket, place.kind, &place.id)?;
        if known.is_none() && !place.id.is_empty() {
            return Err(S3Error::absent(&place.bucket, Configuration::OneOfMany));
        }
        configurations::remove(tx, &bucket, place.kind, &place.id)?;
        if place.kind == Kind::Lifecycle {
            configurations::set_ageing(tx, &bucket.name, None)?;
        }
        mark(tx, &mut bucket, place.kind, false)?;
        Ok(Unit)
    })
    .await
}

/// Reads a configuration, where it is there.
///
/// # Errors
/// Where the bucket is not there.
pub fn read<T: Obj + Default>(ctx: &Ctx, place: &Place) -> Result<Option<T>, S3Error> {
    let read = ctx.read();
    let bucket = lookup::bucket(&read, &place.bucket, place.expected_owner.as_deref())?;
    Ok(configurations::get(&read, &bucket, place.kind, &place.id)?)
}

/// PutBucketAccelerateConfiguration.
pub async fn put_accelerate(
    ctx: Ctx,
    input: Arc<api::PutBucketAccelerateConfigurationInput>,
) -> Result<Unit, S3Error> {
    let configuration = input.accelerate_configuration.clone();
    if input.bucket.contains('.') {
        return Err(S3Error::InvalidRequest {
            message: "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
                .to_owned(),
        });
    }
    if matches!(configuration.status, None | Some(api::BucketAccelerateStatus::Other(_))) {
        return Err(S3Error::MalformedXml);
    }
    let place = place!(input, Accelerate);
    let suspends = configuration.status == Some(api::BucketAccelerateStatus::Suspended);
    // What was never on cannot be suspended: S3 keeps answering that nothing is set.
    if suspends && read::<api::AccelerateConfiguration>(&ctx, &place)?.is_none() {
        return Ok(Unit);
    }
    keep(&ctx, place, configuration, |_, _| Ok(())).await.map(|()| Unit)
}

/// GetBucketAccelerateConfiguration: nothing where it was never set.
pub async fn get_accelerate(
    ctx: Ctx,
    input: Arc<api::GetBucketAccelerateConfigurationInput>,
) -> Result<api::GetBucketAccelerateConfigurationOutput, S3Error> {
    let kept: Option<api::AccelerateConfiguration> = read(&ctx, &place!(input, Accelerate))?;
    let status = kept.and_then(|kept| kept.status);
    Ok(api::GetBucketAccelerateConfigurationOutput { status, request_charged: None })
}

/// PutBucketRequestPayment.
pub async fn put_request_payment(
    ctx: Ctx,
    input: Arc<api::PutBucketRequestPaymentInput>,
) -> Result<Unit, S3Error> {
    let configuration = input.request_payment_configuration.clone();
    if matches!(configuration.payer, api::Payer::Other(_)) {
        return Err(S3Error::MalformedXml);
    }
    keep(&ctx, place!(input, RequestPayment), configuration, |_, _| Ok(())).await.map(|()| Unit)
}

/// GetBucketRequestPayment: the owner pays unless it was set otherwise.
pub async fn get_request_payment(
    ctx: Ctx,
    input: Arc<api::GetBucketRequestPaymentInput>,
) -> Result<api::GetBucketRequestPaymentOutput, S3Error> {
    let kept: Option<api::RequestPaymentConfiguration> = read(&ctx, &place!(input, RequestPayment))?;
    let payer = kept.map_or(api::Payer::BucketOwner, |kept| kept.payer);
    Ok(api::GetBucketRequestPaymentOutput { payer: Some(payer) })
}

/// PutBucketAbac.
pub async fn put_abac(ctx: Ctx, input: Arc<api::PutBucketAbacInput>) -> Result<Unit, S3Error> {
    let status = input.abac_status.clone();
    if matches!(status.status, None | Some(api::BucketAbacStatus::Other(_))) {
        return Err(S3Error::MalformedXml);
    }
    keep(&ctx, place!(input, Abac), status, |_, _| Ok(())).await.map(|()| Unit)
}

/// GetBucketAbac: off unless it was set.
pub async fn get_abac(
    ctx: Ctx,
    input: Arc<api::GetBucketAbacInput>,
) -> Result<api::GetBucketAbacOutput, S3Error> {
    let kept: Option<api::AbacStatus> = read(&ctx, &place!(input, Abac))?;
    let status = kept.unwrap_or(api::AbacStatus { status: Some(api::BucketAbacStatus::Disabled) });
    Ok(api::GetBucketAbacOutput { abac_status: Some(status) })
}

/// PutBucketLogging: an empty status ends it.
pub async fn put_logging(ctx: Ctx, input: Arc<api::PutBucketLoggingInput>) -> Result<Unit, S3Error> {
    let Some(enabled) = input.bucket_logging_status.logging_enabled.clone() else {
        return drop_it::<api::BucketLoggingStatus>(&ctx, place!(input, Logging)).await;
    };
    let status = input.bucket_logging_status.clone();
    check_grants(enabled.target_grants.as_deref().unwrap_or_default())?;
    ctx.part::<AccessLogs>().begin();
    keep(&ctx, place!(input, Logging), status, move |tx, bucket| {
        let target = buckets::find(tx, &enabled.target_bucket)?;
        let refused = || S3Error::InvalidLogTarget { bucket: enabled.target_bucket.clone() };
        let target = target.filter(|target| target.owner == bucket.owner).ok_or_else(refused)?;
        if target.record.region != bucket.record.region {
            let (source, target) = (bucket.record.region.to_string(), target.record.region.to_string());
            return Err(S3Error::LogsElsewhere { source, target });
        }
        let grants = enabled.target_grants.as_ref().is_some_and(|grants| !grants.is_empty());
        if grants && target.record.ownership == Some(Ownership::BucketOwnerEnforced) {
            // S3 User Guide, "Enabling Amazon S3 server access logging", target grants.
            let message = "Bucket owner enforced setting for Object Ownership is enabled on the target bucket, so it \
                           does not support target grants.";
            return Err(S3Error::InvalidRequest { message: message.to_owned() });
        }
        Ok(())
    })
    .await
    .map(|()| Unit)
}

/// Each grant of a log's objects is somebody's, and of a permission that there is.
fn check_grants(grants: &[api::TargetGrant]) -> Result<(), S3Error> {
    for grant in grants {
        grants::grantee(grant.grantee.as_ref().ok_or(S3Error::MalformedXml)?)?;
        // Permissions on lists are taken, too (recorded of AWS by LocalStack's
        // test_put_bucket_logging_accept_wrong_grants).
        let on_lists = |other: &str| matches!(other, "READ_ACP" | "WRITE_ACP");
        match &grant.permission {
            None => return Err(S3Error::MalformedXml),
            Some(api::BucketLogsPermission::Other(other)) if !on_lists(other) => {
                return Err(S3Error::MalformedXml);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// GetBucketLogging: nothing where it is off.
pub async fn get_logging(
    ctx: Ctx,
    input: Arc<api::GetBucketLoggingInput>,
) -> Result<api::GetBucketLoggingOutput, S3Error> {
    let kept: Option<api::BucketLoggingStatus> = read(&ctx, &place!(input, Logging))?;
    Ok(api::GetBucketLoggingOutput { logging_enabled: kept.and_then(|kept| kept.logging_enabled) })
}

/// PutBucketWebsite.
pub async fn put_website(ctx: Ctx, input: Arc<api::PutBucketWebsiteInput>) -> Result<Unit, S3Error> {
    let configuration = input.website_configuration.clone();
    website::validate(&configuration).map_err(|fault| match fault {
        website::Fault::Shape => S3Error::MalformedXml,
        website::Fault::Argument(message, name, value) => S3Error::InvalidArgument { message, name, value },
        website::Fault::Request(message) => S3Error::InvalidRequest { message },
    })?;
    keep(&ctx, place!(input, Website), configuration, |_, _| Ok(())).await.map(|()| Unit)
}

/// GetBucketWebsite.
pub async fn get_website(
    ctx: Ctx,
    input: Arc<api::GetBucketWebsiteInput>,
) -> Result<api::GetBucketWebsiteOutput, S3Error> {
    let kept: Option<api::WebsiteConfiguration> = read(&ctx, &place!(input, Website))?;
    let kept = kept.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::Website))?;
    Ok(api::GetBucketWebsiteOutput {
        redirect_all_requests_to: kept.redirect_all_requests_to,
        index_document: kept.index_document,
        error_document: kept.error_document,
        routing_rules: kept.routing_rules,
    })
}

/// DeleteBucketWebsite.
pub async fn delete_website(ctx: Ctx, input: Arc<api::DeleteBucketWebsiteInput>) -> Result<Unit, S3Error> {
    drop_it::<api::WebsiteConfiguration>(&ctx, place!(input, Website)).await
}

/// What is kept as it is.
#[expect(clippy::unnecessary_wraps, reason = "stands where other kinds are held against what S3 takes")]
fn any<T>(_: &T) -> Result<(), S3Error> {
    Ok(())
}

/// Inventories as S3 takes them (recorded of AWS by LocalStack's test_s3_put_inventory_report_exceptions).
fn known_inventory(inventory: &api::InventoryConfiguration) -> Result<(), S3Error> {
    let destination = &inventory.destination.s3_bucket_destination;
    if !destination.bucket.starts_with("arn:aws:s3:::") {
        return Err(S3Error::InvalidDestinationBucket);
    }
    let fields = inventory.optional_fields.as_deref().unwrap_or_default();
    let unknown = matches!(destination.format, api::InventoryFormat::Other(_))
        || matches!(inventory.schedule.frequency, api::InventoryFrequency::Other(_))
        || matches!(inventory.included_object_versions, api::InventoryIncludedObjectVersions::Other(_))
        || fields.iter().any(|field| matches!(field, api::InventoryOptionalField::Other(_)));
    if unknown { Err(S3Error::MalformedXml) } else { Ok(()) }
}

/// The operations on configurations of which a bucket may have many: what another id in the body is told as (it
/// differs, recorded of AWS by LocalStack's test_s3_analytics_configurations and test_s3_intelligent_tier_config),
/// and what is taken.
macro_rules! many {
    ($($module:ident: $kind:ident, $configuration:ident, $member:ident, $mismatch:ident, $valid:path,
        $put:ident, $get:ident => $got:ident, $delete:ident, $list:ident => $listed:ident, $rows:ident;)*) => {$(
        #[doc = concat!("Put, get, delete and list of `", stringify!($configuration), "`.")]
        pub mod $module {
            use super::*;

            fn place(bucket: &str, owner: &Option<String>, id: &str) -> Place {
                Place {
                    bucket: bucket.to_owned(),
                    expected_owner: owner.clone(),
                    kind: Kind::$kind,
                    id: id.to_owned(),
                }
            }

            /// Writes one under its id, which it must name itself.
            pub async fn put(ctx: Ctx, input: Arc<api::$put>) -> Result<Unit, S3Error> {
                let content = input.$member.clone();
                if content.id.is_empty() || content.id.len() > 64 || content.id != input.id {
                    return Err(S3Error::$mismatch);
                }
                $valid(&content)?;
                let place = place(&input.bucket, &input.expected_bucket_owner, &input.id);
                keep(&ctx, place, content, |_, _| Ok(())).await.map(|()| Unit)
            }

            /// Reads one.
            pub async fn get(ctx: Ctx, input: Arc<api::$get>) -> Result<api::$got, S3Error> {
                let place = place(&input.bucket, &input.expected_bucket_owner, &input.id);
                let kept: Option<api::$configuration> = read(&ctx, &place)?;
                let kept = kept.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::OneOfMany))?;
                Ok(api::$got { $member: Some(kept) })
            }

            /// Removes one.
            pub async fn delete(ctx: Ctx, input: Arc<api::$delete>) -> Result<Unit, S3Error> {
                let place = place(&input.bucket, &input.expected_bucket_owner, &input.id);
                drop_it::<api::$configuration>(&ctx, place).await
            }

            /// Lists them, a page at a time.
            pub async fn list(ctx: Ctx, input: Arc<api::$list>) -> Result<api::$listed, S3Error> {
                let place = place(&input.bucket, &input.expected_bucket_owner, "");
                let page = page::<api::$configuration>(&ctx, &place, input.continuation_token.as_deref())?;
                Ok(api::$listed {
                    is_truncated: Some(page.next.is_some()),
                    continuation_token: input.continuation_token.clone(),
                    next_continuation_token: page.next,
                    $rows: (!page.rows.is_empty()).then_some(page.rows),
                })
            }
        }
    )*};
}

many! {
    analytics: Analytics, AnalyticsConfiguration, analytics_configuration,
        MalformedXml, any,
        PutBucketAnalyticsConfigurationInput,
        GetBucketAnalyticsConfigurationInput => GetBucketAnalyticsConfigurationOutput,
        DeleteBucketAnalyticsConfigurationInput,
        ListBucketAnalyticsConfigurationsInput => ListBucketAnalyticsConfigurationsOutput,
        analytics_configuration_list;
    tiering: IntelligentTiering, IntelligentTieringConfiguration, intelligent_tiering_configuration,
        MalformedXml, any,
        PutBucketIntelligentTieringConfigurationInput,
        GetBucketIntelligentTieringConfigurationInput => GetBucketIntelligentTieringConfigurationOutput,
        DeleteBucketIntelligentTieringConfigurationInput,
        ListBucketIntelligentTieringConfigurationsInput => ListBucketIntelligentTieringConfigurationsOutput,
        intelligent_tiering_configuration_list;
    inventory: Inventory, InventoryConfiguration, inventory_configuration,
        IdMismatch, known_inventory,
        PutBucketInventoryConfigurationInput,
        GetBucketInventoryConfigurationInput => GetBucketInventoryConfigurationOutput,
        DeleteBucketInventoryConfigurationInput,
        ListBucketInventoryConfigurationsInput => ListBucketInventoryConfigurationsOutput,
        inventory_configuration_list;
    metrics: Metrics, MetricsConfiguration, metrics_configuration,
        IdMismatch, any,
        PutBucketMetricsConfigurationInput,
        GetBucketMetricsConfigurationInput => GetBucketMetricsConfigurationOutput,
        DeleteBucketMetricsConfigurationInput,
        ListBucketMetricsConfigurationsInput => ListBucketMetricsConfigurationsOutput,
        metrics_configuration_list;
}

/// A page of configurations, and the token of the next.
struct Page<T> {
    rows: Vec<T>,
    next: Option<String>,
}

fn page<T: Obj + Default>(ctx: &Ctx, place: &Place, token: Option<&str>) -> Result<Page<T>, S3Error> {
    let after = match token {
        None => String::new(),
        Some(token) => {
            let position = ctx.page_position(&place.bucket, token);
            position.and_then(|position| String::from_utf8(position).ok()).ok_or_else(|| {
                S3Error::UntoldArgument {
                    message: "The continuation token provided is incorrect".into(),
                    name: "continuation-token",
                }
            })?
        }
    };
    let read = ctx.read();
    let bucket = lookup::bucket(&read, &place.bucket, place.expected_owner.as_deref())?;
    let mut rows: Vec<(String, T)> =
        configurations::list(&read, &bucket, place.kind, &after).take(PAGE + 1).collect::<Result<_, _>>()?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|(id, _)| ctx.page_token(&place.bucket, id.as_bytes()));
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}
