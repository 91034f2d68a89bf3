//! The cross-origin rules of a bucket.

use crate::errors::{Configuration, S3Error};
use crate::lookup;
use crate::rules::cors::{self, CorsFault, CorsRule};
use crate::state::CorsRecord;
use crate::state::buckets;
use model_s3 as api;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// PutBucketCors.
pub async fn put(ctx: Ctx, input: Arc<api::PutBucketCorsInput>) -> Result<Unit, S3Error> {
    let rules: Vec<CorsRule> = input.cors_configuration.cors_rules.iter().map(kept).collect();
    cors::validate(&rules).map_err(refused)?;
    let record = CorsRecord { rules };
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        buckets::put_cors(tx, &bucket, Some(&record))?;
        Ok(Unit)
    })
    .await
}

fn kept(rule: &api::CORSRule) -> CorsRule {
    CorsRule {
        id: rule.id.clone(),
        allowed_headers: rule.allowed_headers.clone().unwrap_or_default(),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_origins: rule.allowed_origins.clone(),
        expose_headers: rule.expose_headers.clone().unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds,
    }
}

fn refused(fault: CorsFault) -> S3Error {
    let message = match fault {
        CorsFault::Shape => return S3Error::MalformedXml,
        CorsFault::Method(method) => {
            format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}")
        }
        CorsFault::Origin(origin) => {
            format!("AllowedOrigin \"{origin}\" can not have more than one wildcard.")
        }
        CorsFault::Header(header) => {
            format!("AllowedHeader \"{header}\" can not have more than one wildcard.")
        }
        CorsFault::Exposed(header) => format!(
            "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
        ),
    };
    S3Error::InvalidRequest { message }
}

/// GetBucketCors.
pub async fn get(ctx: Ctx, input: Arc<api::GetBucketCorsInput>) -> Result<api::GetBucketCorsOutput, S3Error> {
    let read = ctx.read();
    let bucket = lookup::bucket(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let record =
        buckets::cors(&read, &bucket)?.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::Cors))?;
    let listed = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
    let rules = record.rules.into_iter().map(|rule| api::CORSRule {
        id: rule.id,
        allowed_headers: listed(rule.allowed_headers),
        allowed_methods: rule.allowed_methods,
        allowed_origins: rule.allowed_origins,
        expose_headers: listed(rule.expose_headers),
        max_age_seconds: rule.max_age_seconds,
    });
    Ok(api::GetBucketCorsOutput { cors_rules: Some(rules.collect()) })
}

/// DeleteBucketCors.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteBucketCorsInput>) -> Result<Unit, S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        buckets::put_cors(tx, &bucket, None)?;
        Ok(Unit)
    })
    .await
}
